import type { Family } from '../../../../address/index.ts';
import { IPV6_HEADERS, type ValueField } from '../../../fields.ts';
import { ALWAYS, all, is, NEVER, not, type Predicate, some, unknown } from '../../../predicate.ts';
import { DCCP, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from '../../../protocol.ts';
import type { NftContext } from '../context.ts';
import {
  address,
  type Datatype,
  dscp,
  ecn,
  icmpCode,
  icmpType,
  icmpv6Code,
  icmpv6Type,
  integer,
  mac,
  protocol,
  service,
  tcpFlag,
} from '../datatype.ts';
import { constant, field, notFollowed, type Subject } from '../subject.ts';

/** Headers above the network layer, by their protocol; `th` is whatever there is. */
const TRANSPORT: Readonly<Record<string, number | undefined>> = {
  th: undefined,
  tcp: TCP,
  udp: UDP,
  udplite: UDPLITE,
  dccp: DCCP,
  sctp: SCTP,
  icmp: ICMP,
  icmpv6: ICMPV6,
};

type Known = readonly [field: ValueField, type: Datatype];

const ports: Readonly<Record<string, Known>> = {
  sport: ['sourcePort', service],
  dport: ['destinationPort', service],
};

/** Fields of the headers above the network layer that a packet here has. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Known>>>> = {
  th: ports,
  tcp: { ...ports, flags: ['tcpFlags', tcpFlag] },
  udp: ports,
  udplite: ports,
  dccp: ports,
  sctp: ports,
  icmp: { type: ['icmpType', icmpType], code: ['icmpCode', icmpCode] },
  icmpv6: { type: ['icmpType', icmpv6Type], code: ['icmpCode', icmpv6Code] },
};

/** A later fragment has no transport header: nft ends the rule there. Source: net/netfilter/nft_payload.c. */
const firstFragment = is('fragment', 0);

/**
 * A field of a header. nft asks for the header's protocol before it, and leaves that out where it shows a rule.
 * Source: nft(8), PAYLOAD EXPRESSIONS.
 */
export function readPayload(header: string, name: string, { family }: NftContext): Subject {
  if (header === 'ip' || header === 'ip6') return readNetwork(header, name, family);
  if (header === 'ether' && (name === 'saddr' || name === 'daddr')) {
    const of = name === 'saddr' ? 'sourceMac' : 'destinationMac';
    // A packet of this host's own has no such header yet.
    return field(of, mac, not(is(of, 0)));
  }
  if (!Object.hasOwn(TRANSPORT, header)) return notFollowed(`${header} ${name}`);
  const number = TRANSPORT[header];
  const needs = all(number === undefined ? ALWAYS : is('protocol', number), firstFragment);
  if (header === 'udp' && name === 'length')
    return lengthBeyond(NETWORK_HEADER[family], all(needs, noHeaderBetween(family)));
  const known = FIELDS[header]?.[name];
  return known ? field(known[0], known[1], needs) : notFollowed(`${header} ${name}`, needs);
}

function readNetwork(header: 'ip' | 'ip6', name: string, family: Family): Subject {
  const needs: Predicate = (header === 'ip') === (family === 'ipv4') ? ALWAYS : NEVER;
  switch (name) {
    case 'saddr':
      return field('source', address[header === 'ip' ? 'ipv4' : 'ipv6'], needs);
    case 'daddr':
      return field('destination', address[header === 'ip' ? 'ipv4' : 'ipv6'], needs);
    case 'protocol':
    case 'nexthdr':
      return field('protocol', protocol, needs);
    case 'ttl':
    case 'hoplimit':
      return field('ttl', integer, needs);
    case 'dscp':
      return field('dscp', dscp, needs);
    case 'ecn':
      return field('ecn', ecn, needs);
    case 'length':
      // IPv6 does not count its own header.
      return header === 'ip' ? field('length', integer, needs) : lengthBeyond(NETWORK_HEADER.ipv6, needs);
    case 'version':
      return { ...constant(integer, header === 'ip' ? 4 : 6), needs };
    default:
      return notFollowed(`${header} ${name}`, needs);
  }
}

/** Bytes of a network header; IPv4's options are not followed. */
const NETWORK_HEADER: Readonly<Record<Family, number>> = { ipv4: 20, ipv6: 40 };

/** A length that a header tells of what follows the first `bytes` of the packet. */
const lengthBeyond = (bytes: number, needs: Predicate): Subject => ({
  kind: 'field',
  field: 'length',
  type: integer,
  beyond: bytes,
  needs,
});

/** How long IPv6's further headers are nobody says. */
const noHeaderBetween = (family: Family): Predicate =>
  family === 'ipv4'
    ? ALWAYS
    : some(is('headers', IPV6_HEADERS.protocol), unknown('the length of the headers before UDP is not known'));

/** The part of `ip frag-off` that only later fragments have anything in. */
export const FRAGMENT_OFFSET = 0x1fff;

/** `ip frag-off & 0x1fff`: not zero in later fragments only. */
export const fragmentOffset = ({ family }: NftContext): Subject => ({
  kind: 'cases',
  type: integer,
  needs: family === 'ipv4' ? ALWAYS : NEVER,
  cases: [
    { low: 0, high: 0, when: is('fragment', 0) },
    { low: 1, high: FRAGMENT_OFFSET, when: is('fragment', 1) },
  ],
});
