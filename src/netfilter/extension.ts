import type { Family } from '../address/index.ts';
import type { Effect } from './effect.ts';
import type { IpSets } from './ipset.ts';
import type { Listed } from './listed.ts';
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
  /** The option may stand again, beside others of its key too: `read` is given what they have made so far. */
  readonly repeats?: true;
  /** The value, or undefined when the words are not of that form. */
  read(words: readonly string[], negated: boolean, family: Family, before?: V): V | undefined;
  /** The option as printed, name included; empty when this value prints nothing. */
  print(value: V, family: Family): string;
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

/** What the tools look at besides an extension's own options before they take it. */
export interface RuleContext {
  readonly family: Family;
  /** The protocol that the rule asks for by `-p`; undefined without one, or where it is negated. */
  readonly protocol: number | undefined;
  /** The protocol that `-p` names, also where it is negated. */
  readonly named?: number | undefined;
}

/** What a match or target needs to know of its surroundings to say what it means. */
export interface MeaningContext {
  readonly family: Family;
  /** The sets that rules name. `aside`: they were read, and whoever asks does not look into them. Undefined: not read. */
  readonly sets?: IpSets | 'aside';
}

/** What matches and targets share: how they are typed and where they may stand. */
export interface Extension<T extends object> {
  readonly name: string;
  /** Other names that `-m` or `-j` take and that print as `name`. */
  readonly aliases?: readonly string[];
  readonly places?: Places | ((options: T) => Places | undefined);
  /** The protocol numbers one of which `-p` must name. */
  readonly protocols?: readonly number[];
  readonly options: OptionTable<T>;
  /** How `iptables -L` words it. Absent: it shows nothing of it, or what it shows is not read. */
  readonly listed?: Listed;
  /** Keys without which the tools refuse it. */
  readonly required?: readonly (keyof T & string)[];
  /** What is wrong with this combination of options, or undefined. The kernel's tools refuse it too. */
  refuse?(options: T, context: RuleContext): string | undefined;
  /**
   * The options as the kernel holds them: what the tools fill in (the default REJECT type) or leave out (a port range
   * that holds every port). Complete options stay as they are.
   */
  complete?(options: T, family: Family): T;
  /** Complete options as the nft back end reprints them, where it has other words for the same. */
  asNft?(options: T): T;
}

/** What has no room for a packet where a match drops it: a clause's subject. */
export interface Dropping<T extends object> {
  full(options: T): string;
  /** How the text of a listing that is not understood tells that the match stands there, and what is full then. */
  readonly listed: { readonly pattern: RegExp; readonly full: string };
}

/** A match: its options, where it may stand, and its meaning. A new one is one file and one line in registry.ts. */
export interface MatchExtension<T extends object> extends Extension<T> {
  predicate(options: T, context: MeaningContext): Predicate;
  /** Where the match itself may drop a packet, whatever the rule does. Source: hotdrop in xt_action_param. */
  readonly mayDrop?: Dropping<T>;
}

/** A target: its options, where it may stand, and its effect. */
export interface TargetExtension<T extends object> extends Extension<T> {
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
  print: () => names[0],
});

/** An option with one value. */
export const value = <T>(names: readonly [string, ...string[]], codec: Codec<T>): Option<T> => ({
  names,
  arity: 1,
  negatable: false,
  expected: codec.expected,
  read: (words, _negated, family) => codec.read(words[0] ?? '', family),
  print: (value, family) => `${names[0]} ${codec.print(value, family)}`,
});

/** An option with one value that a `!` may stand before. */
export const negatable = <T>(names: readonly [string, ...string[]], codec: Codec<T>): Option<Negatable<T>> => ({
  names,
  arity: 1,
  negatable: true,
  expected: codec.expected,
  read: (words, negated, family) => {
    const value = codec.read(words[0] ?? '', family);
    return value === undefined ? undefined : { value, negated };
  },
  print: ({ value, negated }, family) => `${negated ? '! ' : ''}${names[0]} ${codec.print(value, family)}`,
});

/** An option without a value that a `!` may stand before. */
export const negatableFlag = (...names: [string, ...string[]]): Option<Negatable<true>> => ({
  names,
  arity: 0,
  negatable: true,
  expected: 'no value',
  read: (_words, negated) => ({ value: true, negated }),
  print: ({ negated }) => (negated ? `! ${names[0]}` : names[0]),
});
