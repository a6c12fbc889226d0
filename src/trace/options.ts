import type { Family } from '../address/index.ts';
import { CTSTATE, dscpClass, ECN_FLAGS, icmpType, macAddress, PACKET_TYPE, TCP_FLAGS } from '../netfilter/index.ts';
import { named, refuse, said, type Word } from './words.ts';

/** What the options of an expression say; what is left out is absent. */
export interface Options {
  readonly on?: string;
  readonly via?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mark?: number;
  readonly state?: number;
  readonly flags?: number;
  readonly icmp?: IcmpSaid;
  readonly dscp?: number;
  readonly ecn?: number;
  /** TTL or hop limit. */
  readonly ttl?: number;
  /** Bytes of the whole packet. */
  readonly length?: number;
  /** A value of PACKET_TYPE. */
  readonly packetType?: number;
  readonly spi?: number;
  /** IPsec has unwrapped it, or will wrap it. */
  readonly ipsec?: number;
  /** The MAC address that it comes from, as a number. */
  readonly mac?: number;
  /** Seconds since 1970. */
  readonly time?: number;
  /** No program has sent it: no socket is behind it. */
  readonly unowned?: true;
  /** Not this packet is meant, but the answer to it. */
  readonly reply?: true;
  /** A second or further fragment of it. */
  readonly fragment?: true;
}

/** Type and code of ICMP, of either family where a name says so: `echo-request` is 8 or 128. */
export type IcmpSaid = Readonly<Record<Family, { readonly type: number; readonly code: number }>>;

/** An option: a word with a value after it, or one that stands alone. */
export type Option =
  | { readonly name: string; read(text: string, value: Word): Options }
  | { readonly name: string; readonly alone: Options };

const STATES = {
  new: CTSTATE.NEW,
  established: CTSTATE.ESTABLISHED,
  related: CTSTATE.RELATED,
  invalid: CTSTATE.INVALID,
  untracked: CTSTATE.UNTRACKED,
};

const FLAGS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries({ ...TCP_FLAGS, ...ECN_FLAGS }).map(([name, bit]) => [name.toLowerCase(), bit])),
  none: 0,
};

/** All options. A new one is one line here and one key of Options. */
export const OPTIONS: readonly Option[] = [
  { name: 'on', read: (text, value) => ({ on: readInterface(text, value) }) },
  { name: 'via', read: (text, value) => ({ via: readInterface(text, value) }) },
  { name: 'uid', read: (text, value) => ({ uid: readNumber(text, value, 'a uid, like 1337') }) },
  { name: 'gid', read: (text, value) => ({ gid: readNumber(text, value, 'a gid, like 1337') }) },
  { name: 'no', read: (text, value) => ({ unowned: named(text, value, 'sender', { program: true } as const) }) },
  { name: 'mark', read: (text, value) => ({ mark: readNumber(text, value, 'a mark, like 0x539') }) },
  { name: 'state', read: (text, value) => ({ state: named(text, value, 'connection state', STATES) }) },
  { name: 'flags', read: (text, value) => ({ flags: readFlags(text, value) }) },
  { name: 'type', read: (text, value) => ({ icmp: readIcmp(text, value) }) },
  { name: 'dscp', read: (text, value) => ({ dscp: readDscp(text, value) }) },
  { name: 'ecn', read: (text, value) => ({ ecn: readSmall(text, value, 3, 'ECN') }) },
  { name: 'ttl', read: (text, value) => ({ ttl: readSmall(text, value, 255, 'TTL') }) },
  { name: 'length', read: (text, value) => ({ length: readLength(text, value) }) },
  { name: 'pkttype', read: (text, value) => ({ packetType: named(text, value, 'kind of frame', PACKET_TYPE) }) },
  { name: 'spi', read: (text, value) => ({ spi: readNumber(text, value, 'an SPI, like 0x10') }) },
  { name: 'ipsec', alone: { ipsec: 1 } },
  { name: 'mac', read: (text, value) => ({ mac: readMac(text, value) }) },
  { name: 'at', read: (text, value) => ({ time: readTime(text, value) }) },
  { name: 'reply', alone: { reply: true } },
  { name: 'fragment', alone: { fragment: true } },
];

