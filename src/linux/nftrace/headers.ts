import { NFPROTO } from '../nftables.ts';
import { BASE, compare, extension, hasExtension, KEY, masked, meta, payload } from './expressions.ts';

// Runs in a Node of its own too: imports what rules are made of, and nothing else.

/** The chain in which packets of IPv6 tell their headers. */
export const HEADERS_CHAIN = 'headers';

/** Hop-by-hop options, destination options, routing, fragment, AH. Source: linux/in.h, net/ipv6.h. */
const HEADERS = [0, 60, 43, 44, 51] as const;
const PROTOCOL_BITS = 8;
const FRAGMENT = 44;
/** TCP, UDP, ICMPv6: most packets have no header between. */
const PLAIN = [6, 17, 58];

/** The conditions of packets that have more headers than the first and the last. */
export const hasMoreHeaders: readonly Uint8Array[] = [
  meta(KEY.nfproto),
  compare(Uint8Array.of(NFPROTO.ipv6)),
  payload(BASE.network, 6, 1),
  ...PLAIN.map((protocol) => compare(Uint8Array.of(protocol), 'isNot')),
];

/** What follows IPv6's first header: the kernel tells the bytes of the first and of the last, and nothing between. */
export interface ToldHeaders {
  /** The last one. */
  readonly protocol: number;
  /** Those between, by their numbers. */
  readonly between: readonly number[];
  /** It is a fragment, and not the first. */
  readonly later: boolean;
}

/** One for each bit of the last header's number, for each other header, and for fragments that are not the first. */
export const headerConditions: readonly (readonly Uint8Array[])[] = [
  ...Array.from({ length: PROTOCOL_BITS }, (_, bit) => [
    meta(KEY.l4proto),
    masked(Uint8Array.of(2 ** bit)),
    compare(Uint8Array.of(0), 'isNot'),
  ]),
  ...HEADERS.map((number) => [hasExtension(number), compare(Uint8Array.of(1))]),
  [extension(FRAGMENT, 2, 2), masked(Uint8Array.of(0xff, 0xf8)), compare(Uint8Array.of(0, 0), 'isNot')],
];

/** What the numbers of those rules of `HEADERS_CHAIN` that matched say of a packet. */
export function headersIn(matched: readonly number[]): ToldHeaders {
  let protocol = 0;
  for (let bit = 0; bit < PROTOCOL_BITS; bit += 1) if (matched.includes(1 + bit)) protocol += 2 ** bit;
  return {
    protocol,
    between: HEADERS.filter((_, at) => matched.includes(1 + PROTOCOL_BITS + at)),
    later: matched.includes(1 + PROTOCOL_BITS + HEADERS.length),
  };
}
