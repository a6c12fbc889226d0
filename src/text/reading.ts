import type { Family } from '../address/index.ts';
import type { Counters, Policy, Rule, Table, TableName, TargetUse } from '../netfilter/index.ts';
import { type Diagnostic, diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import type { Draft, Place } from './draft.ts';
import type { DeferredHooks } from './jumps.ts';
import type { KnownRules, KnownWords } from './known-rules.ts';
import { type Cursor, cursorOver } from './words.ts';

/** How an input is read. */
export interface ReadOptions {
  /** What the input is called in a diagnostic: a file's name, `-` for standard input. */
  readonly source?: string;
  /** The family of all rules, whatever the text says of itself. */
  readonly family?: Family;
  /** Reads what can be read: a rule that cannot is kept word for word, and nothing is known of what it does. */
  readonly keepGoing?: boolean;
  /** With `keepGoing`: hears of each thing that could not be read. */
  report?(diagnostic: Diagnostic): void;
  /** Hears, one sentence each, of what a text does not say and is taken for granted, and of what was passed over. */
  note?(text: string): void;
  /** The table of rules that name none, as `iptables -S` prints them. */
  table?: TableName;
  /** Rules of texts that were read before. */
  readonly known?: KnownRules;
}

/** How many diagnostics are enough to give up on an input. */
export const MOST_DIAGNOSTICS = 100;

/** A place in the text with its line. */
export interface LinedPlace extends Place {
  readonly line: number;
}

/** A chain while its table is read. */
export interface OpenChain {
  readonly name: string;
  policy: Policy | undefined;
  counters: Counters | undefined;
  rules: Rule[];
  /** How far the search for circles of jumps has come with it. */
  searched: 'begun' | 'done' | undefined;
  /** Whether rules of its own lead to chains; undefined where nobody has noted it. */
  leads: boolean | undefined;
  /** What the rules have in common that lead to it. */
  jump: TargetUse | undefined;
  goto: TargetUse | undefined;
  /** Where a rule first named it, as long as it is not declared. */
  used: LinedPlace | undefined;
  /** Rules of it in texts that were read before. */
  known: KnownWords | undefined;
}

export const openChain = (name: string, policy: Policy | undefined, used?: LinedPlace): OpenChain => ({
  name,
  policy,
  counters: undefined,
  rules: [],
  searched: undefined,
  leads: undefined,
  jump: undefined,
  goto: undefined,
  used,
  known: undefined,
});

/** A table while it is read. */
export interface OpenTable extends LinedPlace {
  readonly family: Family;
  readonly name: TableName;
  readonly chains: Map<string, OpenChain>;
  /** Jumps to chains that were not declared by then. */
  readonly undeclared: (LinedPlace & { readonly chain: string })[];
  readonly hooks: DeferredHooks[];
  /** The chain that a command named last. */
  last?: OpenChain;
}

/** An input while it is read. */
export interface Reading {
  readonly text: string;
  readonly options: ReadOptions;
  readonly source: string;
  readonly cursor: Cursor;
  readonly diagnostics: Diagnostic[];
  readonly sets: Map<Family, Table[]>;
  /** Undefined as long as nothing has told it. */
  family: Family | undefined;
  table: OpenTable | undefined;
  draft: Draft | undefined;
  /** The rules that one line has made; one list serves all. */
  readonly made: Rule[];
  /** Outside any table, and this has been said: what follows there is passed over. */
  lost: boolean;
  line: number;
  lineStart: number;
}

export const newReading = (text: string, source: string, options: ReadOptions): Reading => ({
  text,
  options,
  source,
  cursor: cursorOver(text),
  diagnostics: [],
  sets: new Map(),
  family: options.family,
  table: undefined,
  draft: undefined,
  made: [],
  lost: false,
  line: 0,
  lineStart: 0,
});

/** Keeps a fault, with the line and the excerpt that belong to it. */
export function complain(reading: Reading, fault: Fault, line: number, start: number): void {
  if (saidEnough(reading)) return;
  const diagnostic = diagnosticAt(reading.text, fault, line, start);
  if (reading.options.keepGoing) reading.options.report?.(diagnostic);
  // One more than enough: the one that says so.
  if (reading.diagnostics.length <= MOST_DIAGNOSTICS) reading.diagnostics.push(diagnostic);
}

/** Nothing more has to be said of this input. */
export const saidEnough = ({ diagnostics, options }: Reading): boolean =>
  diagnostics.length > MOST_DIAGNOSTICS && !options.report;

/** Where the line begins that a place stands in. */
export const lineStartOf = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

/** Text holds no NUL: what does is some other kind of file. */
export function refuseBinary(text: string, source: string): void {
  const at = text.indexOf('\0');
  if (at < 0) return;
  const line = text.slice(0, at).split('\n').length;
  const start = text.lastIndexOf('\n', at) + 1;
  const fault = new Fault(
    at,
    1,
    'this is binary data, not text',
    'Expected the output of iptables-save, or a snapshot made by sidestep.',
  );
  throw new InputRefused(source, [{ ...diagnosticAt(text, fault, line, start), excerpt: '' }]);
}
