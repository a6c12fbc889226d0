import { type AddressValue, type Family, formatAddress, widthOf } from '../address/index.ts';
import { timeOfDayWord, WEEKDAYS } from './clock.ts';
import { formatMac } from './mac-address.ts';
import { protocolName } from './protocol.ts';

/** Connection states as bits, the value of the field `ctstate` (exactly one is set). Source: xt_conntrack.h. */
export const CTSTATE = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8, UNTRACKED: 64 } as const;
export type CtState = keyof typeof CTSTATE;

/** Bits of the field `ctstatus`: what has been done to the connection. Source: nf_conntrack_common.h. */
export const CTSTATUS = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, CONFIRMED: 8, SNAT: 16, DNAT: 32 } as const;

/** Bits of the field `tcpFlags` that `--tcp-flags` can name. */
export const TCP_FLAGS = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

/** The two of congestion notification, which `-m ecn` reads and `-j ECN` writes. */
export const ECN_FLAGS = { ECE: 64, CWR: 128 } as const;

/**
 * Values of the field `socketLookup`: what `-m socket` finds for a packet. A wildcard is a listener that is bound to any
 * address; a connection's own socket never is one.
 */
export const SOCKET_LOOKUP = { none: 0, wildcard: 1, plain: 2, transparent: 3, wildcardTransparent: 4 } as const;

/**
 * Kinds of address as addrtype names them, bits of `sourceType` and `destinationType`. An IPv4 address is of one kind; an
 * IPv6 address may be of several (a local one is UNICAST and LOCAL). Source: xt_addrtype.h.
 */
export const ADDRESS_TYPE = {
  UNSPEC: 1,
  UNICAST: 2,
  LOCAL: 4,
  BROADCAST: 8,
  ANYCAST: 16,
  MULTICAST: 32,
  BLACKHOLE: 64,
  UNREACHABLE: 128,
  PROHIBIT: 256,
  THROW: 512,
  NAT: 1024,
  XRESOLVE: 2048,
} as const;

/**
 * Values of the fields that tell by which way a source would be answered: not at all, by the interface that the packet came in
 * by, by another one. Of an address of this host's own: it is one of that interface, or of another.
 */
export const WAY_BACK = { none: 0, same: 1, other: 2, ownSame: 3, ownOther: 4 } as const;

/** Whom a frame is addressed to. Source: if_packet.h. */
export const PACKET_TYPE = { unicast: 0, broadcast: 1, multicast: 2, otherhost: 3 } as const;

/** Bits of the field `headers`, by the names that iptables prints. Source: ip6t_ipv6header.h. */
export const IPV6_HEADERS = {
  'hop-by-hop': 128,
  'ipv6-opts': 64,
  'ipv6-route': 32,
  'ipv6-frag': 16,
  ah: 8,
  esp: 4,
  'ipv6-nonxt': 2,
  protocol: 1,
} as const;

/** What is known of one packet field. */
export interface Field {
  readonly kind: 'number' | 'address' | 'name';
  /** Width in bits; 0 for names. An address has its family's width. */
  readonly width: number | 'address';
  /** The noun a sentence uses: "port 8888 is not 8080". */
  readonly spoken: string;
  /** Values as words. Absent: plain decimal, or the address's usual form. */
  readonly format?: (value: number) => string;
  /**
   * Read from the transport header, which a non-first fragment does not have: the nft back end takes what stands in its
   * place (so it is not known, unless the packet says so), the legacy one matches nothing.
   */
  readonly transport?: true;
  /** That it is not known, in a clause, where it is no property of the packet. */
  readonly missing?: string;
}

const number = (width: number, spoken: string, format?: (value: number) => string): Field =>
  format ? { kind: 'number', width, spoken, format } : { kind: 'number', width, spoken };
const transport = (width: number, spoken: string, format?: (value: number) => string): Field => ({
  ...number(width, spoken, format),
  transport: true,
});
const hex = (value: number): string => `0x${value.toString(16)}`;
const bits = (names: Readonly<Record<string, number>>) => (value: number) =>
  Object.entries(names)
    .filter(([, bit]) => (value & bit) !== 0)
    .map(([name]) => name)
    .join(',') || 'none';

const nameIn = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value);

/** In a sentence: "way back to the source is by another interface". */
const WAYS_BACK = [
  'none',
  'by the same interface',
  'by another interface',
  'to this host itself',
  'to this host itself, by another interface',
];
const wayBack = (spoken: string): Field => number(3, spoken, (value) => WAYS_BACK[value] ?? '');

const leading = (spoken: string): Field =>
  number(31, `number of the ${spoken}`, (value) => (value === 0 ? '0 (none)' : String(value)));

