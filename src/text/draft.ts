import type { Family, Prefix } from '../address/index.ts';
import type {
  Counters,
  Header,
  HookName,
  MatchUse,
  OpaqueUse,
  Rule,
  TableName,
  TargetUse,
} from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import type { Segments } from './segment.ts';
import type { Spelling } from './spelling.ts';
import { type Cursor, nextWord } from './words.ts';

/** Where a rule stands while it is read. */
export interface Scope {
  readonly family: Family;
  readonly table: TableName;
  /** The rule's own chain, when it is known. */
  chain: string | undefined;
  /** The chain of that name, if the table has it; undefined when chains are not known at all. */
  readonly chainNamed: ((name: string) => NamedChain | undefined) | undefined;
  /** A jump to a chain that is not declared, yet: told to the caller, who knows at the table's end. */
  onUndeclared?(chain: string, at: number, length: number): void;
  /** An extension that only some hooks may hold, told to the caller: a user chain is reached from several. */
  onHooks?(name: string, hooks: readonly HookName[], at: number, length: number): void;
}

/** A chain that rules lead to: they share what says so. */
export interface NamedChain {
  readonly name: string;
  jump?: TargetUse | undefined;
  goto?: TargetUse | undefined;
}

/** A target of which the name says all. */
export interface PlainTarget {
  readonly name: string;
  readonly target: TargetUse;
}

/** One use of an extension while its options are read. */
export interface Use {
  readonly spelling: Spelling;
  readonly options: Record<string, unknown>;
  readonly at: number;
  readonly length: number;
}

/** A place in the text. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

/** A header while it is read: one object serves all rules. */
export type OpenHeader = { -readonly [Key in keyof Header]-?: Header[Key] | undefined };

const openHeader = (): OpenHeader => ({
  source: undefined,
  destination: undefined,
  in: undefined,
  out: undefined,
  protocol: undefined,
  fragment: undefined,
});

/** A rule while it is read. One draft serves all rules of a scope, one after the other. */
export interface Draft {
  readonly scope: Scope;
  readonly header: OpenHeader;
  /** The options of the header that have been read, as bits (`bitOf`): also of those that say nothing and are not kept. */
  seen: number;
  /** The protocol that `-p` asks for without a `!`; 0 for all of them. */
  protocol: number | undefined;
  /** Set where `-s` or `-d` names several addresses: one rule for each. */
  sources: readonly Prefix[] | undefined;
  destinations: readonly Prefix[] | undefined;
  /** Where such a list stands, or a `!` before an address. */
  listed: Place | undefined;
  /** A match that is complete already was read before, word for word. */
  readonly matches: (Use | OpaqueUse | MatchUse)[];
  /** All uses with options, the target too, in the order in which they were named. */
  readonly loaded: Use[];
  target: Use | TargetUse | undefined;
  /** Where a target stands that is neither known nor a declared chain: it may yet turn out to be an extension. */
  undeclared: Place | undefined;
  counters: Counters | undefined;
  /** `-4` or `-6` asks for the other family: the rule is none of this rule set's. */
  otherFamily: boolean;
  /** Parts that many rules share: the kernel's text repeats itself. */
  readonly plain: PlainTarget[];
  readonly bare: Map<Spelling, MatchUse>;
  /** By protocol. */
  readonly segments: Segments[];
  /** A list of the first match alone, if rules before had it too. */
  alone: Rule['matches'] | undefined;
  /** The rule is read segment by segment: whatever iptables-save would not write ends that. */
  quick: boolean;
}

export const newDraft = (scope: Scope): Draft => ({
  scope,
  header: openHeader(),
  seen: 0,
  protocol: undefined,
  sources: undefined,
  destinations: undefined,
  listed: undefined,
  matches: [],
  loaded: [],
  target: undefined,
  undeclared: undefined,
  counters: undefined,
  otherFamily: false,
  plain: [],
  bare: new Map(),
  segments: [],
  alone: undefined,
  quick: false,
});

/** Takes everything out of a list and leaves it its room: with a length of 0 it would lose that. */
export function empty(list: unknown[]): void {
  while (list.length > 0) list.pop();
}

/** Makes a draft ready for the next rule. */
export function clear(draft: Draft): void {
  const { header } = draft;
  header.source = undefined;
  header.destination = undefined;
  header.in = undefined;
  header.out = undefined;
  header.protocol = undefined;
  header.fragment = undefined;
  draft.seen = 0;
  draft.protocol = undefined;
  draft.sources = undefined;
  draft.destinations = undefined;
  draft.listed = undefined;
  empty(draft.matches);
  empty(draft.loaded);
  draft.alone = undefined;
  draft.target = undefined;
  draft.undeclared = undefined;
  draft.counters = undefined;
  draft.otherFamily = false;
}

/** An option of one letter as a bit. Of those of the header no two share one. */
export const bitOf = (option: string): number => 1 << (option.charCodeAt(1) & 31);

export const BANG = 'A ! stands before the option that it turns round.';

/** A fault at the word that was read last. */
export const fault = ({ start, stop }: Cursor, message: string, hint = ''): Fault =>
  new Fault(start, stop - start, message, hint);

export function notNegated(cursor: Cursor, option: string, negated: boolean): void {
  if (negated)
    throw fault(
      cursor,
      `${option} cannot be turned round by a !`,
      'The ! stands before an option of the match or header that it negates.',
    );
}

/** Moves on to the value of an option. */
export function needValue(cursor: Cursor, option: string, expected: string): void {
  const { start, stop } = cursor;
  if (!nextWord(cursor))
    throw new Fault(start, stop - start, `${option} needs a value`, `Expected ${expected} after it.`);
}
