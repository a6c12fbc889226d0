import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, is, unless } from '../predicate.ts';
import { ICMPV6 } from '../protocol.ts';
import { type IcmpOptions, icmpCodec, isType, listedTypes } from './icmp.ts';

/** Names as `ip6tables -p icmpv6 -h` lists them. */
export const ICMPV6_NAMES: Readonly<Record<string, string>> = {
  'destination-unreachable': '1',
  'no-route': '1/0',
  'communication-prohibited': '1/1',
  'beyond-scope': '1/2',
  'address-unreachable': '1/3',
  'port-unreachable': '1/4',
  'failed-policy': '1/5',
  'reject-route': '1/6',
  'packet-too-big': '2',
  'time-exceeded': '3',
  'ttl-exceeded': '3',
  'ttl-zero-during-transit': '3/0',
  'ttl-zero-during-reassembly': '3/1',
  'parameter-problem': '4',
  'bad-header': '4/0',
  'unknown-header-type': '4/1',
  'unknown-option': '4/2',
  'echo-request': '128',
  ping: '128',
  'echo-reply': '129',
  pong: '129',
  'router-solicitation': '133',
  'router-advertisement': '134',
  'neighbour-solicitation': '135',
  'neighbor-solicitation': '135',
  'neighbour-advertisement': '136',
  'neighbor-advertisement': '136',
  redirect: '137',
};

/** `-m icmp6`. Source: iptables-extensions(8), icmp6; net/ipv6/netfilter/ip6_tables.c, icmp6_match. */
export const icmp6: MatchExtension<IcmpOptions> = {
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  places: { families: ['ipv6'] },
  protocols: [ICMPV6],
  options: { type: negatable(['--icmpv6-type'], icmpCodec(ICMPV6_NAMES, undefined)) },
  listed: listed(...listedTypes('ipv6-icmp', '--icmpv6-type')),
  required: ['type'],
  predicate: ({ type }) => all(type ? unless(type.negated, isType(type.value)) : ALWAYS, is('fragment', 0)),
};
