import type { MatchExtension } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS } from '../predicate.ts';
import { type Hops, hopOptions, hopPredicate, listedHops } from './hops.ts';

export interface HlOptions {
  readonly hops?: Hops;
}

/** `-m hl`: the hop limit of an IPv6 packet. Source: iptables-extensions(8), hl; net/netfilter/xt_hl.c. */
export const hl: MatchExtension<HlOptions> = {
  name: 'hl',
  places: { families: ['ipv6'] },
  options: { hops: hopOptions('hl') },
  listed: listed(listedHops('hl')),
  required: ['hops'],
  predicate: ({ hops }) => (hops ? hopPredicate(hops) : ALWAYS),
};