/** Every field that a match may read and a target may write. One line a field. */
export const FIELDS = {
  in: { kind: 'name', width: 0, spoken: 'incoming interface' },
  out: { kind: 'name', width: 0, spoken: 'outgoing interface' },
  source: { kind: 'address', width: 'address', spoken: 'source' },
  destination: { kind: 'address', width: 'address', spoken: 'destination' },
  protocol: number(8, 'protocol', protocolName),
  /** TTL in IPv4, hop limit in IPv6. */
  ttl: number(8, 'TTL'),
  /** Of the whole packet in bytes, the IP header counted. */
  length: number(16, 'length'),
  fragment: number(1, 'non-first fragment', (value) => (value ? 'yes' : 'no')),
  /** The two parts of the byte that is called TOS, or traffic class in IPv6. */
  dscp: number(6, 'DSCP'),
  ecn: number(2, 'ECN'),
  sourcePort: transport(16, 'source port'),
  destinationPort: transport(16, 'port'),
  tcpFlags: transport(8, 'TCP flags', bits({ ...TCP_FLAGS, ...ECN_FLAGS })),
  icmpType: transport(8, 'ICMP type'),
  icmpCode: transport(8, 'ICMP code'),
  /** The index that names an IPsec connection, in AH and ESP. */
  spi: transport(32, 'SPI'),
  /** IPv6: the headers between the first and the last, and whether a last one is there. */
  headers: number(8, 'headers', bits(IPV6_HEADERS)),
  packetType: number(3, 'kind of frame', (value) => nameIn(PACKET_TYPE, value)),
  /** 1 where IPsec has unwrapped the packet, or will wrap it. */
  ipsec: number(1, 'IPsec', (value) => (value ? 'yes' : 'no')),
  mark: number(32, 'mark', hex),
  ctmark: number(32, 'connection mark', hex),
  ctstate: number(8, 'connection state', bits(CTSTATE)),
  ctstatus: number(16, 'connection status', bits(CTSTATUS)),
  ctzone: number(16, 'conntrack zone'),
  /** 1 when the packet goes against the direction of its connection's first one. */
  ctreply: number(1, 'direction within its connection', (value) => (value ? 'REPLY' : 'ORIGINAL')),
  /** The connection's addresses and ports as its first packet had them, and as its replies have them. */
  ctorigsrc: { kind: 'address', width: 'address', spoken: 'original source of the connection' },
  ctorigdst: { kind: 'address', width: 'address', spoken: 'original destination of the connection' },
  ctreplsrc: { kind: 'address', width: 'address', spoken: 'source of the connection’s replies' },
  ctrepldst: { kind: 'address', width: 'address', spoken: 'destination of the connection’s replies' },
  ctorigsrcport: number(16, 'original source port of the connection'),
  ctorigdstport: number(16, 'original port of the connection'),
  ctreplsrcport: number(16, 'source port of the connection’s replies'),
  ctrepldstport: number(16, 'port of the connection’s replies'),
  /** 1 when a socket of this namespace sent the packet: only then has it an owner. */
  owned: number(1, 'owning socket', (value) => (value ? 'yes' : 'no')),
  uid: number(32, 'uid'),
  gid: number(32, 'gid'),
  socketLookup: number(
    3,
    'socket found',
    (value) => Object.entries(SOCKET_LOOKUP).find(([, number]) => number === value)?.[0] ?? 'none',
  ),
  sourceType: number(16, 'kind of source address', bits(ADDRESS_TYPE)),
  destinationType: number(16, 'kind of destination address', bits(ADDRESS_TYPE)),
  /** The same where only what the incoming interface has, or the outgoing one, counts as this host's. */
  sourceTypeIn: number(16, 'kind of source address on the incoming interface', bits(ADDRESS_TYPE)),
  destinationTypeIn: number(16, 'kind of destination address on the incoming interface', bits(ADDRESS_TYPE)),
  sourceTypeOut: number(16, 'kind of source address on the outgoing interface', bits(ADDRESS_TYPE)),
  destinationTypeOut: number(16, 'kind of destination address on the outgoing interface', bits(ADDRESS_TYPE)),
  /** What `-m rpfilter` finds, without the packet's mark and with it, and what `fib saddr oif` does. */
  reversePath: wayBack('way back to the source'),
  markedReversePath: wayBack('way back to the source for its mark'),
  fibWayBack: wayBack('way back to the source'),
  markedFibWayBack: wayBack('way back to the source for its mark'),
  /** The interface that `fib` finds, by its index, 0 for none: towards the source, and towards the destination. */
  fibSource: leading('interface that leads to the source'),
  markedFibSource: leading('interface that leads to the source for its mark'),
  fibDestination: leading('interface that leads to the destination'),
  markedFibDestination: leading('interface that leads to the destination for its mark'),
  /** 0 where there is none: a packet of this host's own, or one on the loopback device. */
  sourceMac: number(48, 'source MAC address', formatMac),
  destinationMac: number(48, 'MAC address', formatMac),
  /** The clock when the packet passes: seconds since 1970 in UTC, what `-m time` reads. */
  time: number(40, 'time', (value) => new Date(value * 1000).toISOString()),
  /** What follows from it, in UTC: seconds of the day, the day of the week from Sunday, 0, of the month, and yesterday's. */
  timeOfDay: number(17, 'time of day', timeOfDayWord),
  weekday: number(3, 'weekday', (value) => WEEKDAYS[value] ?? String(value)),
  monthDay: number(5, 'day of the month'),
  monthDayBefore: number(5, 'yesterday’s day of the month'),
  /** 1 where the kernel has a time zone of its own (sys_tz), by which `--kerneltz` and nft's `meta day` go. */
  kernelZone: {
    ...number(1, 'time zone of the kernel', (value) => (value ? 'not UTC' : 'UTC')),
    missing: 'the time zone of the kernel is not known',
  },
} as const satisfies Record<string, Field>;

export type FieldName = keyof typeof FIELDS;
export type NameField = 'in' | 'out';
export type ValueField = Exclude<FieldName, NameField>;

/** The description of a field. */
export const field = (name: FieldName): Field => FIELDS[name];

/** Width of a field in bits for a family. */
export function fieldWidth(name: ValueField, family: Family): number {
  const { width } = field(name);
  return width === 'address' ? widthOf(family) : width;
}

/** A field's value in words: `8080`, `tcp`, `10.0.0.5`, `0x539`. */
export function formatField(name: ValueField, value: AddressValue, family: Family): string {
  const { kind, format } = field(name);
  if (kind === 'address') return formatAddress(family, value);
  return format ? format(Number(value)) : String(value);
}
