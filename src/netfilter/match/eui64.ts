import type { MatchExtension } from '../extension.ts';
import { listed } from '../listed.ts';
import { all, is, not, unknown } from '../predicate.ts';

/** `-m eui64`. Source: iptables-extensions(8), eui64; net/ipv6/netfilter/ip6t_eui64.c. */
export const eui64: MatchExtension<object> = {
  name: 'eui64',
  places: { families: ['ipv6'], hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  options: {},
  // The nft back end shows nothing of it.
  listed: listed([/eui64/, '']),
  predicate: () =>
    all(not(is('sourceMac', 0)), unknown('whether the source address was made from the MAC address is not worked out')),
};
