import { ALWAYS, is } from '../../../predicate.ts';
import type { NftContext } from '../context.ts';
import { etherType, integer, nfproto, owner, packetType, protocol } from '../datatype.ts';
import { constant, field, notFollowed, type Subject } from '../subject.ts';

/**
 * `meta KEY`. A packet without a socket has no owner: no comparison with one holds. Where there is no interface, its name is
 * empty. Source: nft(8), META EXPRESSIONS; net/netfilter/nft_meta.c.
 */
export function readMeta(key: string, { family }: NftContext): Subject {
  switch (key) {
    case 'iifname':
    case 'iif':
      return { kind: 'name', field: 'in', whole: key === 'iif', needs: ALWAYS };
    case 'oifname':
    case 'oif':
      return { kind: 'name', field: 'out', whole: key === 'oif', needs: ALWAYS };
    case 'l4proto':
      return field('protocol', protocol);
    case 'nfproto':
      return constant(nfproto, family === 'ipv4' ? 2 : 10);
    case 'protocol':
      return constant(etherType, family === 'ipv4' ? 0x800 : 0x86dd);
    case 'mark':
      return field('mark', integer);
    case 'skuid':
      return field('uid', owner, is('owned', 1));
    case 'skgid':
      return field('gid', owner, is('owned', 1));
    case 'length':
      return field('length', integer);
    case 'pkttype':
      return field('packetType', packetType);
    case 'time':
    case 'day':
    case 'hour':
      return notFollowed(`meta ${key}, which nft shows in the time zone of whoever asks,`);
    default:
      return notFollowed(`meta ${key}`);
  }
}
