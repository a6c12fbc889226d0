import type { Family, Prefix } from '../address/index.ts';
import { type Counters, type Negatable, type Rule, TCP, UDP } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { BANG, bitOf, clear, type Draft, fault, needValue, notNegated } from './draft.ts';
import { readMatch, readTarget } from './extension.ts';
import { finish } from './finish.ts';
import { holdsAll, plainPrefix, readInterface, readPrefixes, readProtocol } from './header.ts';
import { readLong } from './option.ts';
import { readSegment } from './segment.ts';
import { unknownOption } from './unknown-option.ts';
import { type Cursor, nextIs, nextWord } from './words.ts';

/**
 * Reads the words after `-A CHAIN`. Appends the rule to `rules`; several where `-s` or `-d` lists addresses, none where
 * `-4` or `-6` asks for the other family. Throws a Fault.
 */
export function readRule(
  cursor: Cursor,
  draft: Draft,
  line: number | undefined,
  counters: Counters | undefined,
  rules: Rule[],
): void {
  const from = cursor.at;
  cursor.rest = undefined;
  clear(draft);
  draft.counters = counters;
  if (!readSegments(cursor, draft)) {
    cursor.at = from;
    clear(draft);
    draft.counters = counters;
    try {
      readWords(cursor, draft);
    } catch (error) {
      // What it says is no matter where it is for the other family: `-6 -s ::1`.
      if (!(error instanceof Fault) || !asksForOther(cursor, from, draft.scope.family)) throw error;
      draft.otherFamily = true;
    }
  }
  if (!draft.otherFamily) finish(draft, line, rules);
}

/** Whether `-4` or `-6` stands anywhere in the rule and leaves it out of this family's. */
const asksForOther = ({ text, end }: Cursor, from: number, family: Family): boolean =>
  (family === 'ipv4' ? /\s(?:-6|--ipv6)(?!\S)/ : /\s(?:-4|--ipv4)(?!\S)/).test(text.slice(from, end));

/**
 * Reads a rule as iptables-save writes it, segment by segment. False, or stopped by a Fault, where it is written in another
 * way: what that means, and what is wrong with it, is found out word by word.
 */
function readSegments(cursor: Cursor, draft: Draft): boolean {
  const { end } = cursor;
  draft.quick = true;
  try {
    let negated = false;
    while (nextWord(cursor)) {
      const { word } = cursor;
      if (word === '!' && !negated) {
        negated = true;
        continue;
      }
      if (word.length !== 2 || word.charCodeAt(0) !== 45) return false;
      const letter = word.charCodeAt(1);
      if (letter !== 109 && letter !== 106 && letter !== 103) readGeneral(draft, cursor, word, negated);
      else if (negated || !readSegment(draft, cursor)) return false;
      negated = false;
    }
    return !negated;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return false;
  } finally {
    cursor.end = end;
    draft.quick = false;
  }
}

function readWords(cursor: Cursor, draft: Draft): void {
  let negated = false;
  let bang = 0;
  while (nextWord(cursor)) {
    const { word } = cursor;
    if (word === '!') {
      if (negated) throw fault(cursor, 'two ! in a row', 'One ! turns the next option round.');
      bang = cursor.start;
      negated = true;
      continue;
    }
    const general = word.length === 2 && word.charCodeAt(0) === 45 ? word : readLong(draft, cursor, word, negated);
    if (general !== undefined) readGeneral(draft, cursor, general, negated);
    negated = false;
  }
  if (negated) throw new Fault(bang, 1, 'a ! with nothing after it', BANG);
}

