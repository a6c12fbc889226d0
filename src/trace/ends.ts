import { formatAddress } from '../address/index.ts';
import { ICMP, ICMPV6, protocolName, TCP } from '../netfilter/index.ts';
import { assumeListener } from './arrival.ts';
import { asksSockets } from './conditions.ts';
import { endsOf, sameEnds } from './connection.ts';
import { find, isOwn, LOOPBACK, TABLE } from './host.ts';
import { errorEnds } from './icmp-error.ts';
import type { Endpoint, Outcome } from './result.ts';
import { receiveAnswer, strayed, takeAnswer } from './returned.ts';
import { findListener } from './sockets.ts';
import { nameOf, type Receiver, type Walk } from './state.ts';
import { knownDevice } from './supposed.ts';
import { spokenEnd as spoken } from './words.ts';

/** Names of processes that are a mesh's proxy. */
const PROXIES: ReadonlySet<string> = new Set(['envoy', 'pilot-agent', 'sidestep', 'linkerd2-proxy', 'kuma-dp']);

/** Who takes a packet that has come to this host's sockets. */
export type Taken =
  | { readonly by: 'kernel' }
  | { readonly by: 'nobody'; readonly port: number }
  /** A socket that cannot answer. */
  | { readonly by: 'mute'; readonly receiver: Receiver }
  | { readonly by: 'proxy' | 'app'; readonly receiver: Receiver }
  /** Its port is not known. */
  | { readonly by: 'unknown' };

/** Finds who takes the packet of a connection's caller, without a word about it. */
export function takerOf(walk: Walk): Taken {
  const { packet } = walk;
  if (!asksSockets(walk)) return { by: 'kernel' };
  const port = walk.assigned?.port ?? packet.destinationPort;
  if (port === undefined) return { by: 'unknown' };
  const receiver = walk.assigned ?? receiverOf(walk, port);
  if (!receiver) return { by: 'nobody', port };
  return { by: isMute(walk, receiver) ? 'mute' : isProxy(walk, receiver) ? 'proxy' : 'app', receiver };
}

/** The packet has come to this host's sockets. */
export function receive(walk: Walk): Outcome {
  const { packet } = walk;
  if (walk.inside) return errorEnds(walk, walk.inside);
  if (walk.answering) return receiveAnswer(walk);
  const stray = asksSockets(walk) ? strayed(walk) : undefined;
  if (stray) return stray;
  const taken = takerOf(walk);
  switch (taken.by) {
    case 'kernel':
      return toKernel(walk);
    case 'unknown':
      return { kind: 'unknown', because: unknownPort(walk) };
    case 'nobody': {
      const { port } = taken;
      const decision = walk.why ? `nobody listens on ${spoken(packet.family, packet.destination, port)}` : '';
      walk.steps?.push({ kind: 'socket', decision });
      return { kind: 'nobody listens', port, because: decision };
    }
    default:
      return receiveBy(walk, taken);
  }
}

const unknownPort = ({ mappedBy }: Walk): string =>
  mappedBy
    ? `${nameOf(mappedBy)}: the kernel chooses the port that it sends it to, and that decides who listens`
    : 'the port that it came to is not known';

function receiveBy(walk: Walk, { by, receiver }: Extract<Taken, { readonly receiver: Receiver }>): Outcome {
  const { listener } = receiver;
  const shown = listener ? { listener } : {};
  if (by === 'mute') {
    const address = formatAddress(walk.packet.family, walk.packet.destination);
    const decision = `${receiver.name} is not transparent: it cannot answer from ${address}`;
    walk.steps?.push({ kind: 'socket', ...shown, decision });
    return { kind: 'dropped', because: decision };
  }
  if (!listener && !walk.opening) assumeListener(walk, receiver.port);
  walk.receiver = receiver;
  walk.steps?.push({ kind: 'socket', ...shown, decision: wordsFor(walk, receiver) });
  return outcomeOf(walk, by, receiver);
}

function toKernel(walk: Walk): Outcome {
  const { protocol, icmpType } = walk.packet;
  const echo = (protocol === ICMP && icmpType === 8) || (protocol === ICMPV6 && icmpType === 128);
  const because =
    protocol === ICMP || protocol === ICMPV6
      ? echo
        ? 'the kernel of this host answers the echo request'
        : 'the kernel of this host takes it'
      : `it has come to this host; who takes protocol ${protocolName(protocol)} is not looked at`;
  walk.steps?.push({ kind: 'socket', decision: because });
  return { kind: 'delivered', because };
}

