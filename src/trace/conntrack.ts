import type { Family } from '../address/index.ts';
import {
  type Answer,
  CTSTATE,
  effectOf,
  ICMP,
  ICMPV6,
  type Packet,
  type Rule,
  TCP,
  TCP_FLAGS,
} from '../netfilter/index.ts';

/** Matches and targets that switch connection tracking on when they are loaded. Source: their `checkentry`. */
const ASKING: ReadonlySet<string> = new Set([
  'conntrack',
  'state',
  'connmark',
  'connbytes',
  'connlimit',
  'connlabel',
  'helper',
  'cluster',
  'CONNMARK',
  'CONNSECMARK',
  'NETMAP',
  'SYNPROXY',
]);

/**
 * Whether the rule, by merely being there, switches connection tracking on for its namespace and family
 * (netfilter-semantics 4). NOTRACK does not; a zone does. What is not known may.
 */
export function needsConntrack({ matches, target }: Rule, family: Family): Answer {
  const uses = [...matches, ...(target?.kind === 'known' || target?.kind === 'opaque' ? [target] : [])];
  if (uses.some(({ name }) => ASKING.has(name))) return true;
  const effect = effectOf(target, family);
  if (effect.kind === 'nat') return true;
  const assigned = effect.kind === 'continue' ? effect.assign.map(({ field }) => field) : [];
  if (assigned.includes('ctzone') || assigned.includes('ctmark')) return true;
  return uses.some(({ kind }) => kind === 'opaque') ? 'undecided' : false;
}

/** The flags that connection tracking looks at. */
const DECIDING = TCP_FLAGS.FIN | TCP_FLAGS.SYN | TCP_FLAGS.RST | TCP_FLAGS.ACK;

/** Combinations of these flags that begin a connection: a SYN, or an ACK picked up mid-stream. */
const OPENING: ReadonlySet<number> = new Set([TCP_FLAGS.SYN, TCP_FLAGS.ACK]);

/** Types that begin a connection: echo, timestamp, information and address mask requests; echo request in IPv6. */
const REQUESTS: ReadonlySet<number> = new Set([8, 13, 15, 17]);
const REQUESTS_V6: ReadonlySet<number> = new Set([128, 139]);

/** Multicast listeners and routers, and neighbour discovery but for its redirects: never tracked. Source: nf_conntrack_proto_icmpv6.c, noct_valid_new. */
const NEVER_TRACKED = (type: number): boolean =>
  (type >= 130 && type <= 136) || type === 143 || type === 151 || type === 152;

/**
 * What connection tracking makes of a packet that belongs to no connection yet: NEW, INVALID or UNTRACKED.
 * Source: netfilter-semantics 6; nf_conntrack_proto_tcp.c (tcp_conntracks, column sNO), …_icmp.c, …_icmpv6.c.
 */
export function firstState({
  protocol,
  tcpFlags,
  icmpType,
}: Pick<Packet, 'protocol' | 'tcpFlags' | 'icmpType'>): number {
  switch (protocol) {
    case TCP:
      if (tcpFlags === undefined) return CTSTATE.NEW;
      return OPENING.has(tcpFlags & DECIDING) ? CTSTATE.NEW : CTSTATE.INVALID;
    case ICMP:
      return icmpType === undefined || REQUESTS.has(icmpType) ? CTSTATE.NEW : CTSTATE.INVALID;
    case ICMPV6:
      if (icmpType === undefined || REQUESTS_V6.has(icmpType)) return CTSTATE.NEW;
      return NEVER_TRACKED(icmpType) ? CTSTATE.UNTRACKED : CTSTATE.INVALID;
    default:
      return CTSTATE.NEW;
  }
}