/** Reads an option that every rule may have. */
function readGeneral(draft: Draft, cursor: Cursor, option: string, negated: boolean): void {
  const { scope } = draft;
  switch (option) {
    case '-s':
    case '-d':
      readAddresses(draft, cursor, option, negated);
      return;
    case '-i':
    case '-o': {
      onlyOnce(draft, cursor, option);
      needValue(cursor, option, 'the name of an interface');
      const value = readInterface(cursor, option, scope);
      // "+" alone is every interface, and the kernel keeps no trace of it.
      if (value !== '+' || negated) draft.header[option === '-i' ? 'in' : 'out'] = { value, negated };
      return;
    }
    case '-p': {
      onlyOnce(draft, cursor, option);
      const value = usualProtocol(cursor) ?? readOtherProtocol(cursor, negated);
      if (!negated) draft.protocol = value;
      if (value !== 0) draft.header.protocol = sharedProtocol(value, negated);
      return;
    }
    case '-f':
      if (scope.family === 'ipv6')
        throw fault(cursor, '-f is for IPv4 only', 'In IPv6 fragments are matched by -m frag.');
      onlyOnce(draft, cursor, option);
      draft.header.fragment = { value: true, negated };
      return;
    case '-m':
      notNegated(cursor, option, negated);
      readMatch(draft, cursor);
      return;
    case '-j':
    case '-g':
      notNegated(cursor, option, negated);
      readTarget(draft, cursor, option);
      return;
    case '-c':
      notNegated(cursor, option, negated);
      draft.counters = countsAfter(cursor);
      return;
    case '-4':
    case '-6':
      notNegated(cursor, option, negated);
      if ((option === '-4') !== (scope.family === 'ipv4')) draft.otherFamily = true;
      return;
    case '-t':
      throw fault(cursor, 'a rule cannot name its table', 'Tables begin with a line like *nat.');
    default:
      throw unknownOption(draft, cursor, option, undefined);
  }
}

function onlyOnce(draft: Draft, cursor: Cursor, option: string): void {
  const bit = bitOf(option);
  if ((draft.seen & bit) !== 0) throw fault(cursor, `${option} stands twice`, 'A rule has each option once.');
  draft.seen |= bit;
}

/** The protocols that most rules ask for are compared with the text where it stands. */
const usualProtocol = (cursor: Cursor): number | undefined =>
  nextIs(cursor, 'tcp') ? TCP : nextIs(cursor, 'udp') ? UDP : undefined;

function readOtherProtocol(cursor: Cursor, negated: boolean): number {
  needValue(cursor, '-p', 'a protocol');
  return readProtocol(cursor, negated);
}

function readAddresses(draft: Draft, cursor: Cursor, option: '-s' | '-d', negated: boolean): void {
  onlyOnce(draft, cursor, option);
  const { family } = draft.scope;
  const prefixes = (family === 'ipv4' && plainPrefix(cursor)) || readPrefix(cursor, option, family);
  const side = option === '-s' ? 'source' : 'destination';
  if (Array.isArray(prefixes)) {
    draft.listed = { at: cursor.start, length: cursor.stop - cursor.start };
    if (side === 'source') draft.sources = prefixes;
    else draft.destinations = prefixes;
    if (negated) draft.header[side] = { value: prefixes[0]!, negated };
  } else if (negated || !holdsAll(prefixes)) draft.header[side] = { value: prefixes, negated };
}

function readPrefix(cursor: Cursor, option: string, family: Family): Prefix | Prefix[] {
  needValue(cursor, option, 'an address');
  return readPrefixes(cursor, family);
}

const protocols: Negatable<number>[] = [];

/** The same object for the same protocol: large rule sets name a few protocols very often. */
function sharedProtocol(value: number, negated: boolean): Negatable<number> {
  const index = negated ? 256 + value : value;
  protocols[index] ??= { value, negated };
  return protocols[index];
}

/** The two numbers after `-c`. */
export function countsAfter(cursor: Cursor): Counters {
  const [packets, bytes] = [readCount(cursor), readCount(cursor)];
  return { packets, bytes };
}

function readCount(cursor: Cursor): bigint {
  const expected = 'the packets and the bytes counted so far';
  needValue(cursor, '-c', expected);
  if (/^\d{1,20}$/.test(cursor.word)) return BigInt(cursor.word);
  throw fault(cursor, `${cursor.word} is not a number`, `-c takes ${expected}.`);
}
