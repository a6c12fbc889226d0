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
  readonly spelling: Spelling;
  readonly slot: Slot;
  /** How long the extension's name is, as it was written. */
  readonly length: number;
  /** What segments of this form came to, by the words of their values. */
  readonly values: Map<string, Kept>;
}

export type Forms = Map<string, Form>;

/** Values that are kept for a form: those that come again and again come early. */
const MOST_VALUES = 1000;

/** Learns the form of a segment that was read word by word; `head`: its first three words. */
export function learn(forms: Forms, head: string, { spelling, length }: Use): void {
  const slot = spelling.slots.get(head.slice(head.lastIndexOf(' ') + 1));
  // Blanks are not all that parts words.
  if (slot?.option.arity !== 1 || slot.option.repeats || /["\t]/.test(head)) return;
  forms.set(head, { spelling, slot, length, values: new Map() });
}

/** Reads the value at `at`, the last word of a segment of a known form. False where it is none. */
export function readValue(
  draft: Draft,
  cursor: Cursor,
  { values, slot, spelling, length }: Form,
  at: number,
  stop: number,
  comesAgain: boolean,
): boolean {
  const { start, end } = cursor;
  cursor.at = at;
  cursor.end = stop;
  const whole = nextWord(cursor) && cursor.at === stop;
  cursor.end = end;
  if (!whole) return false;
  const { word } = cursor;
  const before = comesAgain ? values.get(word) : undefined;
  if (before) return useKept(draft, before);
  const value = slot.option.read([word], false, draft.scope.family);
  if (value === undefined) return false;
  const options: Record<string, unknown> = {};
  options[slot.key] = value;
  const use: Use = { spelling, options, at: start + 3, length };
  if (spelling.kind === 'match') draft.matches.push(use);
  else if (draft.target) return false;
  else draft.target = use;
  const ready = completed(draft, use);
  if (ready && comesAgain && values.size < MOST_VALUES) values.set(word, keptAs(spelling.kind, ready));
  return true;
}

/** Takes what a segment came to before. False where it is a second target. */
export function useKept(draft: Draft, { match, alone, target }: Kept): boolean {
  if (match) {
    if (draft.matches.length === 0) draft.alone = alone;
    draft.matches.push(match);
  } else if (draft.target) return false;
  else draft.target = target;
  return true;
}

/** Completes the extension that was read last, and gives it where nothing but its words decides what it is. */
export function completed(draft: Draft, use: Use): MatchUse | undefined {
  // Where an extension may stand in some chains only, that is asked when the rule is complete.
  if (!everywhere(placesOf(use), draft.scope.table)) return undefined;
  const ready = known(draft, use);
  if (use.spelling.kind === 'target') draft.target = ready;
  else draft.matches[draft.matches.length - 1] = ready;
  return ready;
}

/** What is kept of a segment. */
export const keptAs = (kind: Spelling['kind'], ready: MatchUse): Kept =>
  kind === 'target' ? { target: ready } : { match: ready, alone: [ready] };

const everywhere = (places: Places | undefined, table: TableName): boolean =>
  !places?.hooks || BUILT_IN[table].every((hook) => places.hooks?.includes(hook));
