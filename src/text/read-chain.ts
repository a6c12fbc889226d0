import { BUILT_IN, type Counters, isBuiltIn, type Policy, type TableName } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { chainNameProblem } from './extension.ts';
import { type OpenChain, type OpenTable, openChain, type Reading } from './reading.ts';
import { type Cursor, nextIs, nextWord } from './words.ts';

/** `:CHAIN POLICY [packets:bytes]`. */
export function declareChain(reading: Reading, table: OpenTable, at: number, end: number): void {
  const { cursor } = reading;
  cursor.at = at + 1;
  cursor.end = end;
  if (!nextWord(cursor)) throw new Fault(at, 1, 'a chain without a name', 'Expected a line like :INPUT ACCEPT [0:0].');
  const { word: name, start, stop } = cursor;
  const problem = chainNameProblem(name);
  if (problem) throw new Fault(start, stop - start, problem, 'Expected a line like :MY_CHAIN - [0:0].');
  const policy = readPolicy(cursor, table.name, name);
  const counters = readLastCounters(cursor);
  if (nextWord(cursor))
    throw new Fault(
      cursor.start,
      cursor.stop - cursor.start,
      'nothing is expected here',
      'A chain’s line ends with its counters.',
    );
  const chain = table.chains.get(name);
  if (chain && !chain.used && !isBuiltIn(table.name, name))
    throw new Fault(start, stop - start, `the chain ${name} is declared twice`, 'Each chain has one line.');
  const open = chain ?? openChain(name, undefined);
  open.policy = policy;
  open.counters = counters ?? ZERO;
  open.used = undefined;
  table.chains.set(name, open);
}

/** The counters at the line's end, if there are any. */
function readLastCounters(cursor: Cursor): Counters | undefined {
  const { text, at, end } = cursor;
  if (at + 6 === end && text.startsWith(' [0:0]', at)) {
    cursor.at = end;
    return ZERO;
  }
  return nextWord(cursor) ? readCounters(text, cursor.start, cursor.stop) : undefined;
}

/** `-N CHAIN`, as the name was read. */
export function declareNew(cursor: Cursor, table: OpenTable): void {
  const problem = chainNameProblem(cursor.word);
  if (problem) throw new Fault(cursor.start, cursor.stop - cursor.start, problem, 'Expected a name like MY_CHAIN.');
  table.chains.set(cursor.word, { ...openChain(cursor.word, undefined), counters: ZERO });
}

/** The chain that a command names. It may be declared later; that it was, is looked at when the table is closed. */
export function usedChain(reading: Reading, table: OpenTable): OpenChain {
  const { cursor } = reading;
  const { word: command, start, stop } = cursor;
  // The rules of a chain stand together.
  if (table.last && nextIs(cursor, table.last.name)) return table.last;
  if (!nextWord(cursor))
    throw new Fault(start, stop - start, `${command} needs a chain`, 'Expected the name of a chain after it.');
  const known = table.chains.get(cursor.word);
  if (known) {
    if (table.last) leave(table.last);
    table.last = known;
    return known;
  }
  const problem = chainNameProblem(cursor.word);
  if (problem) throw new Fault(cursor.start, cursor.stop - cursor.start, problem, 'Expected the name of a chain.');
  const used = { at: cursor.start, length: cursor.stop - cursor.start, line: reading.line };
  const chain = openChain(cursor.word, undefined, used);
  table.chains.set(cursor.word, chain);
  return chain;
}

/** A list that has grown has room for more; chains are many, and most of them short. */
function leave(chain: OpenChain): void {
  const { length } = chain.rules;
  if (length > FITTING && length < SHORT) chain.rules = chain.rules.slice();
}

const SHORT = 64;
/** Lists of no more rules are made to fit: they do not grow. */
export const FITTING = 2;

const ZERO: Counters = { packets: 0n, bytes: 0n };

/** The policy after a chain's name: a built-in chain has one, a user chain a dash. */
export function readPolicy(cursor: Cursor, table: TableName, chain: string): Policy | undefined {
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
  // In nat iptables -P refuses DROP, but both restore tools take it, and the kernel keeps to it.
  if (word === 'ACCEPT' || word === 'DROP') return word;
  throw new Fault(cursor.start, length, `${word} is no policy`, 'Expected ACCEPT or DROP.');
}

/** `[packets:bytes]` from `start` to `stop`. */
export function readCounters(text: string, start: number, stop: number): Counters {
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
