import type { Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  type Counters,
  isBuiltIn,
  isTableName,
  type Policy,
  type Rule,
  type RuleSet,
  TABLES,
  type Table,
  type TableName,
} from '../netfilter/index.ts';
import { type Diagnostic, diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import { familyShown } from './family.ts';
import { checkJumps, type DeferredHooks, loopIn } from './jumps.ts';
import { chainNameProblem, readRule, type Scope } from './rule.ts';
import { nearest } from './spelling.ts';
import { type Cursor, cursorOver, nextWord } from './words.ts';

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
}

/** How many diagnostics are enough to give up on an input. */
const MOST_DIAGNOSTICS = 100;

interface OpenChain {
  readonly name: string;
  policy: Policy | undefined;
  counters: Counters | undefined;
  readonly rules: Rule[];
  /** Where the chain was first used; -1 once it is declared. */
  usedAt: number;
  usedLength: number;
  usedLine: number;
}

interface OpenTable {
  readonly name: TableName;
  readonly at: number;
  readonly line: number;
  readonly chains: Map<string, OpenChain>;
  readonly undeclared: {
    readonly chain: string;
    readonly at: number;
    readonly length: number;
    readonly line: number;
  }[];
  readonly hooks: DeferredHooks[];
}

interface Reading {
  readonly text: string;
  readonly options: ReadOptions;
  readonly source: string;
  readonly cursor: Cursor;
  readonly diagnostics: Diagnostic[];
  readonly sets: Map<Family, Table[]>;
  family: Family;
  table: OpenTable | undefined;
  scope: Scope | undefined;
  /** Outside any table, and this has been said: what follows there is passed over. */
  lost: boolean;
  line: number;
  lineStart: number;
}

/**
 * Reads the text of iptables-save, and what iptables-restore takes besides: counters before a rule, `-I`, `-N` and `-P`,
 * all spellings of options. A line `# family ipv6` (or the head of ip6tables-save) begins the other family's part.
 *
 * Throws InputRefused with everything that is wrong with the input.
 *
 * @example parseSave('*nat\n-A OUTPUT -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n')[0]?.family // 'ipv4'
 */
export function parseSave(text: string, options: ReadOptions = {}): RuleSet[] {
  const source = options.source ?? '-';
  refuseBinary(text, source);
  const reading: Reading = {
    text,
    options,
    source,
    cursor: cursorOver(text),
    diagnostics: [],
    sets: new Map(),
    family: options.family ?? familyShown(text),
    table: undefined,
    scope: undefined,
    lost: false,
    line: 0,
    lineStart: 0,
  };
  readLines(reading);
  const { diagnostics } = reading;
  if (diagnostics.length > 0 && !options.keepGoing)
    throw new InputRefused(
      source,
      diagnostics.sort((a, b) => a.line - b.line || a.column - b.column),
    );
  return [...reading.sets].map(([family, tables]) => ({ family, tables }));
}

/** Text has no NUL, and no other control characters in number: what has them is some other kind of file. */
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

function readLines(reading: Reading): void {
  const { text } = reading;
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    reading.line += 1;
    reading.lineStart = start;
    try {
      readLine(reading, start, end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      complain(reading, error, reading.line, start);
      if (reading.diagnostics.length >= MOST_DIAGNOSTICS && !reading.options.keepGoing) {
        const rest = new Fault(
          start,
          1,
          `${MOST_DIAGNOSTICS} faults are enough: the rest was not read`,
          'Is this the text of iptables-save?',
        );
        complain(reading, rest, reading.line, start);
        return;
      }
    }
    start = end + 1;
  }
  const { table } = reading;
  if (!table) return;
  const missing = new Fault(
    table.at,
    table.name.length + 1,
    `*${table.name} has no COMMIT`,
    'A table ends with a line COMMIT; was the text cut off?',
  );
  complain(reading, missing, table.line, lineStartOf(text, table.at));
  if (reading.options.keepGoing) closeTable(reading, table);
}

const lineStartOf = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;

function complain(reading: Reading, fault: Fault, line: number, start: number): void {
  const diagnostic = diagnosticAt(reading.text, fault, line, start);
  if (reading.options.keepGoing) reading.options.report?.(diagnostic);
  if (!reading.options.keepGoing || reading.diagnostics.length < MOST_DIAGNOSTICS) reading.diagnostics.push(diagnostic);
}

