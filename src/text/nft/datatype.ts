import type { NftExpression } from '../../netfilter/index.ts';

const plain = (names: string): Record<string, string> =>
  Object.fromEntries(names.split(' ').map((name) => [name, 'integer']));
const PORTS = { sport: 'inet_service', dport: 'inet_service' };
const HOST = { saddr: 'ipv4_addr', daddr: 'ipv4_addr' };
const HOST6 = { saddr: 'ipv6_addr', daddr: 'ipv6_addr' };
const CODEPOINT = { dscp: 'dscp', ecn: 'ecn' };

/** Header fields and their data types, by protocol. Source: nft(8), PAYLOAD EXPRESSIONS and DATA TYPES. */
const PAYLOADS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ether: { saddr: 'ether_addr', daddr: 'ether_addr', type: 'ether_type' },
  vlan: { ...plain('id cfi dei pcp'), type: 'ether_type' },
  ip: { ...plain('version hdrlength length id frag-off ttl checksum'), ...CODEPOINT, ...HOST, protocol: 'inet_proto' },
  ip6: { ...plain('version flowlabel length hoplimit'), ...CODEPOINT, ...HOST6, nexthdr: 'inet_proto' },
  icmp: { ...plain('checksum id sequence mtu'), type: 'icmp_type', code: 'icmp_code', gateway: 'ipv4_addr' },
  icmpv6: {
    ...plain('checksum parameter-problem packet-too-big id sequence max-delay mtu'),
    type: 'icmpv6_type',
    code: 'icmpv6_code',
    taddr: 'ipv6_addr',
    daddr: 'ipv6_addr',
  },
  igmp: { ...plain('mrt checksum'), type: 'igmp_type', group: 'ipv4_addr' },
  tcp: { ...plain('sequence ackseq doff reserved window checksum urgptr'), ...PORTS, flags: 'tcp_flag' },
  udp: { ...plain('length checksum'), ...PORTS },
  udplite: { ...plain('csumcov checksum'), ...PORTS },
  sctp: { ...plain('vtag checksum'), ...PORTS },
  dccp: { ...PORTS, type: 'dccp_pkttype' },
  th: PORTS,
  ah: { ...plain('hdrlength reserved spi sequence'), nexthdr: 'inet_proto' },
  esp: plain('spi sequence'),
  comp: { ...plain('flags cpi'), nexthdr: 'inet_proto' },
};

const FIELDS: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(PAYLOADS).map(([protocol, fields]) => [protocol, Object.keys(fields)]),
);

/** The fields of a protocol's header; undefined for a protocol that is not known. */
export const headerFields = (protocol: string): readonly string[] | undefined => FIELDS.get(protocol);

/** The fields of IPv6 extension headers. Source: nft(8), EXTENSION HEADER EXPRESSIONS. */
export const EXTENSION_HEADERS: Readonly<Record<string, readonly string[]>> = {
  hbh: ['nexthdr', 'hdrlength'],
  dst: ['nexthdr', 'hdrlength'],
  rt: ['nexthdr', 'hdrlength', 'type', 'seg-left'],
  rt0: ['addr'],
  rt2: ['addr'],
  srh: ['last-entry', 'flags', 'tag', 'sid', 'seg-left'],
  frag: ['nexthdr', 'reserved', 'frag-off', 'reserved2', 'more-fragments', 'id'],
  mh: ['nexthdr', 'hdrlength', 'type', 'reserved', 'checksum'],
};

const META: Readonly<Record<string, string>> = {
  mark: 'mark',
  iif: 'iface_index',
  oif: 'iface_index',
  sdif: 'iface_index',
  iifname: 'ifname',
  oifname: 'ifname',
  sdifname: 'ifname',
  iifkind: 'ifname',
  oifkind: 'ifname',
  ibrname: 'ifname',
  obrname: 'ifname',
  iiftype: 'iface_type',
  oiftype: 'iface_type',
  iifgroup: 'devgroup',
  oifgroup: 'devgroup',
  skuid: 'uid',
  skgid: 'gid',
  protocol: 'ether_type',
  nfproto: 'nf_proto',
  l4proto: 'inet_proto',
  pkttype: 'pkt_type',
  priority: 'classid',
  rtclassid: 'realm',
  time: 'time',
  day: 'day',
  hour: 'hour',
  ipsec: 'boolean',
  ...plain('length secmark nftrace cpu cgroup random ibrpvid ibrvproto bri_iifpvid bri_iifvproto'),
};