function receiverOf(walk: Walk, port: number): Receiver | undefined {
  const { packet, ground, opening } = walk;
  if (opening && sameEnds(endsOf(packet), endsOf(opening.packet))) return opening.receiver ?? { port };
  if (!ground.sockets) return { port };
  return findListener(ground.sockets, { packet, address: packet.destination, port, device: () => deviceOf(walk) });
}

/**
 * The device that a socket takes the packet to have come by: over loopback it is that of the address. Source: net/ipv4/route.c,
 * ip_route_output_key_hash_rcu (orig_oif).
 */
function deviceOf({ packet, ground: { host } }: Walk): string | undefined {
  if (packet.in !== LOOPBACK) return packet.in;
  return find(host, TABLE.local, packet.destination)?.device ?? LOOPBACK;
}

/**
 * IPv4's TCP answers from an address that only a routing table makes this host's where the socket is transparent; IPv6
 * and UDP do not ask.
 */
function isMute(walk: Walk, { listener }: Receiver): boolean {
  const { packet, ground, opening, assigned } = walk;
  if (!listener || listener.transparent || opening || assigned || packet.protocol !== TCP) return false;
  if (packet.family === 'ipv6' || !ground.host.known) return false;
  return !isOwn(ground.host, packet.destination);
}

function wordsFor({ opening }: Walk, { port, name }: Receiver): string {
  if (name !== undefined) return name;
  return opening ? `the connection's own socket` : `assuming something listens on :${port}`;
}

function isProxy({ ground, mappedBy }: Walk, { port, listener }: Receiver): boolean {
  if (ground.proxyPorts.has(port) || (listener?.process && PROXIES.has(listener.process.name))) return true;
  // Where no mesh is known, a rule that catches connections for a port of this host itself does it for a proxy.
  const here = mappedBy?.effect;
  return ground.proxyPorts.size === 0 && (here?.kind === 'tproxy' || (here?.kind === 'nat' && here.address === 'here'));
}

function outcomeOf(walk: Walk, by: 'proxy' | 'app', receiver: Receiver): Outcome {
  const { port } = receiver;
  const { asked, mappedBy, destination } = walk;
  const because = walk.why ? becauseOf(walk, receiver) : '';
  if (by === 'app') return { kind: 'app', port, because };
  const original: Endpoint | undefined =
    (destination || walk.assigned || mappedBy) && asked.destinationPort !== undefined
      ? { address: asked.destination, port: asked.destinationPort }
      : undefined;
  return original ? { kind: 'proxy', port, original, because } : { kind: 'proxy', port, because };
}

function becauseOf(walk: Walk, receiver: Receiver): string {
  const { mappedBy, opening } = walk;
  const taker = receiver.listener
    ? `${receiver.name} takes it`
    : opening
      ? 'its connection has a socket already'
      : `something is assumed to listen on :${receiver.port}`;
  if (!mappedBy) return `no rule sends it elsewhere, and ${taker}`;
  const { packet } = walk;
  const handed = mappedBy.effect.kind === 'tproxy';
  const target = handed ? `:${receiver.port}` : spoken(packet.family, packet.destination, packet.destinationPort);
  return `${nameOf(mappedBy)} ${handed ? 'hands' : 'sends'} it to ${target}, and ${taker}`;
}

/** The packet leaves this host. */
export function leave(walk: Walk): Outcome {
  if (walk.inside) return errorEnds(walk, walk.inside, knownDevice(walk));
  if (walk.answering) return takeAnswer(walk);
  const { direction } = walk;
  const out = knownDevice(walk);
  const because = walk.why ? leftBecause(walk, out) : '';
  return { kind: direction === 'in' ? 'forwarded' : 'sent', out, because };
}

function leftBecause({ packet, mappedBy }: Walk, out: string): string {
  const to = spoken(packet.family, packet.destination, packet.destinationPort);
  return mappedBy
    ? `${nameOf(mappedBy)} sends it to ${to}${out && `, by ${out}`}`
    : `no rule sends it elsewhere: it leaves ${out && `by ${out} `}for ${to}`;
}