function readLine(reading: Reading, start: number, end: number): void {
  const { text } = reading;
  let at = start;
  let code = 0;
  for (; at < end; at += 1) {
    code = text.charCodeAt(at);
    if (code !== 32 && code !== 9) break;
  }
  if (at >= end) return;
  if (code === 35) {
    readComment(reading, text.slice(at, end));
    return;
  }
  if (code === 42) {
    openTable(reading, at, end);
    return;
  }
  const { table } = reading;
  if (!table) {
    if (!reading.lost) outside(reading, at, end);
    return;
  }
  switch (code) {
    case 58: // :
      declareChain(reading, table, at, end);
      return;
    case 45: // -
      readCommand(reading, table, at, end, undefined);
      return;
    case 91: // [
      readCounted(reading, table, at, end);
      return;
    default: {
      const words = text.slice(at, Math.min(end, at + 200)).trimEnd();
      if (words === 'COMMIT') {
        reading.table = undefined;
        closeTable(reading, table);
        return;
      }
      throw new Fault(at, Math.min(end - at, 60), NO_PART, likelyForm(words));
    }
  }
}

/** What a line that does not belong may be. */
function likelyForm(words: string): string {
  if (/^Chain \S+ \(/.test(words)) return 'It looks like iptables -L, which leaves things out: use iptables-save.';
  if (/^(sudo |\S*\/)?ip6?tables\b/.test(words))
    return 'It looks like a shell command: run it, and give the output of iptables-save.';
  if (/^table (ip|ip6|inet|arp|bridge|netdev) /.test(words))
    return 'It looks like nft list ruleset: use iptables-save.';
  return 'Expected *TABLE, :CHAIN POLICY, -A CHAIN …, COMMIT or a comment, as iptables-save writes them.';
}

/** `# family ipv6`, or the head line that iptables-save itself writes. */
function readComment(reading: Reading, comment: string): void {
  if (reading.table) return;
  const said = /^#\s*family\s+(ipv4|ipv6)\s*$/.exec(comment)?.[1] as Family | undefined;
  const head = /^# Generated by (ip6?)tables(?:-nft|-legacy)?-save /.exec(comment)?.[1];
  const family = said ?? (head === undefined ? undefined : head === 'ip6' ? 'ipv6' : 'ipv4');
  if (family === undefined || reading.options.family !== undefined) return;
  reading.family = family;
  // The family is told even where it has no table.
  if (said && !reading.sets.has(family)) reading.sets.set(family, []);
}

/** A line that belongs to no table: told once, for all lines up to the next table. */
function outside(reading: Reading, at: number, end: number): never {
  reading.lost = true;
  const words = reading.text.slice(at, Math.min(end, at + 200)).trimEnd();
  const length = Math.min(words.length, 60);
  if (words === 'COMMIT')
    throw new Fault(at, length, 'COMMIT without a table', 'A table begins with a line like *nat.');
  if (!/^[-:[]/.test(words)) throw new Fault(at, length, NO_PART, likelyForm(words));
  const hint =
    'iptables -S leaves out the lines *nat and COMMIT that begin and end a table; iptables-save writes them.';
  throw new Fault(at, length, 'a line outside any table', hint);
}

const NO_PART = 'this line is no part of a saved rule set';

function openTable(reading: Reading, at: number, end: number): void {
  const { text, table: before } = reading;
  if (before) {
    reading.table = undefined;
    closeTable(reading, before);
    complain(
      reading,
      new Fault(
        before.at,
        before.name.length + 1,
        `*${before.name} has no COMMIT`,
        'A table ends with a line COMMIT; was the text cut off?',
      ),
      before.line,
      lineStartOf(text, before.at),
    );
  }
  const name = text.slice(at + 1, end).trimEnd();
  // Of what stands in a table that cannot be read, nothing is said.
  reading.lost = true;
  const length = name.length + 1;
  if (!isTableName(name)) {
    const near = nearest(name, TABLES);
    throw new Fault(
      at,
      Math.min(length, 60),
      'there is no such table',
      `${near ? `Did you mean *${near}? ` : ''}Tables are ${TABLES.join(', ')}.`,
    );
  }
  const tables = reading.sets.get(reading.family);
  if (tables?.some((known) => known.name === name))
    throw new Fault(
      at,
      length,
      `the table ${name} stands here a second time`,
      `Text of both families needs a line "# family ${reading.family === 'ipv4' ? 'ipv6' : 'ipv4'}" before the other part.`,
    );
  reading.lost = false;
  const chains = new Map<string, OpenChain>();
  for (const chain of BUILT_IN[name]) chains.set(chain, openChain(chain, 'ACCEPT'));
  const table: OpenTable = { name, at, line: reading.line, chains, undeclared: [], hooks: [] };
  reading.table = table;
  reading.scope = {
    family: reading.family,
    table: name,
    chain: undefined,
    hasChain: (chain) => chains.has(chain),
    onUndeclared: (chain, from, many) => {
      table.undeclared.push({ chain, at: from, length: many, line: reading.line });
    },
    onHooks: (extension, hooks, from, many) => {
      table.hooks.push({
        chain: reading.scope?.chain ?? '',
        extension,
        hooks,
        at: from,
        length: many,
        line: reading.line,
      });
    },
  };
}

const openChain = (name: string, policy: Policy | undefined): OpenChain => ({
  name,
  policy,
  counters: undefined,
  rules: [],
  usedAt: -1,
  usedLength: 0,
  usedLine: 0,
});

/** `:CHAIN POLICY [packets:bytes]`. */
function declareChain(reading: Reading, table: OpenTable, at: number, end: number): void {
  const { cursor, text } = reading;
  cursor.at = at + 1;
  cursor.end = end;
  if (!nextWord(cursor)) throw new Fault(at, 1, 'a chain without a name', 'Expected a line like :INPUT ACCEPT [0:0].');
  const { word: name, start, stop } = cursor;
  const problem = chainNameProblem(name);
  if (problem) throw new Fault(start, stop - start, problem, 'Expected a line like :MY_CHAIN - [0:0].');
  const policy = readPolicy(cursor, table.name, name);
  const counters = nextWord(cursor) ? readCounters(text, cursor.start, cursor.stop) : undefined;
  if (nextWord(cursor))
    throw new Fault(
      cursor.start,
      cursor.stop - cursor.start,
      'nothing is expected here',
      'A chain’s line ends with its counters.',
    );
  const chain = table.chains.get(name);
  if (chain && chain.usedAt < 0 && !isBuiltIn(table.name, name) && chain.rules.length === 0 && chain.counters)
    throw new Fault(start, stop - start, `the chain ${name} is declared twice`, 'Each chain has one line.');
  const open = chain ?? openChain(name, undefined);
  open.policy = policy;
  open.counters = counters ?? ZERO;
  open.usedAt = -1;
  table.chains.set(name, open);
}

const ZERO: Counters = { packets: 0n, bytes: 0n };

function readPolicy(cursor: Cursor, table: TableName, chain: string): Policy | undefined {
  const builtIn = isBuiltIn(table, chain);
  const { start, stop } = cursor;
  if (!nextWord(cursor))
    throw new Fault(
      start,
      stop - start,
      'a chain without a policy',
      `Expected :${chain} ${builtIn ? 'ACCEPT' : '-'} [0:0].`,
    );
  const { word } = cursor;
  const length = cursor.stop - cursor.start;
  if (!builtIn) {
    if (word === '-') return undefined;
    throw new Fault(
      cursor.start,
      length,
      `the chain ${chain} can have no policy`,
      `Only the built-in chains of ${table} have one (${BUILT_IN[table].join(', ')}); a user chain has a dash in its place.`,
    );
  }
  if (word === 'ACCEPT') return word;
  if (word === 'DROP') {
    if (table !== 'nat') return word;
    throw new Fault(
      cursor.start,
      length,
      'DROP cannot be a policy in nat',
      'The nat table sees a connection’s first packet only: drop it in filter.',
    );
  }
  throw new Fault(cursor.start, length, `${word} is no policy`, 'Expected ACCEPT or DROP.');
}

/** `[packets:bytes]` from `start` to `stop`. */
function readCounters(text: string, start: number, stop: number): Counters {
  if (stop - start === 5 && text.startsWith('[0:0]', start)) return ZERO;
  const [, packets = '', bytes = ''] = /^\[(\d{1,20}):(\d{1,20})\]$/.exec(text.slice(start, stop)) ?? [];
  if (packets === '')
    throw new Fault(
      start,
      Math.min(stop - start, 60),
      'these are no counters',
      'Expected packets and bytes, like [0:0].',
    );
  return { packets: BigInt(packets), bytes: BigInt(bytes) };
}

/** `[packets:bytes] -A CHAIN …`, as iptables-save -c writes it. */
function readCounted(reading: Reading, table: OpenTable, at: number, end: number): void {
  const { text } = reading;
  const close = text.indexOf(']', at);
  if (close < 0 || close >= end)
    throw new Fault(at, Math.min(end - at, 60), 'these are no counters', 'Expected packets and bytes, like [0:0].');
  const counters = readCounters(text, at, close + 1);
  let from = close + 1;
  while (from < end && (text.charCodeAt(from) === 32 || text.charCodeAt(from) === 9)) from += 1;
  if (from >= end || text.charCodeAt(from) !== 45)
    throw new Fault(at, close + 1 - at, 'counters without a rule', 'A rule like -A INPUT … follows its counters.');
  readCommand(reading, table, from, end, counters);
}

/** `-A CHAIN …` and the other commands that build a rule set up. */
function readCommand(
  reading: Reading,
  table: OpenTable,
  at: number,
  end: number,
  counters: Counters | undefined,
): void {
  const { cursor } = reading;
  cursor.at = at;
  cursor.end = end;
  nextWord(cursor);
  switch (cursor.word) {
    case '-A':
    case '--append': {
      const chain = usedChain(reading, table);
      addRule(reading, table, chain, chain.rules.length, counters);
      return;
    }
    case '-I':
    case '--insert': {
      const chain = usedChain(reading, table);
      addRule(reading, table, chain, readPosition(cursor, chain), counters);
      return;
    }
    case '-N':
    case '--new-chain':
      if (!nextWord(cursor)) throw new Fault(at, 2, 'a chain without a name', 'Expected -N and a name.');
      if (table.chains.has(cursor.word))
        throw new Fault(
          cursor.start,
          cursor.stop - cursor.start,
          `the chain ${cursor.word} is there already`,
          'Each chain is made once.',
        );
      declareNew(cursor, table);
      return;
    case '-P':
    case '--policy': {
      const chain = usedChain(reading, table);
      chain.policy = readPolicy(cursor, table.name, chain.name);
      return;
    }
    default:
      throw otherCommand(cursor);
  }
}

function declareNew(cursor: Cursor, table: OpenTable): void {
  const problem = chainNameProblem(cursor.word);
  if (problem) throw new Fault(cursor.start, cursor.stop - cursor.start, problem, 'Expected a name like MY_CHAIN.');
  table.chains.set(cursor.word, { ...openChain(cursor.word, undefined), counters: ZERO });
}

function otherCommand({ word, start, stop }: Cursor): Fault {
  const removing = ['-D', '-F', '-X', '-R', '-Z', '-E', '--delete', '--flush', '--delete-chain', '--replace'].includes(
    word,
  );
  return new Fault(
    start,
    stop - start,
    removing ? `${word} changes rules instead of stating them` : `unknown command ${word}`,
    'Expected -A CHAIN and a rule, as iptables-save writes it.',
  );
}

function usedChain(reading: Reading, table: OpenTable): OpenChain {
  const { cursor } = reading;
  const { word: command, start, stop } = cursor;
  if (!nextWord(cursor))
    throw new Fault(start, stop - start, `${command} needs a chain`, 'Expected the name of a chain after it.');
  const known = table.chains.get(cursor.word);
  if (known) return known;
  const problem = chainNameProblem(cursor.word);
  if (problem) throw new Fault(cursor.start, cursor.stop - cursor.start, problem, 'Expected the name of a chain.');
  const chain: OpenChain = {
    ...openChain(cursor.word, undefined),
    usedAt: cursor.start,
    usedLength: cursor.stop - cursor.start,
    usedLine: reading.line,
  };
  table.chains.set(cursor.word, chain);
  return chain;
}

/** The position after `-I CHAIN`, from 0; the top where there is none. */
function readPosition(cursor: Cursor, chain: OpenChain): number {
  const { at } = cursor;
  if (!nextWord(cursor) || !/^\d{1,9}$/.test(cursor.word)) {
    cursor.at = at;
    return 0;
  }
  const position = Number(cursor.word);
  if (position < 1 || position > chain.rules.length + 1)
    throw new Fault(
      cursor.start,
      cursor.stop - cursor.start,
      `there is no position ${position} in ${chain.name}`,
      `It has ${chain.rules.length} rules so far.`,
    );
  return position - 1;
}

function addRule(
  reading: Reading,
  table: OpenTable,
  chain: OpenChain,
  position: number,
  counters: Counters | undefined,
): void {
  const { cursor, scope } = reading;
  if (!scope) return;
  const from = cursor.at;
  scope.chain = chain.name;
  const append = position === chain.rules.length;
  const target = append ? chain.rules : [];
  const first = target.length;
  try {
    readRule(cursor, scope, reading.line, target);
  } catch (error) {
    if (!(error instanceof Fault) || !reading.options.keepGoing) throw error;
    complain(reading, error, reading.line, reading.lineStart);
    target.length = first;
    target.push(unreadable(reading.text.slice(from, cursor.end), reading.line));
  }
  if (counters) {
    for (let index = first; index < target.length; index += 1) target[index] = { ...target[index]!, counters };
  }
  // The tools insert one after the other at the same place, so the last of several comes first.
  if (!append) chain.rules.splice(position, 0, ...target.reverse());
  table.chains.set(chain.name, chain);
}

/** A rule that could not be read: it may match anything and do anything. */
export const unreadable = (words: string, line: number): Rule => ({
  header: {},
  matches: [{ kind: 'opaque', name: '', words: words.trim() === '' ? [] : [words.trim()] }],
  target: { kind: 'opaque', name: '', words: [] },
  origin: { line },
});

const undeclared = (chain: string, near: string | undefined): string =>
  near === undefined ? `A user chain is declared first: :${chain} - [0:0]` : `Did you mean ${near}?`;

/** The table is complete: names that were used have to be there by now. */
function closeTable(reading: Reading, table: OpenTable): void {
  const { text } = reading;
  const late = (at: number, length: number, line: number, message: string, hint: string): void =>
    complain(reading, new Fault(at, length, message, hint), line, lineStartOf(text, at));
  const names = (): string[] => [...table.chains.values()].filter(({ usedAt }) => usedAt < 0).map(({ name }) => name);
  for (const chain of table.chains.values()) {
    if (chain.usedAt < 0) continue;
    const near = nearest(chain.name, names());
    late(
      chain.usedAt,
      chain.usedLength,
      chain.usedLine,
      `there is no chain ${chain.name} in ${table.name}`,
      undeclared(chain.name, near),
    );
  }
  for (const { chain, at, length, line } of table.undeclared) {
    if (table.chains.has(chain)) continue;
    const near = nearest(chain, names());
    late(at, length, line, `${chain} is no target, and no chain of ${table.name}`, undeclared(chain, near));
  }
  for (const { at, length, line, message, hint } of checkJumps(table.name, table.chains, table.hooks))
    late(at, length, line, message, hint);
  const loop = loopIn(table.name, table.chains);
  if (loop) {
    const line = loop.rule.origin?.line ?? table.line;
    const start = startOfLine(text, line);
    late(
      start,
      lengthOfLine(text, start),
      line,
      `this rule of ${loop.chain} leads in a circle`,
      'A chain that leads back to itself would hold a packet for ever.',
    );
  }
  const tables = reading.sets.get(reading.family) ?? [];
  tables.push({ name: table.name, chains: [...table.chains.values()].map(closeChain) });
  reading.sets.set(reading.family, tables);
}

function startOfLine(text: string, line: number): number {
  let start = 0;
  for (let count = 1; count < line; count += 1) start = text.indexOf('\n', start) + 1;
  return start;
}

const lengthOfLine = (text: string, start: number): number => {
  const end = text.indexOf('\n', start);
  return (end < 0 ? text.length : end) - start;
};

function closeChain({ name, policy, counters, rules }: OpenChain): Chain {
  return { name, ...(policy ? { policy } : {}), ...(counters ? { counters } : {}), rules };
}
