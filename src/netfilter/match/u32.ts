import type { Range } from '../../address/index.ts';
import { parseUint32 } from '../codec.ts';
import { type Codec, type MatchExtension, type MeaningContext, negatable } from '../extension.ts';
import type { ValueField } from '../fields.ts';
import { listed } from '../listed.ts';
import { all, hasBits, isIn, type Predicate, some, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

type Operator = '&' | '<<' | '>>' | '@';

/** `start op number op number … = range,range …`: four bytes of the packet, reckoned with, then compared. */
export interface U32Test {
  readonly start: number;
  readonly steps: readonly { readonly operator: Operator; readonly number: number }[];
  readonly values: readonly (readonly [low: number, high: number])[];
}

export interface U32Options {
  readonly tests?: Negatable<readonly U32Test[]>;
}

/** Tests, numbers of a location and ranges of a value. Source: XT_U32_MAXSIZE in xt_u32.h. */
const MOST = 10;
const LONGEST_SHIFT = 31;

function readTest(text: string): U32Test | undefined {
  const [, location = '', list = ''] = /^([^=]*)=([^=]*)$/.exec(text) ?? [];
  const parts = location.split(/(<<|>>|[&@])/).map((part) => part.trim());
  const numbers = parts.filter((_, at) => at % 2 === 0).map(parseUint32);
  const values = list.split(',').map(readRange);
  if (numbers.length > MOST || values.length > MOST) return undefined;
  const [start, ...rest] = numbers;
  if (start === undefined || rest.includes(undefined) || values.includes(undefined)) return undefined;
  const steps = rest.map((number = 0, at) => ({ operator: parts[2 * at + 1] as Operator, number }));
  if (steps.some(({ operator, number }) => (operator === '<<' || operator === '>>') && number > LONGEST_SHIFT))
    return undefined;
  return { start, steps, values: values.filter((value) => value !== undefined) };
}

function readRange(text: string): readonly [number, number] | undefined {
  const [first = '', last = first, ...more] = text.split(':').map((part) => part.trim());
  const [low, high] = [parseUint32(first), parseUint32(last)];
  return low === undefined || high === undefined || more.length > 0 ? undefined : [low, high];
}

const hex = (number: number): string => `0x${number.toString(16)}`;

function printTest({ start, steps, values }: U32Test): string {
  const location = hex(start) + steps.map(({ operator, number }) => operator + hex(number)).join('');
  return `${location}=${values.map(([low, high]) => (low === high ? hex(low) : `${hex(low)}:${hex(high)}`)).join(',')}`;
}

const tests: Codec<readonly U32Test[]> = {
  expected:
    'tests like "6 & 0xFF = 17 && 4 & 0x3FFF = 0", at most 10 of them with at most 10 numbers and 10 ranges each',
  read(word) {
    const read = word.split('&&').map(readTest);
    return read.length <= MOST && !read.includes(undefined) ? read.filter((test) => test !== undefined) : undefined;
  },
  print: (list) => `"${list.map(printTest).join('&&')}"`,
};

/** Where an IPv4 header holds what a packet's fields tell: the first bit, counted from the header's first, and the width. */
const HEADER: readonly { readonly field: ValueField; readonly at: number; readonly width: number }[] = [
  { field: 'dscp', at: 8, width: 6 },
  { field: 'ecn', at: 14, width: 2 },
  { field: 'ttl', at: 64, width: 8 },
  { field: 'protocol', at: 72, width: 8 },
  { field: 'source', at: 96, width: 32 },
  { field: 'destination', at: 128, width: 32 },
];

/** The shortest IPv4 header ends here, in bytes: beyond it nothing is known. */
const HEADER_END = 20;

const NOT_KNOWN = unknown('the bytes of the packet are not known');

/** A test's four bytes under a mask, then shifted to the right; undefined where it reckons in other ways. */
function windowOf({ start, steps }: U32Test): { readonly mask: number; readonly shift: number } | undefined {
  if (start + 4 > HEADER_END) return undefined;
  let mask = 0xffff_ffff;
  let shift = 0;
  for (const { operator, number } of steps) {
    if (operator === '&') mask = (mask & (number << shift)) >>> 0;
    else if (operator === '>>' && shift + number < 32) shift += number;
    else return undefined;
  }
  return { mask: ((mask >>> shift) << shift) >>> 0, shift };
}

/** What one test asks of a field of the header, where it looks at one field and no more. */
function meaningOf(test: U32Test, { family }: MeaningContext): Predicate {
  const window = family === 'ipv4' ? windowOf(test) : undefined;
  if (!window) return NOT_KNOWN;
  for (const { field, at, width } of HEADER) {
    // How far the field's lowest bit lies from the lowest of the four bytes.
    const low = test.start * 8 + 32 - (at + width);
    if (low < 0 || low + width > 32) continue;
    const bits = width === 32 ? 0xffff_ffff : 2 ** width - 1;
    const inField = (window.mask >>> low) & bits;
    if ((inField << low) >>> 0 !== window.mask || window.mask === 0) continue;
    const mask = inField >>> 0;
    if (mask === bits && window.shift === low) return isIn(field, ...withinField(test.values, bits));
    if (test.values.some(([first, last]) => first !== last)) return NOT_KNOWN;
    const wanted = test.values.map(([value]) => value * 2 ** (window.shift - low));
    return some(...wanted.filter((value) => isUnder(mask, value)).map((value) => hasBits(field, mask, value)));
  }
  return NOT_KNOWN;
}

const isUnder = (mask: number, value: number): boolean =>
  Number.isInteger(value) && value <= 0xffff_ffff && (value & ~mask) >>> 0 === 0;

const withinField = (values: U32Test['values'], highest: number): Range[] =>
  values.filter(([low, high]) => low <= high && low <= highest).map(([low, high]) => [low, Math.min(high, highest)]);

/** `-m u32`. Source: iptables-extensions(8), u32; libxt_u32.c; net/netfilter/xt_u32.c. */
export const u32: MatchExtension<U32Options> = {
  name: 'u32',
  options: { tests: negatable(['--u32'], tests) },
  required: ['tests'],
  listed: listed([/u32 (! )?"([^"]*)"/, (bang, list) => `${bang} --u32 "${list}"`]),
  predicate: ({ tests: of }, context) =>
    of ? unless(of.negated, all(...of.value.map((test) => meaningOf(test, context)))) : NOT_KNOWN,
};
