import type { NftExpression, NftOperator } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { asList } from './bits.ts';
import { datatypeOf, isBits } from './datatype.ts';
import { readSetOrName } from './read-elements.ts';
import { LEAD_WORDS, readLead, startsLead } from './read-lead.ts';
import { SCRIPT } from './script.ts';
import { expect, goTo, isNext, peek, type Scanner, take, takeIf, unexpected } from './tokens.ts';
import { readJsonWords, unknownWord } from './unknown.ts';
import { constant } from './value.ts';

/** Data types of what is compared, one for each part of a concatenation. */
export type Types = readonly (string | undefined)[];

/** The types that belong beside an expression. */
export const typesOf = (expression: NftExpression): Types =>
  expression.kind === 'concat' ? expression.items.map(datatypeOf) : [datatypeOf(expression)];

const OPERATORS: Readonly<Record<string, { readonly operator: NftOperator; readonly rank: number }>> = {
  '|': { operator: '|', rank: 1 },
  or: { operator: '|', rank: 1 },
  '^': { operator: '^', rank: 2 },
  xor: { operator: '^', rank: 2 },
  '&': { operator: '&', rank: 3 },
  and: { operator: '&', rank: 3 },
  '<<': { operator: '<<', rank: 4 },
  lshift: { operator: '<<', rank: 4 },
  '>>': { operator: '>>', rank: 4 },
  rshift: { operator: '>>', rank: 4 },
};

const DEEPEST = 30;
const MOST_OPERATORS = 64;

/** What a statement reads: one or more fields, with what is done to their bits. */
export const readSubject = (scanner: Scanner): NftExpression =>
  concatenated(scanner, () => {
    if (!isNext(scanner, '(') && !startsLead(scanner, true)) throw notSubject(scanner);
    return readBits(scanner, undefined);
  });

/** Something else stands where a field is read. */
function notSubject(scanner: Scanner): Fault {
  return peek(scanner).kind === 'word'
    ? unknownWord(scanner, '', LEAD_WORDS)
    : unexpected(scanner, 'a field of the packet');
}

/**
 * What a statement writes: a constant of that type, a subject, or what a map gives for a subject (`tcp dport map { … }`).
 */
export function readSource(scanner: Scanner, types: Types): NftExpression {
  const first = concatenated(scanner, (index) => readBits(scanner, types[index]));
  if (takeIf(scanner, 'map')) {
    return { kind: 'map', key: first, data: readSetOrName(scanner, typesOf(first), types) };
  }
  return listed(scanner, first, types[0]);
}

/** The right side of a comparison: constants, a set, or the name of one. */
export function readConstants(scanner: Scanner, types: Types): NftExpression {
  if (isNext(scanner, '{') || peek(scanner).text.startsWith('@')) return readSetOrName(scanner, types, []);
  return listed(scanner, readKey(scanner, types), types[0]);
}

/** Constants without a list of them: what an element of a set may be. */
export const readKey = (scanner: Scanner, types: Types): NftExpression =>
  concatenated(scanner, (index) => readConstantBits(scanner, types[index]));

/** `a,b,c` where bits are listed. */
function listed(scanner: Scanner, first: NftExpression, datatype: string | undefined): NftExpression {
  if (!isNext(scanner, ',') || !isBits(datatype)) return first;
  const items = [first];
  while (takeIf(scanner, ',')) items.push(readConstant(scanner, datatype));
  return { kind: 'list', items };
}

function concatenated(scanner: Scanner, read: (index: number) => NftExpression): NftExpression {
  const first = read(0);
  if (!isNext(scanner, '.')) return first;
  const items = [first];
  while (takeIf(scanner, '.')) {
    if (items.length > MOST_OPERATORS) throw unexpected(scanner, 'something simpler');
    items.push(read(items.length));
  }
  return { kind: 'concat', items };
}

/** Operands and operators of at least that rank, the stronger ones first. */
function readBits(scanner: Scanner, datatype: string | undefined, rank = 1): NftExpression {
  let left = readOperand(scanner, datatype);
  for (let count = 0; ; count += 1) {
    const { kind, text } = peek(scanner);
    const found = kind !== 'string' && Object.hasOwn(OPERATORS, text) ? OPERATORS[text] : undefined;
    if (!found || found.rank < rank) return left;
    if (count > MOST_OPERATORS) throw unexpected(scanner, 'something simpler');
    take(scanner);
    const type = datatypeOf(left) ?? datatype;
    const right = readBits(scanner, found.rank === 4 ? 'integer' : type, found.rank + 1);
    left = { kind: 'binary', operator: found.operator, left, right: isBits(type) ? asList(right) : right };
  }
}

