import { CTSTATE, copyOf, type LivePacket, type Packet } from '../netfilter/index.ts';
import { changed, tracks, type Walk } from './state.ts';

/** What a further fragment does not have: its transport header is in the first one. */
const HIDDEN = {
  sourcePort: undefined,
  destinationPort: undefined,
  tcpFlags: undefined,
  icmpType: undefined,
  icmpCode: undefined,
} as const satisfies Partial<Packet>;

/** The packet as rules see it on its way: of a further fragment no ports. Until connection tracking has looked, it belongs to none. */
export function asItTravels(packet: Packet): LivePacket {
  const live = copyOf(packet);
  live.ctstate = CTSTATE.INVALID;
  live.ctzone = 0;
  return packet.fragment === 1 ? Object.assign(live, HIDDEN) : live;
}

/**
 * Puts a packet together where the kernel does: before PREROUTING where connection tracking is on, and before INPUT.
 * Source: nf_defrag_ipv4.c; net/ipv4/ip_input.c, ip_local_deliver; netfilter-semantics 22.
 */
export function putTogether(walk: Walk): void {
  const { packet, asked, hook, pass } = walk;
  if (packet.fragment !== 1 || pass !== 1) return;
  if (hook !== 'INPUT' && !(hook === 'PREROUTING' && tracks(walk))) return;
  const { sourcePort, destinationPort, tcpFlags, icmpType, icmpCode } = asked;
  Object.assign(packet, { fragment: 0, sourcePort, destinationPort, tcpFlags, icmpType, icmpCode });
  walk.assumptions?.add(`all fragments come: they are put together before ${hook}`);
  changed(walk);
}
