import { formatAddress } from '../address/index.ts';
import { ICMP, ICMPV6, type Listener, protocolName, TCP, UDP } from '../netfilter/index.ts';
import { assumeListener } from './arrival.ts';
import { endsOf, sameEnds } from './connection.ts';
import { isOwn } from './host.ts';
import { errorEnds } from './icmp-error.ts';
import type { Endpoint, Outcome } from './result.ts';
import { receiveAnswer, strayed, takeAnswer } from './returned.ts';
import { findListener } from './sockets.ts';
import { nameOf, type Receiver, type Walk } from './state.ts';
import { spokenEnd as spoken } from './words.ts';

/** Names of processes that are a mesh's proxy. */
const PROXIES: ReadonlySet<string> = new Set(['envoy', 'pilot-agent', 'sidestep', 'linkerd2-proxy', 'kuma-dp']);

/** The packet has come to this host's sockets. */
export function receive(walk: Walk): Outcome {
  const { packet } = walk;
  if (walk.inside) return errorEnds(walk, walk.inside);
  if (walk.answering) return receiveAnswer(walk);
  if (packet.protocol !== TCP && packet.protocol !== UDP) return toKernel(walk);
  const stray = strayed(walk);
  if (stray) return stray;
  const port = walk.assigned?.port ?? packet.destinationPort;
  if (port === undefined) return { kind: 'unknown', because: 'the port that it came to is not known' };
  const receiver = walk.assigned ?? receiverOf(walk, port);
  if (!receiver) {
    const decision = `nobody listens on ${spoken(packet.family, packet.destination, port)}`;
    walk.steps?.push({ kind: 'socket', decision });
    return { kind: 'nobody listens', port, because: decision };
  }
  const { listener } = receiver;
  const silent = mute(walk, receiver);
  if (silent) {
    walk.steps?.push({ kind: 'socket', ...(listener ? { listener } : {}), decision: silent });
    return { kind: 'dropped', because: silent };
  }
  if (!listener && !walk.opening) assumeListener(walk, port);
  walk.receiver = receiver;
  walk.steps?.push({ kind: 'socket', ...(listener ? { listener } : {}), decision: wordsFor(walk, receiver) });
  return outcomeOf(walk, receiver);
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
  if (!ground.listeners) return { port };
  const listener = findListener(ground.listeners, { packet, address: packet.destination, port });
  return listener && { port, listener };
}

/**
 * IPv4's TCP answers from an address that only a routing table makes this host's where the socket is transparent; IPv6
 * and UDP do not ask.
 */
function mute({ packet, ground, own, opening, assigned }: Walk, { listener }: Receiver): string | undefined {
  if (!listener || listener.transparent || opening || assigned || packet.protocol !== TCP) return undefined;
  if (packet.family === 'ipv6' || !ground.host.known || isOwn(ground.host, packet.destination, own)) return undefined;
  const address = formatAddress(packet.family, packet.destination);
  return `${listenerName(listener)} is not transparent: it cannot answer from ${address}`;
}

function wordsFor({ opening }: Walk, { port, listener }: Receiver): string {
  if (listener) return listenerName(listener);
  return opening ? `the connection's own socket` : `assuming something listens on :${port}`;
}

/** A listening socket in words: `0.0.0.0:15001 envoy (pid 812)`. */
export function listenerName({ family, address, port, process }: Listener): string {
  const at = spoken(family, address, port);
  return process ? `${at} ${process.name} (pid ${process.pid})` : at;
}

function outcomeOf(walk: Walk, receiver: Receiver): Outcome {
  const { port, listener } = receiver;
  const { ground, asked, mappedBy, destination } = walk;
  const here = mappedBy?.effect;
  // Where no mesh is known, a rule that catches connections for a port of this host itself does it for a proxy.
  const turned = here?.kind === 'tproxy' || (here?.kind === 'nat' && here.address === 'here');
  const caught = turned && ground.proxyPorts.size === 0;
  const named = listener?.process && PROXIES.has(listener.process.name);
  const because = becauseOf(walk, receiver);
  if (!ground.proxyPorts.has(port) && !caught && !named) return { kind: 'app', port, because };
  const original: Endpoint | undefined =
    (destination || walk.assigned || here) && asked.destinationPort !== undefined
      ? { address: asked.destination, port: asked.destinationPort }
      : undefined;
  return { kind: 'proxy', port, ...(original ? { original } : {}), because };
}

function becauseOf(walk: Walk, receiver: Receiver): string {
  const { mappedBy, opening } = walk;
  const taker = receiver.listener
    ? `${listenerName(receiver.listener)} takes it`
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
  if (walk.inside) return errorEnds(walk, walk.inside, walk.device);
  if (walk.answering) return takeAnswer(walk);
  const { packet, mappedBy, device, direction } = walk;
  const to = spoken(packet.family, packet.destination, packet.destinationPort);
  const because = mappedBy
    ? `${nameOf(mappedBy)} sends it to ${to}, by ${device}`
    : `no rule sends it elsewhere: it leaves by ${device} for ${to}`;
  return { kind: direction === 'in' ? 'forwarded' : 'sent', out: device, because };
}
