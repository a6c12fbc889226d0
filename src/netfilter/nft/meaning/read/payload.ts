import type { Family } from '../../../../address/index.ts';
import { IPV6_HEADERS, type ValueField } from '../../../fields.ts';
import { ALWAYS, all, hasAnyBit, is, NEVER, not, type Predicate, some, unknown } from '../../../predicate.ts';
import { AH, DCCP, ESP, ICMP, ICMPV6, IGMP, IPCOMP, SCTP, TCP, UDP, UDPLITE } from '../../../protocol.ts';
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
import { constant, field, notFollowed, notKnown, type Subject } from '../subject.ts';

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
  igmp: IGMP,
  ah: AH,
  esp: ESP,
  comp: IPCOMP,
};

/** Headers that may stand between the first and the last one. */
const BEFORE_LAST =
  IPV6_HEADERS['hop-by-hop'] |
  IPV6_HEADERS['ipv6-opts'] |
  IPV6_HEADERS['ipv6-route'] |
  IPV6_HEADERS['ipv6-frag'] |
  IPV6_HEADERS.ah;

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
  ah: { spi: ['spi', integer] },
  esp: { spi: ['spi', integer] },
};

/** Fields that messages of one type alone have: nft asks for the type and leaves that out where it shows a rule. */
const OF_TYPE: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  icmp: { mtu: 3, gateway: 5 },
  icmpv6: { mtu: 2, 'packet-too-big': 2, 'parameter-problem': 4, 'max-delay': 130 },
};

/**
 * A field of a header. nft asks for the header's protocol before it, and leaves that out where it shows a rule. A later fragment
 * has no transport header: what stands in its place is compared, and that nobody knows.
 * Source: nft(8), PAYLOAD EXPRESSIONS; net/netfilter/nf_tables_core.c, nft_payload_fast_eval.
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
  const needs = number === undefined ? ALWAYS : is('protocol', number);
  if (header === 'udp' && name === 'length')
    return lengthBeyond(NETWORK_HEADER[family], all(needs, firstOrUnknown, noHeaderBetween(family)));
  const known = FIELDS[header]?.[name];
  if (known) return field(known[0], known[1], needs);
  const type = OF_TYPE[header]?.[name];
  return notKnown(`${header} ${name} of the packet`, type === undefined ? needs : all(needs, is('icmpType', type)));
}

function readNetwork(header: 'ip' | 'ip6', name: string, family: Family): Subject {
  const needs: Predicate = (header === 'ip') === (family === 'ipv4') ? ALWAYS : NEVER;
  switch (name) {
    case 'saddr':
      return field('source', address[header === 'ip' ? 'ipv4' : 'ipv6'], needs);
    case 'daddr':
      return field('destination', address[header === 'ip' ? 'ipv4' : 'ipv6'], needs);
    case 'protocol':
      return field('protocol', protocol, needs);
    case 'nexthdr':
      return { kind: 'field', field: 'protocol', type: protocol, other: headerBefore, needs };
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
    case 'hdrlength':
      return notKnown('whether the IPv4 header has options', needs);
    default:
      return notKnown(`${header} ${name} of the packet`, needs);
  }
}

/** IPv6 names the header that follows its own, which need not be the last one. */
const headerBefore = {
  when: hasAnyBit('headers', BEFORE_LAST),
  because: 'which header follows the first one is not known',
};

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

const firstOrUnknown = some(
  is('fragment', 0),
  unknown('what stands where a later fragment has no header is not known'),
);

/** How long IPv6's further headers are nobody says. */
const noHeaderBetween = (family: Family): Predicate =>
  family === 'ipv4'
    ? ALWAYS
    : some(is('headers', IPV6_HEADERS.protocol), unknown('the length of the headers before UDP is not known'));
