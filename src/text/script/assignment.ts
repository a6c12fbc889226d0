import { expand, joined } from './expand.ts';
import { type Stored, stored, type Value, type Variables } from './variables.ts';
import { plainStart, type Word } from './word.ts';

/** `NAME=value` or `NAME+=value` before a command. */
export interface Assignment {
  readonly name: string;
  /** `+=`. */
  readonly adds: boolean;
  /** The rest of the word. */
  readonly value: Word;
}

export function assignmentIn(word: Word): Assignment | undefined {
  const [, name, adds, value = ''] = /^([A-Za-z_]\w*)(\+?)=(.*)$/s.exec(plainStart(word)) ?? [];
  if (name === undefined) return undefined;
  const rest = word.parts.slice(1);
  const parts = value === '' ? rest : [{ kind: 'text', text: value, quoted: true } as const, ...rest];
  return { name, adds: adds === '+', value: { ...word, parts } };
}

/** The variable that a word gives a value: `NAME=…`, `NAME+=…`, or an item of an array, `NAME[2]=…`. */
export const assignedName = (word: Word): string | undefined =>
  assignmentIn(word)?.name ?? /^([A-Za-z_]\w*)\[[^\]]*\]\+?=/.exec(plainStart(word))?.[1];

/** The words of a command behind what is assigned before it. */
export function behindAssigned(words: readonly Word[]): readonly Word[] {
  const first = words.findIndex((word) => assignedName(word) === undefined);
  return first < 0 ? [] : words.slice(first);
}

/** What an assignment gives a variable: nothing is split there but the words of an array. */
export function assignedValue({ name, adds, value: { parts } }: Assignment, variables: Variables): Value {
  const current = stored(name, variables);
  const before = adds ? current : '';
  const [only, another] = parts;
  if (only?.kind === 'list' && !another) return itemsOf(only.words, before, variables);
  // An array that is set or added to without brackets has its first item changed.
  if (Array.isArray(current)) return undefined;
  const text = joined(parts, variables);
  return text === undefined || typeof before !== 'string' ? undefined : before + text;
}

const MOST_ITEMS = 5000;

/** `(a b)`: the items of an array, behind those that it had before. */
function itemsOf(words: readonly Word[], before: Stored, variables: Variables): readonly string[] | undefined {
  if (before === undefined || typeof before === 'symbol') return undefined;
  const items = typeof before !== 'string' ? [...before] : before === '' ? [] : [before];
  for (const word of words) {
    // `[2]=x` says where it goes.
    const expanded = plainStart(word).startsWith('[') ? undefined : expand(word, variables);
    if (!expanded) return undefined;
    items.push(...expanded.map(({ text }) => text));
  }
  return items.length > MOST_ITEMS ? undefined : items;
}
