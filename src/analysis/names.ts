import type { Predicate } from '../netfilter/index.ts';
import { eachLeaf } from './leaf.ts';

/** A name, or a beginning of names. */
export interface NamePattern {
  readonly text: string;
  readonly prefix: boolean;
}

/** The longest name of an interface. Source: IFNAMSIZ in linux/if.h, less the end of the string. */
const LONGEST = 15;

/**
 * Interface names that stand for all there are: each that occurs, for each beginning that occurs one that has it and no
 * longer one, and one that has none. Given with what each stands for: `eth+`, and '' for a name that occurs nowhere.
 */
export function namesFor(patterns: readonly NamePattern[]): ReadonlyMap<string, string> {
  const exact = new Set(patterns.flatMap(({ text, prefix }) => (prefix ? [] : [text])));
  const beginnings = [...new Set(patterns.flatMap(({ text, prefix }) => (prefix ? [text] : [])))];
  const names = new Map([...exact].map((name) => [name, name]));
  for (const beginning of [...beginnings, '']) {
    const fresh = freshName(beginning, exact, beginnings);
    if (fresh !== undefined) names.set(fresh, beginning === '' ? '' : `${beginning}+`);
  }
  return new Map([...names].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A name that begins so, and neither occurs nor begins with a longer one of the beginnings. */
function freshName(beginning: string, exact: ReadonlySet<string>, beginnings: readonly string[]): string | undefined {
  const longer = beginnings.filter((other) => other.length > beginning.length && other.startsWith(beginning));
  const free = (name: string): boolean =>
    name.length <= LONGEST && !exact.has(name) && !longer.some((other) => name.startsWith(other));
  const ends = beginning === '' ? WORDS : ENDS;
  return ends.map((end) => beginning + end).find(free);
}

const LETTERS = [...'0123456789abcdefghijklmnopqrstuvwxyz'];
const ENDS = [...LETTERS, ...LETTERS.flatMap((one) => LETTERS.map((other) => one + other))];
const WORDS = ['other0', 'another0', ...LETTERS.map((letter) => `${letter}-other`), ...ENDS];

/** The names and beginnings that a predicate asks for. */
export function namesIn(predicate: Predicate, found: NamePattern[]): void {
  eachLeaf(predicate, (leaf) => {
    if (leaf.kind === 'name') found.push(leaf);
  });
}
