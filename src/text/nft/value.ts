import { parseIpv4, parseIpv6 } from '../../address/index.ts';
import type { NftExpression, NftValue } from '../../netfilter/index.ts';

const NUMBER = /^(?:\d+|0x[0-9a-f]+)$/i;
const ETHER = /^(?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i;
const SPAN = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Longer than any value: two IPv6 addresses are 91 characters. */
const LONGEST = 256;

/**
 * What a word stands for where a constant stands, given the data type that belongs there: a number, a range, a prefix, a
 * name. Undefined where that type cannot have it.
 *
 * @example constant('10.0.0.0/8', 'ipv4_addr') // { kind: 'prefix', address: { … '10.0.0.0' }, length: 8 }
 */
export function constant(word: string, datatype: string | undefined): NftExpression | undefined {
  if (word === '*') return { kind: 'any' };
  if (word.length > LONGEST) return undefined;
  const slash = word.lastIndexOf('/');
  if (slash > 0) return prefix(word.slice(0, slash), word.slice(slash + 1), datatype);
  for (let dash = word.indexOf('-'); dash > 0; dash = word.indexOf('-', dash + 1)) {
    const low = literal(word.slice(0, dash), datatype);
    const high = literal(word.slice(dash + 1), datatype);
    if (low && high) return { kind: 'range', low, high };
  }
  return literal(word, datatype) ?? named(word, datatype);
}

const value = (of: NftValue['value']): NftValue => ({ kind: 'value', value: of });

/** A number or an address, nothing that is a name. */
function literal(word: string, datatype: string | undefined): NftValue | undefined {
  if (datatype === 'time_span') {
    const seconds = timeSpan(word);
    return seconds === undefined ? undefined : value(seconds);
  }
  if (NUMBER.test(word)) return word.length > 80 ? undefined : numeral(narrow(BigInt(word)), datatype);
  if (datatype === 'classid' && /^[0-9a-f]{0,4}:[0-9a-f]{0,4}$/i.test(word)) return value(word);
  const address = addressKind(word);
  const isAddress = ADDRESSES.has(datatype ?? '');
  return address !== undefined && (!isAddress || address === datatype) ? value(word) : undefined;
}

const ADDRESSES: ReadonlySet<string> = new Set(['ipv4_addr', 'ipv6_addr', 'ether_addr']);

function addressKind(word: string): string | undefined {
  if (parseIpv4(word) !== undefined) return 'ipv4_addr';
  if (ETHER.test(word)) return 'ether_addr';
  return word.includes(':') && parseIpv6(word) !== undefined ? 'ipv6_addr' : undefined;
}

const numeral = (number: number | bigint, datatype: string | undefined): NftValue | undefined =>
  datatype === 'inet_service' && number > 65535 ? undefined : value(number);

/** A number as such where it fits, else as a bigint. */
export const narrow = (number: bigint): number | bigint =>
  number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number;

function prefix(address: string, bits: string, datatype: string | undefined): NftExpression | undefined {
  const found = literal(address, datatype);
  if (!found || !/^\d{1,3}$/.test(bits) || Number(bits) > 128) return undefined;
  return { kind: 'prefix', address: found, length: Number(bits) };
}

/** Types whose values are numbers or addresses, never names that begin with a digit. */
function named(word: string, datatype: string | undefined): NftValue | undefined {
  if (datatype === 'time_span') return undefined;
  // 8021q and 8021ad are names of protocols.
  const numeric = /^\d/.test(word) && datatype !== 'ether_type' && datatype !== undefined;
  const addressed = datatype === 'ipv6_addr' && word.includes(':');
  return numeric || addressed ? undefined : value(word);
}

/** Seconds of a span of time as nft writes it, `1d2h3m4s5ms`. */
export function timeSpan(word: string): number | undefined {
  if (/^\d{1,15}$/.test(word)) return Number(word);
  const parts = word.length > 60 ? null : SPAN.exec(word);
  if (!parts || word === '') return undefined;
  const [, weeks, days, hours, minutes, seconds, milliseconds] = parts.map((part) => Number(part ?? 0));
  const whole = (((weeks! * 7 + days!) * 24 + hours!) * 60 + minutes!) * 60 + seconds!;
  return Number.isSafeInteger(whole) ? whole + milliseconds! / 1000 : undefined;
}

/** The other way: `1d2h3m4s`. */
export function printTimeSpan(seconds: number): string {
  const all = Math.round(seconds * 1000);
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
    ['ms', 1],
  ];
  let text = '';
  let rest = all;
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === '' ? '0s' : text;
}
