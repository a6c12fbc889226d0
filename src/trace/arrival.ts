import { CTSTATE, CTSTATUS, SOCKET_LOOKUP } from '../netfilter/index.ts';
import { isIcmp } from './conditions.ts';
import { type Connection, endsOf, sameEnds, turned, type Way, wayOf, withPacket } from './connection.ts';
import { firstState } from './conntrack.ts';
import { contentsOfChain } from './contents.ts';
import { wayOfError } from './icmp-error.ts';
import { LOOKED_UP, ROUTED_FIELDS } from './looked-up.ts';
import type { Program } from './program.ts';
import { chainsAt } from './reached.ts';
import { kindOf, socketLookup } from './sockets.ts';
import { changed, type Walk } from './state.ts';

/**
 * Connection tracking looks at the packet. Before it, in raw, every packet looks INVALID; where nothing switches it on,
 * it stays so and nothing can ask. `describe` writes down what a new connection is.
 */
export function attach(walk: Walk, describe = describeConnection): void {
  const { packet, asked, ground, connection } = walk;
  if (ground.program.conntrack === false || connection === 'untracked') return;
  if (connection === 'tracked') return;
  walk.way = wayIn(walk);
  // A packet of a connection that is not found is looked at as if it were the first.
  const state = walk.opening && !walk.way ? (walk.inside ? CTSTATE.INVALID : firstState(packet)) : asked.ctstate;
  packet.ctstate = state;
  packet.ctstatus = 0;
  changed(walk);
  // What `-j CT` left in raw is used up.
  walk.connection = 'none';
  if (state === CTSTATE.UNTRACKED) walk.connection = 'untracked';
  else if (state !== CTSTATE.INVALID) {
    walk.connection = 'tracked';
    if (walk.opening && walk.way) recallConnection(walk, walk.opening, walk.way);
    else describe(walk);
    if (state === CTSTATE.RELATED && !walk.opening && !isIcmp(walk)) expect(walk);
  }
}

/**
 * A connection that another one's helper has waited for is nobody's answer: it is new, but for its state, and has the mark of the
 * other. Source: nf_conntrack_core.c, init_conntrack.
 */
function expect({ packet, ground: { program }, assumptions }: Walk): void {
  packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.EXPECTED;
  if (marksConnections(program)) packet.ctmark = undefined;
  assumptions?.add('a helper expects its connection, and that of the helper is not mapped');
}

/** Whether any rule marks connections. */
function marksConnections(program: Program): boolean {
  const known = marking.get(program);
  if (known !== undefined) return known;
  const effects = chainsAt(program).flatMap((chain) => [...contentsOfChain(chain).effects]);
  const marks = effects.some(
    (effect) => effect.kind === 'continue' && effect.assign.some(({ field }) => field === 'ctmark'),
  );
  marking.set(program, marks);
  return marks;
}

const marking = new WeakMap<Program, boolean>();

/** What REJECT sends has the connection of the packet that it refuses, from the start. Source: nf_conntrack_attach. */
export function attachRefusal(walk: Walk, connection: Connection): void {
  walk.connection = 'tracked';
  walk.way = 'reply';
  recallConnection(walk, connection, 'reply');
  walk.packet.ctstate = CTSTATE.RELATED;
  changed(walk);
}

function wayIn({ opening, packet, inside }: Walk): Way | undefined {
  if (!opening) return undefined;
  return inside ? wayOfError(opening, packet, inside) : wayOf(opening, packet);
}

/** A new connection's ends, each with the packet's own that it is a copy of. */
export const CONNECTION_ENDS = {
  ctorigsrc: 'source',
  ctorigdst: 'destination',
  ctorigsrcport: 'sourcePort',
  ctorigdstport: 'destinationPort',
  ctreplsrc: 'destination',
  ctreplsrcport: 'destinationPort',
  ctrepldst: 'source',
  ctrepldstport: 'sourcePort',
} as const;

function describeConnection({ packet, asked }: Walk): void {
  packet.ctmark = asked.ctmark;
  packet.ctstatus = asked.ctstatus;
  packet.ctreply = 0;
  packet.ctorigsrc = packet.source;
  packet.ctorigdst = packet.destination;
  packet.ctorigsrcport = packet.sourcePort;
  packet.ctorigdstport = packet.destinationPort;
  packet.ctreplsrc = packet.destination;
  packet.ctreplsrcport = packet.destinationPort;
  packet.ctrepldst = packet.source;
  packet.ctrepldstport = packet.sourcePort;
}

