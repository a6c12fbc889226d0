import type { AddressValue } from '../address/index.ts';
import { type Listener, type Packet, SOCKET_LOOKUP, TCP, UDP } from '../netfilter/index.ts';
import { spokenEnd } from './words.ts';

/** `::ffff:0:0/96`, under which an IPv6 socket is bound to an IPv4 address. */
const MAPPED = 0xffffn << 32n;

/** Listening sockets by their ports. */
export type Listeners = ReadonlyMap<number, readonly Listening[]>;

/** A socket that listens, and what it is called: `0.0.0.0:15001 envoy (pid 812)`. */
export interface Listening {
  readonly port: number;
  readonly listener: Listener;
  readonly name: string;
}

export function byPort(listeners: readonly Listener[]): Listeners {
  const ports = new Map<number, Listening[]>();
  for (const listener of listeners) {
    const { port } = listener;
    const listening = { port, listener, name: listenerName(listener) };
    const same = ports.get(port);
    if (same) same.push(listening);
    else ports.set(port, [listening]);
  }
  return ports;
}

/** A listening socket in words: `0.0.0.0:15001 envoy (pid 812)`. */
export function listenerName({ family, address, port, device, process }: Listener): string {
  const at = `${spokenEnd(family, address, port)}${device === undefined ? '' : ` on ${device}`}`;
  return process ? `${at} ${process.name} (pid ${process.pid})` : at;
}

const NOBODY: readonly Listening[] = [];

/** Who a packet looks for. */
export interface Sought {
  readonly packet: Packet;
  readonly address: AddressValue;
  readonly port: number;
  /** The device that it has come by: few sockets ask. */
  readonly device: () => string | undefined;
}

/**
 * The listening socket that the kernel gives a new packet to: one that is bound to the exact address before one bound to
 * any; among those one that is bound to the device before one that takes all; among those an IPv4 socket before an IPv6 one that takes both. Source: inet_hashtables.c, inet_lookup_listener.
 */
export function findListener(listeners: Listeners, sought: Sought): Listening | undefined {
  let best: Listening | undefined;
  let bestScore = 0;
  for (const one of listeners.get(sought.port) ?? NOBODY) {
    const score = scoreOf(one.listener, sought);
    if (score > bestScore) {
      best = one;
      bestScore = score;
    }
  }
  return best;
}

function scoreOf(listener: Listener, { packet, address, device }: Sought): number {
  if (listener.protocol !== protocolOf(packet)) return 0;
  if (listener.device !== undefined && listener.device !== device()) return 0;
  const exact = boundTo(listener, packet, address);
  if (exact === undefined) return 0;
  return (exact ? 8 : 0) + (listener.device === undefined ? 0 : 4) + (listener.family === packet.family ? 2 : 1);
}

/** True: bound to this very address; false: to any; undefined: to another one, or it takes no such packets. */
function boundTo(listener: Listener, { family }: Packet, address: AddressValue): boolean | undefined {
  if (listener.family === family) {
    const any = Number(listener.address) === 0;
    return any ? false : listener.address === address ? true : undefined;
  }
  if (family === 'ipv6') return undefined;
  const bound = BigInt(listener.address);
  if (bound === 0n) return listener.dual ? false : undefined;
  return bound === (MAPPED | BigInt(address)) ? true : undefined;
}

const protocolOf = ({ protocol }: Packet): Listener['protocol'] | undefined =>
  protocol === TCP ? 'tcp' : protocol === UDP ? 'udp' : undefined;

/** What `-m socket` finds for a new packet, as the field `socketLookup` counts it; undefined where it is not known. */
export function socketLookup(listeners: Listeners | undefined, packet: Packet): number | undefined {
  const { destination, destinationPort } = packet;
  if (protocolOf(packet) === undefined) return SOCKET_LOOKUP.none;
  if (destinationPort === undefined) return undefined;
  if (!listeners) return SOCKET_LOOKUP.wildcard;
  const found = findListener(listeners, {
    packet,
    address: destination,
    port: destinationPort,
    device: () => packet.in,
  });
  return found ? kindOf(found.listener) : SOCKET_LOOKUP.none;
}

/** How a socket counts for `-m socket`. */
export function kindOf({ address, transparent }: Listener): number {
  if (Number(address) === 0) return transparent ? SOCKET_LOOKUP.wildcardTransparent : SOCKET_LOOKUP.wildcard;
  return transparent ? SOCKET_LOOKUP.transparent : SOCKET_LOOKUP.plain;
}
