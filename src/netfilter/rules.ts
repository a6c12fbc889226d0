import type { Family, Prefix } from '../address/index.ts';
import type { NftRule, NftTable } from './nft/table.ts';

/** The tables of iptables, in the order in which a hook runs them. */
export const TABLES = ['raw', 'mangle', 'nat', 'filter', 'security'] as const;
export type TableName = (typeof TABLES)[number];

export type HookName = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

/** Built-in chains of each table, in the order in which iptables-save lists them. Source: iptables(8), TABLES. */
export const BUILT_IN: Readonly<Record<TableName, readonly HookName[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

/** A value that a `!` may stand before. */
export interface Negatable<T> {
  readonly value: T;
  readonly negated: boolean;
}

/** What a rule says of the packet's own header, before any match: `-s -d -i -o -p -f`. */
export interface Header {
  readonly source?: Negatable<Prefix>;
  readonly destination?: Negatable<Prefix>;
  /** An interface name, or one that ends in `+`. */
  readonly in?: Negatable<string>;
  readonly out?: Negatable<string>;
  /** A protocol number; 0 is "all" and is not kept. */
  readonly protocol?: Negatable<number>;
  /** `-f`: second and further fragments only (IPv4). */
  readonly fragment?: Negatable<true>;
}

/** One `-m NAME …` of a rule. `options` has the shape that the match's own file declares. */
export interface MatchUse {
  readonly kind: 'known';
  readonly name: string;
  readonly options: object;
}

/**
 * An extension that Sidestep does not know: its words as they stood, printed back, never guessed at. Without a name it
 * is a whole rule that could not be read.
 */
export interface OpaqueUse {
  readonly kind: 'opaque';
  readonly name: string;
  /** The words after the name as they stood in the text, with their quotes. */
  readonly words: readonly string[];
  /** Why it is not known, as a clause, where the reason is another than the name. */
  readonly because?: string;
}

/** What `-j` or `-g` names. */
export type TargetUse =
  | { readonly kind: 'known'; readonly name: string; readonly options: object }
  | OpaqueUse
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** A condition that a rule may have, of which its text shows nothing, or nothing that Sidestep reads. */
export interface Unshown {
  /** What it would be called in the rule's own words: `-i`, `-s`, or a match's words as the text has them. */
  readonly part: string;
  /** What the text has in its place, where that is anything. */
  readonly words?: string;
  readonly because: string;
  /** How many of the rule's matches stand before it. Absent: it is no match, and the kernel looks at it before them. */
  readonly after?: number;
}

/** One rule: all of `header` and `matches` must hold for `target` to act. */
export interface Rule {
  readonly header: Header;
  readonly matches: readonly (MatchUse | OpaqueUse)[];
  readonly target?: TargetUse;
  readonly counters?: Counters;
  /** The line of its text where it stood, from 1. */
  readonly line?: number;
  /** Read from a text that does not show all of a rule (`iptables -L`): the conditions that it may have besides. */
  readonly unshown?: readonly Unshown[];
  /** Why a generated rule exists, in one clause. Not part of the rule's text. */
  readonly reason?: string;
  /** Made with nft itself in a table of iptables, which does not show it as it is: what nft shows. It counts. */
  readonly nft?: NftRule;
}

export type Policy = 'ACCEPT' | 'DROP' | 'QUEUE';

/** A chain and its rules in order. Only a built-in chain has a policy. */
export interface Chain {
  readonly name: string;
  readonly policy?: Policy;
  readonly counters?: Counters;
  readonly rules: readonly Rule[];
}

/** A table: its chains, built-in ones first as iptables-save lists them, then in the order of the text. */
export interface Table {
  readonly name: TableName;
  readonly chains: readonly Chain[];
  /** Where rules have `nft`: those rules alone, chain by chain, and the sets that they name. */
  readonly nft?: NftTable;
}

/** All rules of one family and one back end. Tables that are not there hold nothing and accept everything. */
export interface RuleSet {
  readonly family: Family;
  readonly tables: readonly Table[];
}

/** The rule set without any table. */
export const emptyRuleSet = (family: Family): RuleSet => ({ family, tables: [] });

export const tableOf = (rules: RuleSet, name: TableName): Table | undefined =>
  rules.tables.find((table) => table.name === name);

export const chainOf = (rules: RuleSet, table: TableName, chain: string): Chain | undefined =>
  tableOf(rules, table)?.chains.find(({ name }) => name === chain);

export const isBuiltIn = (table: TableName, chain: string): boolean =>
  (BUILT_IN[table] as readonly string[]).includes(chain);

export const isTableName = (text: string): text is TableName => (TABLES as readonly string[]).includes(text);
