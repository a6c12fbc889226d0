import type { NftExpression, NftOperator } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import {
  field,
  isLong,
  list,
  number,
  oneOf,
  oneOrList,
  only,
  optional,
  type Part,
  required,
  text,
  unfit,
  wide,
} from '../json.ts';
import { asList } from './bits.ts';
import { datatypeOf, isBits } from './datatype.ts';
import { readElement } from './json-element.ts';
import { asNumbers } from './numbers.ts';
import { typesOf } from './read-expression.ts';
import { narrow } from './value.ts';

const FAMILIES = ['ip', 'ip6'] as const;
const BASES = ['ll', 'nh', 'th', 'ih'] as const;
const DIRECTIONS = ['original', 'reply'] as const;
const OPERATORS: readonly string[] = ['&', '|', '^', '<<', '>>'];
/** Deeper than anything that nft writes. */
const DEEPEST = 100;
const MOST_OPERANDS = 64;

/** Reads an expression of libnftables-json(5). One of a kind that is not known stays as it is. */
export function readExpression(part: Part): NftExpression {
  const { value, path } = part;
  if (path.length > DEEPEST) unfit(part, 'an expression that nft would write: it is nested too deeply');
  if (typeof value === 'number' || (typeof value === 'string' && isLong(value)))
    return { kind: 'value', value: narrow(wide(part)) };
  if (typeof value === 'string') return readWord(value);
  if (typeof value === 'boolean') return { kind: 'value', value };
  if (Array.isArray(value)) return { kind: 'list', items: list(part, readExpression) };
  const { name, inside } = only(part);
  if (OPERATORS.includes(name)) return readBinary(name as NftOperator, inside);
  return Object.hasOwn(READERS, name) ? READERS[name]!(inside) : opaque(part);
}

/** What a text stands for: `@name` for a set, `*` for any, a number of more than 64 bits, else itself. */
function readWord(value: string): NftExpression {
  if (value === '*') return { kind: 'any' };
  if (value.startsWith('@')) return { kind: 'set-reference', name: value.slice(1) };
  return { kind: 'value', value: /^0x[0-9a-f]{17,64}$/i.test(value) ? BigInt(value) : value };
}

/** An expression that Sidestep does not know, as it stood. */
export const opaque = (part: Part): { kind: 'opaque'; words: string; because: string } => ({
  kind: 'opaque',
  words: wordsOf(part),
  because: `${only(part).name} is nothing that Sidestep knows`,
});

/** A part of the document as JSON on one line. */
export function wordsOf(part: Part): string {
  try {
    return JSON.stringify(part.value);
  } catch {
    // So deeply nested that there is no stack left.
    return unfit(part, 'what nft would write: it is nested too deeply');
  }
}

function readBinary(operator: NftOperator, part: Part): NftExpression {
  const [first, ...others] = list(part, readExpression);
  if (!first || others.length === 0 || others.length > MOST_OPERANDS) return unfit(part, 'a list of two expressions');
  // nft 1.1 writes more than two operands of one operator as one list.
  return others.reduce(
    (left, right): NftExpression => ({
      kind: 'binary',
      operator,
      left,
      right: operator === '&' && isBits(datatypeOf(left)) ? asList(right) : right,
    }),
    first,
  );
}

const name = (part: Part): string => text(required(part, 'name'));
const key = (part: Part): string => text(required(part, 'key'));
const family = (part: Part) =>
  given(
    'family',
    optional(part, 'family', (found) => oneOf(found, FAMILIES)),
  );

