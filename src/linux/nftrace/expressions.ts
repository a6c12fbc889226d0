import { attribute, stringAttribute } from '../netlink.ts';
import { expression, nested, numberAttribute } from '../nftables.ts';

// What rules of nf_tables are made of. Numbers are those of linux/netfilter/nf_tables.h.

const META = { register: 1, key: 2, source: 3 } as const;
const COMPARE = { register: 1, how: 2, data: 3 } as const;
const PAYLOAD = { register: 1, base: 2, offset: 3, length: 4 } as const;
const EXTENSION = { register: 1, header: 2, offset: 3, length: 4, flags: 5 } as const;
const BITWISE = { from: 1, to: 2, length: 3, mask: 4, xor: 5 } as const;
const IMMEDIATE = { register: 1, data: 2 } as const;
const LIMIT = { rate: 1, unit: 2, burst: 3 } as const;
const VERDICT = { code: 1, chain: 2 } as const;
const DATA = { value: 1, verdict: 2 } as const;
const HOW = { is: 0, isNot: 1 } as const;
const JUMP = -3;
const ACCEPT = 1;
const DROP = 0;
const REGISTER = 8;
const VERDICT_REGISTER = 0;

/** What a rule can ask of a packet beside its headers. */
export const KEY = {
  priority: 2,
  mark: 3,
  iif: 4,
  iifname: 6,
  oifname: 7,
  skuid: 10,
  skgid: 11,
  nftrace: 12,
  nfproto: 15,
  l4proto: 16,
} as const;

/** Where a header begins. */
export const BASE = { network: 1, transport: 2 } as const;

/** Loads one of `KEY`. The rule does not match where the packet has none: no socket, say. */
export const meta = (key: number): Uint8Array =>
  expression('meta', numberAttribute(META.register, REGISTER), numberAttribute(META.key, key));

export const payload = (base: number, offset: number, length: number): Uint8Array =>
  expression(
    'payload',
    numberAttribute(PAYLOAD.register, REGISTER),
    numberAttribute(PAYLOAD.base, base),
    numberAttribute(PAYLOAD.offset, offset),
    numberAttribute(PAYLOAD.length, length),
  );

/** Bytes of an IPv6 extension header, by its number. The rule does not match where there is none. */
export const extension = (header: number, offset: number, length: number, flags = 0): Uint8Array =>
  expression(
    'exthdr',
    numberAttribute(EXTENSION.register, REGISTER),
    attribute(EXTENSION.header, Uint8Array.of(header)),
    numberAttribute(EXTENSION.offset, offset),
    numberAttribute(EXTENSION.length, length),
    ...(flags ? [numberAttribute(EXTENSION.flags, flags)] : []),
  );

/** Whether there is such a header: 1 or 0, one byte. */
export const hasExtension = (header: number): Uint8Array => extension(header, 0, 1, PRESENT);
const PRESENT = 1;

const data = (type: number, bytes: Uint8Array): Uint8Array => nested(type, attribute(DATA.value, bytes));

/** What was loaded last is, or is not, these bytes. */
export const compare = (bytes: Uint8Array, how: keyof typeof HOW = 'is'): Uint8Array =>
  expression(
    'cmp',
    numberAttribute(COMPARE.register, REGISTER),
    numberAttribute(COMPARE.how, HOW[how]),
    data(COMPARE.data, bytes),
  );

/** Of what was loaded last, only these bits. */
export const masked = (mask: Uint8Array): Uint8Array =>
  expression(
    'bitwise',
    numberAttribute(BITWISE.from, REGISTER),
    numberAttribute(BITWISE.to, REGISTER),
    numberAttribute(BITWISE.length, mask.length),
    data(BITWISE.mask, mask),
    data(BITWISE.xor, new Uint8Array(mask.length)),
  );

/** So many packets a second, and so many at once; those beyond do not match. */
export const limit = (rate: number, burst: number): Uint8Array =>
  expression(
    'limit',
    wideAttribute(LIMIT.rate, rate),
    wideAttribute(LIMIT.unit, 1),
    numberAttribute(LIMIT.burst, burst),
  );

const wideAttribute = (type: number, value: number): Uint8Array => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return attribute(type, bytes);
};

/** Has the kernel trace the packet: `meta nftrace set 1`. */
export const setTrace = (): readonly Uint8Array[] => [
  expression('immediate', numberAttribute(IMMEDIATE.register, REGISTER), data(IMMEDIATE.data, Uint8Array.of(1))),
  expression('meta', numberAttribute(META.key, KEY.nftrace), numberAttribute(META.source, REGISTER)),
];

const verdict = (...parts: readonly Uint8Array[]): Uint8Array =>
  expression(
    'immediate',
    numberAttribute(IMMEDIATE.register, VERDICT_REGISTER),
    nested(IMMEDIATE.data, nested(DATA.verdict, ...parts)),
  );

export const jump = (chain: string): Uint8Array =>
  verdict(numberAttribute(VERDICT.code, JUMP), stringAttribute(VERDICT.chain, chain));

export const accept = (): Uint8Array => verdict(numberAttribute(VERDICT.code, ACCEPT));
export const drop = (): Uint8Array => verdict(numberAttribute(VERDICT.code, DROP));

/** Numbers that the kernel keeps in registers are in the machine's own order. */
export const own32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