/** What connection tracking has of a packet's connection. */
export function recallConnection({ packet, inside }: Walk, connection: Connection, way: Way): void {
  const { ctmark, record, destination, source } = connection;
  const { original, reply } = record!;
  // An error about a packet is no answer to it.
  const { replied, assured } = inside ? connection : withPacket(connection, way, packet.protocol);
  packet.ctmark = ctmark;
  packet.ctreply = way === 'reply' ? 1 : 0;
  packet.ctstatus =
    CTSTATUS.CONFIRMED |
    (connection.opened.packet.ctstate === CTSTATE.RELATED ? CTSTATUS.EXPECTED : 0) |
    (replied ? CTSTATUS.SEEN_REPLY : 0) |
    (assured ? CTSTATUS.ASSURED : 0) |
    (destination ? CTSTATUS.DNAT : 0) |
    (source ? CTSTATUS.SNAT : 0);
  packet.ctorigsrc = original.source;
  packet.ctorigdst = original.destination;
  packet.ctorigsrcport = original.sourcePort;
  packet.ctorigdstport = original.destinationPort;
  packet.ctreplsrc = reply.source;
  packet.ctreplsrcport = reply.sourcePort;
  packet.ctrepldst = reply.destination;
  packet.ctrepldstport = reply.destinationPort;
}

/** Finds out anew what hangs on the packet's addresses, as far as any rule reads it. */
export function refresh(walk: Walk): void {
  const { packet, ground } = walk;
  const { reads, lookedUp } = ground.program;
  changed(walk);
  if (!lookedUp) return;
  if (reads.has('sourceType') && packet.source !== walk.typedSource) {
    walk.typedSource = packet.source;
    packet.sourceType = LOOKED_UP.sourceType.find(walk);
  }
  if (reads.has('destinationType') && packet.destination !== walk.typedDestination) {
    walk.typedDestination = packet.destination;
    packet.destinationType = LOOKED_UP.destinationType.find(walk);
  }
  for (const field of ROUTED_FIELDS) if (reads.has(field)) packet[field] = LOOKED_UP[field].find(walk);
  if (reads.has('socketLookup') && (walk.hook === 'PREROUTING' || walk.hook === 'INPUT')) {
    packet.socketLookup = lookUpSocket(walk);
  }
}

/**
 * What `-m socket` finds. A known connection has a socket of its own, under the address that the packet ends with. For a
 * reply that nat will turn back the kernel looks under the address that the caller has. Source: nf_socket_ipv4.c.
 */
export function lookUpSocket(walk: Walk): number | undefined {
  const { packet, ground, opening, assigned } = walk;
  // What TPROXY has given it to is found at once.
  if (assigned) return assigned.listener ? kindOf(assigned.listener) : SOCKET_LOOKUP.wildcardTransparent;
  const own = opening && socketOf(walk, opening);
  if (own !== undefined) return own;
  if (!ground.sockets) assumeListener(walk);
  return socketLookup(ground.sockets, packet);
}

function socketOf({ packet, answering, way }: Walk, connection: Connection): number | undefined {
  const { opened, receiver, byTproxy, source } = connection;
  if (!answering) {
    if (!receiver || !sameEnds(endsOf(packet), endsOf(connection.packet))) return undefined;
    return byTproxy || receiver.listener?.transparent === true ? SOCKET_LOOKUP.transparent : SOCKET_LOOKUP.plain;
  }
  if (opened.direction === 'in') return undefined;
  const caller = turned(endsOf(opened.packet));
  const { destination, destinationPort } = way === 'reply' && source ? caller : endsOf(packet);
  return sameEnds({ ...endsOf(packet), destination, destinationPort }, caller) ? SOCKET_LOOKUP.plain : undefined;
}

/** Without the listening sockets, every port is taken to have one, bound to any address. */
export function assumeListener({ packet, assumptions }: Walk, port = packet.destinationPort): void {
  if (port !== undefined) assumptions?.add(`something listens on :${port}, on any address`);
}
