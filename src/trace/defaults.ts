import { type AddressValue, type Family, masked } from '../address/index.ts';
import {
  asksFor,
  asksMeta,
  CLOCK_KEYS,
  CTSTATE,
  ICMP,
  ICMPV6,
  type NftTable,
  PACKET_TYPE,
  type Packet,
  type Snapshot,
  TCP,
  TCP_FLAGS,
} from '../netfilter/index.ts';
import type { Expression } from './expression.ts';

/** Adds "CLAUSE assumed (WHY)". */
export type Assume = (clause: string, why?: string) => void;

/** `icmp` means what the family calls so. */
export const protocolIn = ({ protocol }: Expression, family: Family): number =>
  protocol === ICMP && family === 'ipv6' ? ICMPV6 : protocol;

type Header = Pick<Packet, 'tcpFlags' | 'icmpType' | 'icmpCode'>;

/** The transport header, as far as rules look at it. */
export function headerOf(read: Expression, family: Family, assume: Assume): Partial<Header> {
  const protocol = protocolIn(read, family);
  // What is said of a reply does not hold for the packet that is answered.
  if (protocol === TCP && read.reply) return { tcpFlags: TCP_FLAGS.SYN };
  if (protocol === TCP) {
    const later = read.state === CTSTATE.ESTABLISHED;
    if (read.flags === undefined && later) assume('flag ACK');
    return { tcpFlags: read.flags ?? (later ? TCP_FLAGS.ACK : TCP_FLAGS.SYN) };
  }
  if (protocol !== ICMP && protocol !== ICMPV6) return {};
  if (!read.icmp) assume('an echo request');
  const { type, code } = read.icmp?.[family] ?? { type: protocol === ICMP ? 8 : 128, code: 0 };
  return { icmpType: type, icmpCode: code };
}

type Unsaid = Pick<Packet, 'ttl' | 'length' | 'packetType' | 'ipsec' | 'spi' | 'sourceMac' | 'destinationMac'>;

/** The TTL or hop limit that Linux sends with. Source: IPDEFTTL in ip.h. */
export const USUAL_HOPS = 64;

/** To many hosts at once. Source: ip(7), IP_MULTICAST_TTL. */
const MULTICAST_HOPS = 1;

/** Linux's SYN: twenty bytes of options behind the TCP header. */
export const SYN_LENGTH = { ipv4: 60, ipv6: 80 } as const;

type ToMany = Pick<Packet, 'family' | 'destination'>;

/** The TTL or hop limit that a packet is taken to have. */
export const usualHops = ({ family, destination }: ToMany): number =>
  isMulticast(family, destination) ? MULTICAST_HOPS : USUAL_HOPS;

/** Its length, where it is one that Linux always gives it. */
export const usualLength = ({ family, tcpFlags }: Pick<Packet, 'family' | 'tcpFlags'>): number | undefined =>
  tcpFlags === TCP_FLAGS.SYN ? SYN_LENGTH[family] : undefined;

/** What kind of frame it is taken to come in. */
export const usualKind = ({ family, destination }: ToMany, way: 'in' | 'out' | 'self'): 'multicast' | 'unicast' =>
  way === 'in' && isMulticast(family, destination) ? 'multicast' : 'unicast';

/** Fields of the packet's way that people seldom speak of: said only where a rule reads them. */
export function unsaidOf(
  read: Expression,
  snapshot: Snapshot,
  { family, destination, tcpFlags }: Pick<Packet, 'family' | 'destination' | 'tcpFlags'>,
  assume: Assume,
): Unsaid {
  const own = read.way === 'in' ? read.mac : 0;
  const said = <T>(
    match: string,
    told: T | undefined,
    usual: T | undefined,
    clause: string,
    why?: string,
  ): T | undefined => {
    if (told === undefined && usual !== undefined && (named(snapshot, match) || asked(snapshot, match)))
      assume(clause, why);
    return told ?? usual;
  };
  const hops = usualHops({ family, destination });
  const length = usualLength({ family, tcpFlags });
  const kind = usualKind({ family, destination }, read.way);
  return {
    ttl: said(family === 'ipv4' ? 'ttl' : 'hl', read.ttl, hops, `TTL ${hops}`, 'what Linux sends with'),
    length: said('length', read.length, length, `length ${length}`, 'what Linux’s SYN has'),
    packetType: said('pkttype', read.packetType, PACKET_TYPE[kind], `a ${kind} frame`),
    ipsec: said('policy', read.ipsec, 0, 'no IPsec'),
    spi: read.spi,
    sourceMac: own,
    destinationMac: read.way === 'in' ? undefined : 0,
  };
}

const isMulticast = (family: Family, address: AddressValue): boolean =>
  family === 'ipv4' ? masked(address, 0xf000_0000) === 0xe000_0000 : BigInt(address) >> 120n === 0xffn;

/** The clock matters only where a rule reads it. */
export function nowFor(snapshot: Snapshot, now: number | undefined, assume: Assume): number | undefined {
  if (now === undefined) return undefined;
  const time = Math.floor(now / 1000);
  if (named(snapshot, 'time') || snapshot.native?.some((table) => asksMeta(table, CLOCK_KEYS)))
    assume(`time ${new Date(time * 1000).toISOString().replace('.000', '')}`, 'now');
  return time;
}

/** 1 where the kernel's own time zone is not UTC. */
export const kernelZoneIn = ({ clocks }: Snapshot): number | undefined =>
  clocks?.kernelWest === undefined ? undefined : clocks.kernelWest === 0 ? 0 : 1;

/** What nft's own rules ask for the same as a match, in their words. */
const AS_NFT: Readonly<Record<string, ReadonlySet<string>>> = {
  ttl: new Set(['ip ttl']),
  hl: new Set(['ip6 hoplimit']),
  length: new Set(['meta length', 'ip length', 'ip6 length', 'udp length']),
  pkttype: new Set(['meta pkttype']),
  policy: new Set(['meta ipsec', 'rt ipsec']),
};

const asked = ({ native = [] }: Snapshot, match: string): boolean => {
  const words = AS_NFT[match];
  return words !== undefined && native.some((table) => asksOf(table, match, words));
};

/** What tables were found to ask for: many questions are asked of the same ones. */
const ASKED = new WeakMap<NftTable, Map<string, boolean>>();

function asksOf(table: NftTable, match: string, words: ReadonlySet<string>): boolean {
  const known = ASKED.get(table) ?? new Map<string, boolean>();
  ASKED.set(table, known);
  const before = known.get(match);
  if (before !== undefined) return before;
  const answer = asksFor(table, words);
  known.set(match, answer);
  return answer;
}

/** Whether any rule uses a match. */
const named = ({ held }: Snapshot, match: string): boolean =>
  held.some(({ rules }) =>
    rules.tables.some(({ chains }) =>
      chains.some((chain) => chain.rules.some(({ matches }) => matches.some(({ name }) => name === match))),
    ),
  );
