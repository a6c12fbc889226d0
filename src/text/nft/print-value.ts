import type { NftExpression, NftValue } from '../../netfilter/index.ts';
import { datatypeOf } from './datatype.ts';
import { printTimeSpan } from './value.ts';

/** Types whose names nft writes in quotes. */
const QUOTED: ReadonlySet<string | undefined> = new Set([
  'ifname',
  'iface_index',
  'string',
  'time',
  'day',
  'hour',
  'devgroup',
  'realm',
  'uid',
  'gid',
  'cgroupsv2',
  'counter',
  'quota',
  'limit',
  'synproxy',
  'ct helper',
  'ct timeout',
  'ct expectation',
]);

/** Types whose numbers nft writes in hexadecimal, and with how many digits at least. */
const DIGITS: Readonly<Record<string, number>> = {
  mark: 8,
  ether_type: 4,
  dscp: 2,
  ecn: 2,
  tcp_flag: 1,
  ct_state: 1,
  ct_status: 1,
  ct_event: 1,
  raw: 1,
};

/** The type by which nft prints what stands beside an expression: what it reads by offset alone is hexadecimal, and so are IPComp's flags. */
export function printedType(expression: NftExpression): string | undefined {
  if (expression.kind === 'raw') return 'raw';
  if (expression.kind === 'payload' && expression.protocol === 'comp' && expression.field === 'flags') return 'raw';
  if (expression.kind === 'binary') return printedType(expression.left);
  return datatypeOf(expression);
}

export const printedTypes = (expression: NftExpression): readonly (string | undefined)[] =>
  expression.kind === 'concat' ? expression.items.map(printedType) : [printedType(expression)];

/** A constant as nft prints it for that type. */
export function printValue({ value }: NftValue, datatype: string | undefined): string {
  if (typeof value === 'boolean') return value ? 'exists' : 'missing';
  if (typeof value === 'string') return QUOTED.has(datatype) || !PLAIN.test(value) ? quote(value) : value;
  if (datatype === 'time_span') return printTimeSpan(Number(value));
  const digits = Object.hasOwn(DIGITS, datatype ?? '') ? DIGITS[datatype ?? ''] : undefined;
  return digits === undefined ? String(value) : `0x${value.toString(16).padStart(digits, '0')}`;
}

/** What a word may consist of without quotes. */
const PLAIN = /^[\w.:/*+@-]+$/;

/** A text in quotes. nft knows no escapes: what would end the quotes or the line cannot stand inside. */
export const quote = (text: string): string => `"${text.replace(/["\n\0]/g, '?')}"`;

/** A name where nft writes names without quotes. */
export const printName = (name: string): string => (PLAIN.test(name) ? name : quote(name));
