import { BUILT_IN, type MatchUse, type Places, type Rule, type TableName, type TargetUse } from '../netfilter/index.ts';
import type { Draft, Use } from './draft.ts';
import { known, placesOf } from './finish.ts';
import type { Slot, Spelling } from './spelling.ts';
import { type Cursor, nextWord } from './words.ts';

/** What a segment came to: a target, or a match and a list of it for the rules that have no other. */
export interface Kept {
  readonly match?: MatchUse;
  readonly alone?: Rule['matches'];
  readonly target?: TargetUse;
}

/**
 * A segment of four words, like `-m tcp --dport 443`, by its first three: where that form was read before, its value is all
 * that has to be read.
 */
interface Form {
  /** The first three words. */
  readonly head: string;
  readonly slot: Slot;
  /** The use that is being read. One object serves all. */
  readonly use: { -readonly [Key in keyof Use]: Use[Key] };
  /** What segments of this form came to, by the words of their values; by the number where it is written without more. */
  readonly values: Map<string | number, Kept>;
}

/** Those that were met, in about the order of how often: they are few, and are compared with the text where it stands. */
export type Forms = Form[];

/** The form of the segment from `from`, whose last word stands after the blank at `value`. */
export function formAt(forms: Forms, text: string, from: number, value: number): Form | undefined {
  for (let index = 0; index < forms.length; index += 1) {
    const form = forms[index]!;
    if (form.head.length !== value - from || !text.startsWith(form.head, from)) continue;
    if (index > 0) {
      forms[index] = forms[index - 1]!;
      forms[index - 1] = form;
    }
    return form;
  }
  return undefined;
}

/** Values that are kept for a form: those that come again and again come early. */
const MOST_VALUES = 1000;

/** Learns the form of a segment that was read word by word; `head`: its first three words. */
export function learn(forms: Forms, head: string, { spelling, options, at, length }: Use): void {
  const slot = spelling.slots.get(head.slice(head.lastIndexOf(' ') + 1));
  // Blanks are not all that parts words.
  if (slot?.option.arity !== 1 || slot.option.repeats || /["\t]/.test(head)) return;
  forms.push({ head, slot, use: { spelling, options, at, length }, values: new Map() });
}

/** Reads the value at `at`, the last word of a segment of a known form. False where it is none. */
export function readValue(
  draft: Draft,
  cursor: Cursor,
  { values, slot, use }: Form,
  at: number,
  stop: number,
  comesAgain: boolean,
): boolean {
  const { text, start, end } = cursor;
  const number = comesAgain ? numberAt(text, at + 1, stop) : undefined;
  const known = number === undefined ? undefined : values.get(number);
  if (known) {
    cursor.at = stop;
    return useKept(draft, known);
  }
  cursor.at = at;
  cursor.end = stop;
  const whole = nextWord(cursor) && cursor.at === stop;
  cursor.end = end;
  if (!whole) return false;
  const { word } = cursor;
  const before = comesAgain && number === undefined ? values.get(word) : undefined;
  if (before) return useKept(draft, before);
  const { spelling } = use;
  if (spelling.kind === 'target' && draft.target) return false;
  words[0] = word;
  const value = slot.option.read(words, false, draft.scope.family);
  if (value === undefined) return false;
  use.options = {};
  use.options[slot.key] = value;
  use.at = start + 3;
  const ready = readyAlone(draft, use);
  const read = ready ?? { spelling, options: use.options, at: use.at, length: use.length };
  if (spelling.kind === 'match') draft.matches.push(read);
  else draft.target = read;
  if (ready && comesAgain && values.size < MOST_VALUES) values.set(number ?? word, keptAs(spelling.kind, ready));
  return true;
}

/** The number that stands there by itself, in decimal and without leading zeros: it needs no text to be found by. */
function numberAt(text: string, from: number, stop: number): number | undefined {
  const first = text.charCodeAt(from);
  if (stop - from > MOST_DIGITS || first < 49 || first > 57) return undefined;
  let number = first - 48;
  for (let at = from + 1; at < stop; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 48 || code > 57) return undefined;
    number = number * 10 + code - 48;
  }
  return number;
}

const MOST_DIGITS = 9;

/** One list serves all values: what is thrown away at once costs as much as what is kept. */
const words = [''];

/** Takes what a segment came to before. False where it is a second target. */
export function useKept(draft: Draft, { match, alone, target }: Kept): boolean {
  if (match) {
    if (draft.matches.length === 0) draft.alone = alone;
    draft.matches.push(match);
  } else if (draft.target) return false;
  else draft.target = target;
  return true;
}

/** The extension complete, where nothing but its words decides what it is. */
export const readyAlone = (draft: Draft, use: Use): MatchUse | undefined =>
  // Where an extension may stand in some chains only, that is asked when the rule is complete.
  everywhere(placesOf(use), draft.scope.table) ? known(draft, use) : undefined;

/** Completes the extension that was read last, and gives it where nothing but its words decides what it is. */
export function completed(draft: Draft, use: Use): MatchUse | undefined {
  const ready = readyAlone(draft, use);
  if (!ready) return undefined;
  if (use.spelling.kind === 'target') draft.target = ready;
  else draft.matches[draft.matches.length - 1] = ready;
  return ready;
}

/** What is kept of a segment. */
export const keptAs = (kind: Spelling['kind'], ready: MatchUse): Kept =>
  kind === 'target' ? { target: ready } : { match: ready, alone: [ready] };

const everywhere = (places: Places | undefined, table: TableName): boolean =>
  !places?.hooks || BUILT_IN[table].every((hook) => places.hooks?.includes(hook));
