import type { HookName } from '../netfilter/index.ts';
import { contentsOfChain } from './contents.ts';
import { LOOPBACK } from './host.ts';
import type { Program } from './program.ts';
import { chainsAt } from './reached.ts';

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
  const exact = namesIn(patterns);
  const beginnings = [...beginningsIn(patterns)];
  const names = new Map([...exact].map((name) => [name, name]));
  for (const beginning of [...beginnings, '']) {
    const fresh = freshName(beginning, exact, beginnings);
    if (fresh !== undefined) names.set(fresh, beginning === '' ? '' : `${beginning}+`);
  }
  return new Map([...names].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const namesIn = (patterns: readonly NamePattern[]): ReadonlySet<string> =>
  new Set(patterns.flatMap(({ text, prefix }) => (prefix ? [] : [text])));

const beginningsIn = (patterns: readonly NamePattern[]): ReadonlySet<string> =>
  new Set(patterns.flatMap(({ text, prefix }) => (prefix ? [text] : [])));

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

/** An interface by which a packet may leave, as far as rules tell one from another. */
export interface Candidate {
  readonly name: string;
  /** As rules write it: `eth1`, `br-+`. Absent: none that they name. */
  readonly pattern?: string;
}

/**
 * The interfaces by which a packet may leave where no routes were read: one for each that rules name, the last one for all
 * others. `usual` is what the last is called, unless a rule knows that name.
 */
function candidatesFor(patterns: readonly NamePattern[], usual: string): readonly Candidate[] {
  const names = namesIn(patterns);
  const beginnings = [...beginningsIn(patterns)].filter((text) => text !== '');
  const known = [...names].filter((name) => name !== '' && name !== LOOPBACK);
  const begun = beginnings.flatMap((text) => {
    const name = freshName(text, names, beginnings);
    return name === undefined ? [] : [{ name, pattern: `${text}+` }];
  });
  const named = names.has(usual) || beginnings.some((text) => usual.startsWith(text));
  const other = named ? freshName('', names, beginnings) : usual;
  return [...known.map((name) => ({ name, pattern: name })), ...begun, { name: other ?? usual }];
}

/** The interfaces by which packets may leave, at either decision that no route was read for. */
export interface Leaving {
  readonly onwards: readonly Candidate[];
  readonly again: readonly Candidate[];
}

/** A packet that goes on meets FORWARD yet; OUTPUT goes on seeing the first device of one that is routed again. */
export const leavingOf = (program: Pick<Program, 'plan'>, usual: string): Leaving => ({
  onwards: candidatesFor(outgoingNames(program, ['FORWARD', 'POSTROUTING']), usual),
  again: candidatesFor(outgoingNames(program, ['POSTROUTING']), usual),
});

/** The names and beginnings that rules of these hooks ask of the interface by which a packet leaves. */
function outgoingNames(program: Pick<Program, 'plan'>, hooks: readonly HookName[]): readonly NamePattern[] {
  const found: NamePattern[] = [];
  for (const chain of chainsAt(program, hooks)) {
    const { reads, leaves } = contentsOfChain(chain);
    if (!reads.has('out')) continue;
    for (const leaf of leaves) if (leaf.kind === 'name' && leaf.field === 'out') found.push(leaf);
  }
  return found;
}
