import type { Family } from '../address/index.ts';
import type { Effect } from './effect.ts';
import type { Predicate } from './predicate.ts';
import type { HookName, MatchUse, Negatable, TableName, TargetUse } from './rules.ts';

/** How one kind of value is read from a word and printed as the kernel reprints it. */
export interface Codec<T> {
  /** What a reader would have accepted: "a port from 0 to 65535, or a range like 8000:8999". */
  readonly expected: string;
  /** The value, or undefined when the word is not one. */
  read(word: string, family: Family): T | undefined;
  /** The printed word, quoted if it has to be. */
  print(value: T, family: Family): string;
}

/** One spelling of an option: the words it is typed as, and how it becomes a value. */
export interface Option<V> {
  /** `--dport` and its other names. The first is the one that is printed. */
  readonly names: readonly [string, ...string[]];
  /** How many words follow the name. */
  readonly arity: 0 | 1 | 2;
  readonly negatable: boolean;
  /** What the words after the name have to be, for a diagnostic. */
  readonly expected: string;
  /** The value, or undefined when the words are not of that form. */
  read(words: readonly string[], negated: boolean, family: Family): V | undefined;
  /** The option as printed, name included; empty when this value prints nothing. */
  print(value: V, family: Family): readonly string[];
}

/**
 * The options of a match or target: one entry a key of `T`, printed in this order. Where several spellings give the
 * same key (`--syn` is a form of `--tcp-flags`), the first prints.
 */
export type OptionTable<T> = {
  readonly [K in keyof T]-?: Option<NonNullable<T[K]>> | readonly Option<NonNullable<T[K]>>[];
};

/** Where the kernel lets an extension stand. Absent: everywhere. Source: each module's `.table` and `.hooks`. */
export interface Places {
  readonly families?: readonly Family[];
  readonly tables?: readonly TableName[];
  readonly hooks?: readonly HookName[];
}

/** What a match or target needs to know of its surroundings to say what it means. */
export interface MeaningContext {
  readonly family: Family;
}

/** A match: its options, where it may stand, and its meaning. A new one is one file and one line in registry.ts. */
export interface MatchExtension<T extends object> {
  readonly name: string;
  /** Other names that `-m` takes and that print as `name`. */
  readonly aliases?: readonly string[];
  readonly places?: Places;
  /** The protocol numbers that `-p` must name for this match to be allowed. */
  readonly protocols?: readonly number[];
  readonly options: OptionTable<T>;
  /** What is wrong with this combination of options, or undefined. The kernel's tools refuse it too. */
  refuse?(options: T, family: Family): string | undefined;
  predicate(options: T, context: MeaningContext): Predicate;
}

/** A target: its options, where it may stand, and its effect. */
export interface TargetExtension<T extends object> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly places?: Places;
  readonly protocols?: readonly number[];
  readonly options: OptionTable<T>;
  refuse?(options: T, family: Family): string | undefined;
  effect(options: T, context: MeaningContext): Effect;
}

/** The options of a rule's use of a match, typed, or undefined when the rule does not use it. */
export function optionsOf<T extends object>(
  extension: { readonly name: string; readonly options: OptionTable<T> },
  uses: readonly (MatchUse | TargetUse | undefined)[],
): T | undefined {
  for (const use of uses) if (use?.kind === 'known' && use.name === extension.name) return use.options as T;
  return undefined;
}

/** An option without a value. */
export const flag = (...names: [string, ...string[]]): Option<true> => ({
  names,
  arity: 0,
  negatable: false,
  expected: 'no value',
  read: () => true,
  print: () => [names[0]],
});

/** An option with one value. */
export const value = <T>(names: readonly [string, ...string[]], codec: Codec<T>): Option<T> => ({
  names,
  arity: 1,
  negatable: false,
  expected: codec.expected,
  read: ([word = ''], _negated, family) => codec.read(word, family),
  print: (value, family) => [names[0], codec.print(value, family)],
});

/** An option with one value that a `!` may stand before. */
export const negatable = <T>(names: readonly [string, ...string[]], codec: Codec<T>): Option<Negatable<T>> => ({
  names,
  arity: 1,
  negatable: true,
  expected: codec.expected,
  read: ([word = ''], negated, family) => {
    const value = codec.read(word, family);
    return value === undefined ? undefined : { value, negated };
  },
  print: ({ value, negated }, family) => [...(negated ? ['!'] : []), names[0], codec.print(value, family)],
});