function readOperand(scanner: Scanner, datatype: string | undefined): NftExpression {
  if (isNext(scanner, '(')) return bracketed(scanner, () => readBits(scanner, datatype));
  return startsLead(scanner, datatype === undefined) ? readLead(scanner) : readConstant(scanner, datatype);
}

function bracketed(scanner: Scanner, read: () => NftExpression): NftExpression {
  const { at } = take(scanner);
  scanner.depth += 1;
  if (scanner.depth > DEEPEST) throw new Fault(at, 1, 'brackets are nested too deeply', 'nft never writes so many.');
  const inside = read();
  expect(scanner, ')');
  scanner.depth -= 1;
  return inside;
}

function readConstantBits(scanner: Scanner, datatype: string | undefined, rank = 1): NftExpression {
  let left = isNext(scanner, '(')
    ? bracketed(scanner, () => readConstantBits(scanner, datatype))
    : readConstant(scanner, datatype);
  for (let count = 0; ; count += 1) {
    const { kind, text } = peek(scanner);
    const found = kind === 'mark' && Object.hasOwn(OPERATORS, text) ? OPERATORS[text] : undefined;
    if (!found || found.rank < rank) return left;
    if (count > MOST_OPERATORS) throw unexpected(scanner, 'something simpler');
    take(scanner);
    left = {
      kind: 'binary',
      operator: found.operator,
      left,
      right: readConstantBits(scanner, datatype, found.rank + 1),
    };
  }
}

/** One constant: a word, a quoted text, or a range of quoted texts. */
export function readConstant(scanner: Scanner, datatype: string | undefined): NftExpression {
  const token = peek(scanner);
  if (token.kind === 'mark' && scanner.text.startsWith('{"', token.at)) return readJsonWords(scanner);
  if (token.kind === 'string') {
    take(scanner);
    return quotedRange(scanner, token.text, token.end);
  }
  if (token.kind !== 'word' || token.text === '.' || token.text === ':') throw unexpected(scanner, what(datatype));
  if (token.text === 'exists' || token.text === 'missing') {
    take(scanner);
    return { kind: 'value', value: token.text === 'exists' };
  }
  if (token.text.startsWith('$'))
    throw new Fault(token.at, token.text.length, `${token.text} is a variable of a script`, SCRIPT);
  const word = scanner.inKey ? beforeColon(token.text, datatype) : token.text;
  const found = constant(word, datatype);
  if (!found) throw unexpected(scanner, what(datatype));
  take(scanner);
  if (word !== token.text) goTo(scanner, token.at + word.length);
  return found;
}

/** A word up to the colon that ends it: an address may hold colons itself, and then only one behind it does. */
function beforeColon(word: string, datatype: string | undefined): string {
  const colon = COLONED.has(datatype ?? '') ? (/[^:]:$/.test(word) ? word.length - 1 : -1) : word.indexOf(':');
  return colon > 0 ? word.slice(0, colon) : word;
}

/** Types whose values have colons. */
const COLONED: ReadonlySet<string> = new Set(['ipv6_addr', 'ether_addr', 'classid']);

/** `"10:00"-"12:00"`. */
function quotedRange(scanner: Scanner, low: string, end: number): NftExpression {
  const dash = peek(scanner);
  if (dash.text !== '-' || dash.at !== end || scanner.text.charAt(dash.end) !== '"')
    return { kind: 'value', value: low };
  take(scanner);
  return { kind: 'range', low: { kind: 'value', value: low }, high: { kind: 'value', value: take(scanner).text } };
}

const WHAT: Readonly<Record<string, string>> = {
  ipv4_addr: 'an IPv4 address',
  ipv6_addr: 'an IPv6 address',
  ether_addr: 'an Ethernet address',
  inet_service: 'a port from 0 to 65535',
  time_span: 'a span of time (30s, 1h)',
  integer: 'a number',
  mark: 'a mark',
};

const what = (datatype: string | undefined): string => WHAT[datatype ?? ''] ?? 'a value';
