import { ALWAYS, all, is, NEVER, some, unknown } from '../../../predicate.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { notFollowed, notKnown, presence, type Subject } from '../subject.ts';
import { isThere } from './meta.ts';

type Route = Extract<NftExpression, { readonly kind: 'rt' }>;

/** Where no interface is chosen yet, the packet of another host has no route, and one for this host has one without IPsec. */
const UNROUTED = 'whether the packet has a route yet is not known';

/** What the route says that the packet has been given. Source: nft(8), ROUTING EXPRESSION; net/netfilter/nft_rt.c. */
export function readRoute({ key, family: of }: Route, { family }: NftContext): Subject {
  const ofFamily = of === undefined || (of === 'ip') === (family === 'ipv4') ? ALWAYS : NEVER;
  switch (key) {
    case 'classid':
      return notKnown('the realm of the packet’s route');
    case 'nexthop':
      return notKnown('by which gateway the packet’s route leads', ofFamily);
    case 'mtu':
      return notKnown('the segment size that the packet’s route allows');
    case 'ipsec':
      return presence(all(isThere('out'), is('ipsec', 1)), some(isThere('out'), unknown(UNROUTED)));
    default:
      return notFollowed(`rt ${key}`);
  }
}
