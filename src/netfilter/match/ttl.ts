import type { MatchExtension } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS } from '../predicate.ts';
import { type Hops, hopOptions, hopPredicate, listedHops } from './hops.ts';

export interface TtlOptions {
  readonly hops?: Hops;
}

/** `-m ttl`: the TTL of an IPv4 packet. Source: iptables-extensions(8), ttl; net/netfilter/xt_hl.c. */
export const ttl: MatchExtension<TtlOptions> = {
  name: 'ttl',
  places: { families: ['ipv4'] },
  options: { hops: hopOptions('ttl') },
  listed: listed(listedHops('ttl')),
  required: ['hops'],
  predicate: ({ hops }) => (hops ? hopPredicate(hops) : ALWAYS),
};