export const optionNames: readonly string[] = OPTIONS.map(({ name }) => name);

/** The option that a word begins; "by eth0" is how a packet is said to leave. */
export function findOption({ text }: Word): Option | undefined {
  const said = text.toLowerCase() === 'by' ? 'on' : text.toLowerCase();
  return OPTIONS.find(({ name }) => name === said);
}

/** The kernel's own limit: 15 characters, no slash, no blank. */
function readInterface(text: string, value: Word): string {
  if (/^[^\s/]{1,15}$/.test(value.text)) return value.text;
  return refuse(text, value, `${said(value)} is no interface`, 'Expected the name of an interface, like eth0.');
}

function readNumber(text: string, value: Word, expected: string): number {
  const of = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(value.text) ? Number(value.text) : Number.NaN;
  if (of <= 0xffff_ffff) return of;
  return refuse(text, value, `${said(value)} is no number of 32 bits`, `Expected ${expected}.`);
}

function readSmall(text: string, value: Word, highest: number, what: string): number {
  const of = /^\d{1,3}$/.test(value.text) ? Number(value.text) : Number.NaN;
  if (of <= highest) return of;
  return refuse(text, value, `${said(value)} is no ${what}`, `Expected a number from 0 to ${highest}.`);
}

/** A number, or the name of a class. */
const readDscp = (text: string, value: Word): number =>
  dscpClass.read(value.text, 'ipv4') ?? readSmall(text, value, 63, 'DSCP');
function readLength(text: string, value: Word): number {
  const of = readNumber(text, value, 'a number of bytes, like 1500');
  if (of >= 20 && of <= 65_535) return of;
  return refuse(
    text,
    value,
    `a packet is not ${of} bytes long`,
    'Expected the bytes of the whole packet, from 20 to 65535.',
  );
}

function readMac(text: string, value: Word): number {
  const mac = macAddress.read(value.text, 'ipv4');
  return mac ?? refuse(text, value, `${said(value)} is no MAC address`, 'Expected one like 00:11:22:33:44:55.');
}

function readFlags(text: string, value: Word): number {
  let bits = 0;
  let { position } = value;
  for (const name of value.text.split(',')) {
    bits |= named(text, { text: name, position, length: name.length }, 'TCP flag', FLAGS);
    position += name.length + 1;
  }
  return bits;
}

/** A name that `-m icmp` or `-m icmp6` knows; what only one family knows means the same number to the other. */
export function icmpNamed({ text }: Word): IcmpSaid | undefined {
  if (!/^[a-z][a-z-]{2,}$/i.test(text) || text === 'any') return undefined;
  const [four, six] = [icmpType(text, 'ipv4'), icmpType(text, 'ipv6')];
  const one = four ?? six;
  if (!one) return undefined;
  const whole = ({ type, code = 0 }: { readonly type: number; readonly code?: number }) => ({ type, code });
  return { ipv4: whole(four ?? one), ipv6: whole(six ?? one) };
}

function readIcmp(text: string, value: Word): IcmpSaid {
  const [, type, code = '0'] = /^(\d{1,3})(?:\/(\d{1,3}))?$/.exec(value.text) ?? [];
  if (type !== undefined && Number(type) <= 255 && Number(code) <= 255)
    return both({ type: Number(type), code: Number(code) });
  const name = icmpNamed(value);
  if (name) return name;
  return refuse(
    text,
    value,
    `${said(value)} is no ICMP type`,
    'Expected a type from 0 to 255, type/code, or a name: 8, 3/1, echo-reply.',
  );
}

const both = (said: { readonly type: number; readonly code: number }): IcmpSaid => ({ ipv4: said, ipv6: said });

function readTime(text: string, value: Word): number {
  const shape = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(value.text);
  // A time without a zone is UTC, as is everything that `-m time` compares.
  const zoned = shape?.[1] && !shape[4] ? `${value.text}Z` : value.text;
  const milliseconds = shape ? Date.parse(zoned) : Number.NaN;
  if (!Number.isNaN(milliseconds)) return Math.floor(milliseconds / 1000);
  return refuse(text, value, `${said(value)} is no time`, 'Expected a time in UTC, like 2026-11-23T12:00:00Z.');
}
