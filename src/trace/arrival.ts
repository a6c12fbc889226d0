import { CTSTATE, CTSTATUS, SOCKET_LOOKUP } from '../netfilter/index.ts';
import { addressType } from './host.ts';
import { socketLookup } from './sockets.ts';
import { changed, type Walk } from './state.ts';

/**
 * Connection tracking looks at the packet. Before it, in raw, every packet looks INVALID; where nothing switches it on,
 * it stays so and nothing can ask.
 */
export function attach(walk: Walk): void {
  const { packet, asked, ground, connection, pass } = walk;
  if (ground.program.conntrack === false || connection === 'untracked') return;
  if (connection === 'tracked') {
    // POSTROUTING has confirmed the connection, but its packet is as NEW as before (netfilter-semantics 11).
    if (pass === 2) packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.CONFIRMED;
    changed(walk);
    return;
  }
  const state = asked.ctstate;
  packet.ctstate = state;
  changed(walk);
  if (state === CTSTATE.UNTRACKED) walk.connection = 'untracked';
  else if (state !== CTSTATE.INVALID) {
    walk.connection = 'tracked';
    describeConnection(walk);
  }
}

function describeConnection({ packet, asked, opening }: Walk): void {
  packet.ctmark = opening ? opening.packet.ctmark : asked.ctmark;
  packet.ctstatus = opening ? CTSTATUS.CONFIRMED | CTSTATUS.SEEN_REPLY | CTSTATUS.ASSURED : asked.ctstatus;
  packet.ctorigsrc = packet.source;
  packet.ctorigdst = packet.destination;
  packet.ctorigsrcport = packet.sourcePort;
  packet.ctorigdstport = packet.destinationPort;
  packet.ctreplsrc = opening?.destination?.address ?? packet.destination;
  packet.ctreplsrcport = opening?.destination?.port ?? packet.destinationPort;
  packet.ctrepldst = opening?.source?.address ?? packet.source;
  packet.ctrepldstport = opening?.source?.port ?? packet.sourcePort;
  if (opening?.destination) packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.DNAT;
  if (opening?.source) packet.ctstatus = (packet.ctstatus ?? 0) | CTSTATUS.SNAT;
}

/** Finds out anew what hangs on the packet's addresses, as far as any rule reads it. */
export function refresh(walk: Walk): void {
  const { packet, ground, own } = walk;
  const { reads } = ground.program;
  if (reads.has('sourceType') && packet.source !== undefined) {
    packet.sourceType = addressType(ground.host, packet.source, own);
  }
  if (reads.has('destinationType')) packet.destinationType = addressType(ground.host, packet.destination, own);
  if (reads.has('socketLookup') && (walk.hook === 'PREROUTING' || walk.hook === 'INPUT')) {
    packet.socketLookup = lookUpSocket(walk);
  }
  changed(walk);
}

/** What `-m socket` finds. A known connection has a socket of its own, under the address that the packet ends with. */
function lookUpSocket(walk: Walk): number | undefined {
  const { packet, ground, opening, destinationDecided } = walk;
  if (!opening?.receiver || (opening.destination && !destinationDecided)) {
    if (!ground.listeners) assumeListener(walk);
    return socketLookup(ground.listeners, packet);
  }
  const transparent = opening.byTproxy || opening.receiver.listener?.transparent === true;
  return transparent ? SOCKET_LOOKUP.transparent : SOCKET_LOOKUP.plain;
}

/** Without the listening sockets, every port is taken to have one, bound to any address. */
export function assumeListener({ packet, assumptions }: Walk, port = packet.destinationPort): void {
  if (port !== undefined) assumptions.add(`something listens on :${port}, on any address`);
}
