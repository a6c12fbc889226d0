import { inKernelZone } from '../../../clock.ts';
import { CTSTATE, type NameField, TCP_FLAGS } from '../../../fields.ts';
import { ALWAYS, all, hasAnyBit, hasBits, is, isNamed, not, type Predicate, some } from '../../../predicate.ts';
import { TCP, UDP } from '../../../protocol.ts';
import type { NftContext } from '../context.ts';
import {
  date,
  etherType,
  integer,
  interfaceType,
  LOOPBACK_TYPE,
  nfproto,
  owner,
  packetType,
  protocol,
  timeOfDay,
  weekday,
} from '../datatype.ts';
import { anyNumber, constant, field, notFollowed, notKnown, presence, type Subject } from '../subject.ts';

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
      return ofSocket('uid');
    case 'skgid':
      return ofSocket('gid');
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
    case 'iiftype':
      return typeOf('in');
    case 'oiftype':
      return typeOf('out');
    case 'iifgroup':
      return notKnown('the group of the incoming interface', isThere('in'));
    case 'oifgroup':
      return notKnown('the group of the outgoing interface', isThere('out'));
    case 'iifkind':
      return notKnown('the kind of the incoming interface', isThere('in'));
    case 'oifkind':
      return notKnown('the kind of the outgoing interface', isThere('out'));
    case 'random':
      return anyNumber('random', 'the kernel throws dice');
    case 'cgroup':
      return notKnown('the control group of the process', hasSocket);
    case 'ipsec':
      // Whether IPsec has unwrapped it: what it will do to what leaves `rt ipsec` tells.
      return presence(all(isThere('in'), is('ipsec', 1)));
    case 'rtclassid':
      return notKnown('the realm of the packet’s route');
    case 'priority':
      return notKnown('the priority of the packet');
    case 'secmark':
      return notKnown('the security mark of the packet');
    case 'sdif':
    case 'sdifname':
      return notKnown('the VRF that the packet came in by');
    default:
      return notFollowed(`meta ${key}`);
  }
}

/** The packet has the interface: none comes in by one in OUTPUT, or leaves by one before it is routed. */
export const isThere = (by: NameField): Predicate => not(isNamed(by, ''));

/**
 * From another host, of an open connection: before INPUT the kernel looks for its socket, and where it finds it the packet has an
 * owner, too. Source: net/ipv4/ip_input.c, ip_rcv_finish_core (early demux).
 */
const found = all(
  isThere('in'),
  not(isNamed('in', 'lo')),
  isNamed('out', ''),
  some(
    all(is('protocol', TCP), not(hasBits('tcpFlags', TCP_FLAGS.SYN | TCP_FLAGS.ACK, TCP_FLAGS.SYN))),
    all(is('protocol', UDP), not(hasAnyBit('ctstate', CTSTATE.NEW))),
  ),
);
const hasSocket = some(is('owned', 1), found);

const ofSocket = (name: 'uid' | 'gid'): Subject => ({
  kind: 'field',
  field: name,
  type: owner,
  other: {
    when: found,
    because: 'whose socket gets the packet, which the kernel may have looked up already, is not known',
  },
  needs: hasSocket,
});

/** The type of an interface: only the loopback device, which is always called so, has that one. Without an interface the rule ends. */
const typeOf = (by: NameField): Subject => {
  const other = { when: not(isNamed(by, 'lo')), because: `the type of the ${SPOKEN[by]} interface is not known` };
  return {
    kind: 'cases',
    type: interfaceType,
    needs: isThere(by),
    cases: [
      { low: 0, high: LOOPBACK_TYPE - 1, ...other },
      { low: LOOPBACK_TYPE, high: LOOPBACK_TYPE, when: isNamed(by, 'lo') },
      { low: LOOPBACK_TYPE + 1, high: 0xffff, ...other },
    ],
  };
};

const SPOKEN = { in: 'incoming', out: 'outgoing' } as const;
/** Which hour is meant nobody can tell from the text. */
const elsewhere = (key: string): Subject => ({
  kind: 'unknown',
  needs: ALWAYS,
  because: `nft shows meta ${key} in the time zone of whoever listed the rules, which is not known`,
});