const READERS: Readonly<Record<string, (part: Part) => NftExpression>> = {
  concat: (part) => ({ kind: 'concat', items: list(part, readExpression) }),
  set: (part) => ({ kind: 'set', elements: oneOrList(part, readElement) }),
  map: (part) => ({
    kind: 'map',
    key: readExpression(required(part, 'key')),
    data: readExpression(required(part, 'data')),
  }),
  prefix: (part) => ({
    kind: 'prefix',
    address: readExpression(required(part, 'addr')),
    length: number(required(part, 'len')),
  }),
  range: (part) => {
    const [low, high, ...more] = list(part, readExpression);
    return low && high && more.length === 0 ? { kind: 'range', low, high } : unfit(part, 'a list of two expressions');
  },
  payload: readPayload,
  exthdr: (part) => {
    const offset = optional(part, 'offset', number);
    const found = optional(part, 'field', text);
    return {
      kind: 'exthdr',
      name: name(part),
      ...given('field', found === undefined || offset === undefined ? found : `${found}[${offset}]`),
    };
  },
  'tcp option': (part) =>
    field(part, 'base')
      ? {
          kind: 'raw tcp option',
          option: number(required(part, 'base')),
          offset: number(required(part, 'offset')),
          length: number(required(part, 'len')),
        }
      : { kind: 'tcp option', ...option(part) },
  'ip option': (part) => ({ kind: 'ip option', ...option(part) }),
  'sctp chunk': (part) => ({ kind: 'sctp chunk', ...option(part) }),
  'dccp option': (part) => ({ kind: 'dccp option', option: number(required(part, 'type')) }),
  meta: (part) => ({ kind: 'meta', key: key(part) }),
  rt: (part) => ({ kind: 'rt', key: key(part), ...family(part) }),
  ct: readCt,
  numgen: (part) => ({
    kind: 'numgen',
    mode: oneOf(required(part, 'mode'), ['inc', 'random']),
    ...modulus(part),
  }),
  jhash: (part) => ({
    kind: 'jhash',
    expression: readExpression(required(part, 'expr')),
    ...modulus(part),
    ...given('seed', optional(part, 'seed', number)),
  }),
  symhash: (part) => ({ kind: 'symhash', ...modulus(part) }),
  fib: (part) => ({
    kind: 'fib',
    result: oneOf(required(part, 'result'), ['oif', 'oifname', 'type', 'check']),
    flags: optional(part, 'flags', (found) => oneOrList(found, text)) ?? [],
  }),
  socket: (part) => ({ kind: 'socket', key: key(part), ...given('level', optional(part, 'level', number)) }),
  osf: (part) => ({ kind: 'osf', key: key(part), ...given('ttl', optional(part, 'ttl', text)) }),
  ipsec: (part) => ({
    kind: 'ipsec',
    key: key(part),
    direction: text(required(part, 'dir')),
    ...family(part),
    number: optional(part, 'spnum', number) ?? 0,
  }),
};

const option = (part: Part): { name: string; field?: string } => ({
  name: name(part),
  ...given('field', optional(part, 'field', text)),
});

const modulus = (part: Part): { modulus: number; offset: number } => ({
  modulus: number(required(part, 'mod')),
  offset: optional(part, 'offset', number) ?? 0,
});

function readPayload(part: Part): NftExpression {
  // A header inside a tunnel's packet is another one.
  if (field(part, 'tunnel')) {
    return { kind: 'opaque', words: wordsOf(part), because: 'what a tunnel carries is not looked at' };
  }
  const base = field(part, 'base');
  if (!base) {
    return { kind: 'payload', protocol: text(required(part, 'protocol')), field: text(required(part, 'field')) };
  }
  return {
    kind: 'raw',
    base: oneOf(base, BASES),
    offset: number(required(part, 'offset')),
    length: number(required(part, 'len')),
  };
}

/** `ip saddr` is one key in JSON: the family and the field. */
function readCt(part: Part): NftExpression {
  const words = key(part).split(' ');
  const direction = given(
    'direction',
    optional(part, 'dir', (found) => oneOf(found, DIRECTIONS)),
  );
  const [first, second] = words;
  if (words.length === 2 && second !== undefined && (first === 'ip' || first === 'ip6'))
    return { kind: 'ct', key: second, family: first, ...direction };
  return { kind: 'ct', key: key(part), ...family(part), ...direction };
}

/** What an expression is compared with, its numbers as they are in nft's text. */
export const readOperand = (part: Part, left: NftExpression): NftExpression =>
  asNumbers(readExpression(part), typesOf(left));