/** Keys that nft writes without the word `meta`. */
const BARE: ReadonlySet<string> = new Set('iif iifname oif oifname iifgroup oifgroup ibrname obrname'.split(' '));
export const isBareMeta = (key: string): boolean => BARE.has(key);

/** Keys that may stand without the word `meta`: iptables-nft's translations write them so (`meta mark set mark or 0x4000`). */
const BARE_TOO: ReadonlySet<string> = new Set(
  'mark iiftype oiftype skuid skgid nftrace rtclassid pkttype cpu cgroup ipsec secpath time day hour'.split(' '),
);
export const mayBeBareMeta = (key: string): boolean => BARE.has(key) || BARE_TOO.has(key);

export const META_KEYS: readonly string[] = Object.keys(META);

const CT: Readonly<Record<string, string>> = {
  mark: 'mark',
  state: 'ct_state',
  status: 'ct_status',
  label: 'ct_label',
  event: 'ct_event',
  direction: 'ct_dir',
  helper: 'string',
  protocol: 'inet_proto',
  l3proto: 'nf_proto',
  'proto-src': 'inet_service',
  'proto-dst': 'inet_service',
  expiration: 'time_span',
  saddr: '',
  daddr: '',
  ...plain('secmark bytes packets avgpkt zone id timeout expectation'),
};

export const CT_KEYS: readonly string[] = Object.keys(CT);

/** Where no family is stated it is the table's, which is not known here. */
const addressType = (family: 'ip' | 'ip6' | undefined): string | undefined =>
  family && (family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr');

/**
 * The name of an expression's data type, as nft prints it for a set; `integer` for plain numbers, undefined where the
 * expression has none (a constant).
 *
 * @example datatypeOf({ kind: 'payload', protocol: 'tcp', field: 'dport' }) // 'inet_service'
 */
export function datatypeOf(expression: NftExpression): string | undefined {
  switch (expression.kind) {
    case 'payload':
      return payloadType(expression.protocol, expression.field) ?? 'integer';
    case 'meta':
      return own(META, expression.key) ?? 'integer';
    case 'ct':
      return expression.key === 'saddr' || expression.key === 'daddr'
        ? addressType(expression.family)
        : (own(CT, expression.key) ?? 'integer');
    case 'rt':
      if (expression.key === 'nexthop') return addressType(expression.family);
      return { classid: 'realm', ipsec: 'boolean' }[expression.key] ?? 'integer';
    case 'socket':
      return { mark: 'mark', cgroupv2: 'cgroupsv2' }[expression.key] ?? 'integer';
    case 'fib':
      return { oif: 'iface_index', oifname: 'ifname', type: 'fib_addrtype', check: 'boolean' }[expression.result];
    case 'exthdr':
      if (expression.field === undefined) return 'boolean';
      if (expression.field === 'nexthdr') return 'inet_proto';
      if (expression.name === 'mh' && expression.field === 'type') return 'mh_type';
      return /^(?:addr|sid)\[/.test(expression.field) ? 'ipv6_addr' : 'integer';
    case 'ipsec':
      return expression.key === 'saddr' || expression.key === 'daddr' ? addressType(expression.family) : 'integer';
    case 'osf':
      return 'string';
    case 'ip option':
    case 'tcp option':
    case 'sctp chunk':
      return expression.field === undefined ? 'boolean' : 'integer';
    case 'raw':
    case 'raw tcp option':
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return 'integer';
    case 'dccp option':
      return 'boolean';
    case 'binary':
      return datatypeOf(expression.left) ?? datatypeOf(expression.right);
    default:
      return undefined;
  }
}

const own = (table: Readonly<Record<string, string>> | undefined, key: string): string | undefined =>
  table && Object.hasOwn(table, key) ? table[key] : undefined;

const payloadType = (protocol: string, field: string): string | undefined =>
  own(Object.hasOwn(PAYLOADS, protocol) ? PAYLOADS[protocol] : undefined, field);

/** Types whose values are bits: `KEY a,b` means any of them. */
const BITS: ReadonlySet<string | undefined> = new Set(['ct_state', 'ct_status', 'ct_label', 'ct_event', 'tcp_flag']);

export const isBits = (datatype: string | undefined): boolean => BITS.has(datatype);

/** The names of an expression's data types, as nft prints them. */
export function typeNames(expression: NftExpression): string[] {
  const parts = expression.kind === 'concat' ? expression.items : [expression];
  const names = parts.map(datatypeOf);
  return names.every((name) => name !== undefined) ? names : [];
}
