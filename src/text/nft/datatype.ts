import type { NftExpression } from '../../netfilter/index.ts';

/** Data types of header fields, by protocol and field. What is not here is a plain number. Source: nft(8), DATA TYPES. */
const PAYLOADS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ether: { saddr: 'ether_addr', daddr: 'ether_addr', type: 'ether_type' },
  vlan: { type: 'ether_type' },
  arp: {
    operation: 'arp_op',
    ptype: 'ether_type',
    'saddr ether': 'ether_addr',
    'daddr ether': 'ether_addr',
    'saddr ip': 'ipv4_addr',
    'daddr ip': 'ipv4_addr',
  },
  ip: { saddr: 'ipv4_addr', daddr: 'ipv4_addr', protocol: 'inet_proto', dscp: 'dscp', ecn: 'ecn' },
  ip6: { saddr: 'ipv6_addr', daddr: 'ipv6_addr', nexthdr: 'inet_proto', dscp: 'dscp', ecn: 'ecn' },
  icmp: { type: 'icmp_type', code: 'icmp_code', gateway: 'ipv4_addr' },
  icmpv6: { type: 'icmpv6_type', code: 'icmpv6_code', taddr: 'ipv6_addr', daddr: 'ipv6_addr' },
  igmp: { type: 'igmp_type', group: 'ipv4_addr' },
  tcp: { sport: 'inet_service', dport: 'inet_service', flags: 'tcp_flag' },
  udp: { sport: 'inet_service', dport: 'inet_service' },
  udplite: { sport: 'inet_service', dport: 'inet_service' },
  sctp: { sport: 'inet_service', dport: 'inet_service' },
  dccp: { sport: 'inet_service', dport: 'inet_service', type: 'dccp_pkttype' },
  th: { sport: 'inet_service', dport: 'inet_service' },
  ah: { nexthdr: 'inet_proto' },
  comp: { nexthdr: 'inet_proto' },
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
};

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
};

const addressType = (family: 'ip' | 'ip6' | undefined): string => (family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr');

/**
 * The name of an expression's data type, as nft prints it for a set; `integer` for plain numbers, undefined where the
 * expression has none (a constant).
 *
 * @example datatypeOf({ kind: 'payload', protocol: 'tcp', field: 'dport' }) // 'inet_service'
 */
export function datatypeOf(expression: NftExpression): string | undefined {
  switch (expression.kind) {
    case 'payload':
      return (
        own(
          Object.hasOwn(PAYLOADS, expression.protocol) ? PAYLOADS[expression.protocol] : undefined,
          expression.field,
        ) ?? 'integer'
      );
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

/** Types whose values are bits: `KEY a,b` means any of them. */
const BITS: ReadonlySet<string | undefined> = new Set(['ct_state', 'ct_status', 'ct_label', 'ct_event', 'tcp_flag']);

export const isBits = (datatype: string | undefined): boolean => BITS.has(datatype);

/** Whether values are interfaces by their index, or realms: nft's JSON writes their numbers as texts. */
export const isIndex = (expression: NftExpression): boolean => {
  const datatype = datatypeOf(expression);
  return datatype === 'iface_index' || datatype === 'realm' || datatype === 'devgroup';
};
