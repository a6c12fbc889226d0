import { inKernelZone } from '../../../clock.ts';
import { ALWAYS, is } from '../../../predicate.ts';
import type { NftContext } from '../context.ts';
import { date, etherType, integer, nfproto, owner, packetType, protocol, timeOfDay, weekday } from '../datatype.ts';
import { anyNumber, constant, field, notFollowed, type Subject } from '../subject.ts';

/**
 * `meta KEY`. A packet without a socket has no owner: no comparison with one holds. Where there is no interface, its name is
 * empty. Source: nft(8), META EXPRESSIONS; net/netfilter/nft_meta.c.
 */
export function readMeta(key: string, { family, zone }: NftContext): Subject {
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
    case 'cpu':
      return anyNumber('cpu', 'any processor may handle the packet');
    case 'hour':
      return zone === 'UTC' ? field('timeOfDay', timeOfDay) : elsewhere(key);
    case 'time':
      return zone === 'UTC' ? field('time', date) : elsewhere(key);
    case 'day':
      // The kernel's zone decides, whatever zone nft shows times in. Source: nft_meta_weekday.
      return field('weekday', weekday, inKernelZone(ALWAYS));
    default:
      return notFollowed(`meta ${key}`);
  }
}

/** Which hour is meant nobody can tell from the text. */
const elsewhere = (key: string): Subject => ({
  kind: 'unknown',
  needs: ALWAYS,
  because: `nft shows meta ${key} in the time zone of whoever listed the rules, which is not known`,
});
