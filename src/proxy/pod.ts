import { type Endpoint, type SocketSource, takeSocket } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';
import type { Forward } from './policy.ts';

/**
 * An app whose network namespace is not the proxy's. A socket stays in the namespace where it was made: so the proxy accepts there
 * on sockets that it was given, leaves for the app from sockets that it is given, and dials the outside from its own.
 */
export interface Pod {
  /** Listening sockets made there, one for each worker, which the proxy takes over. */
  readonly outbound: readonly number[];
  readonly inbound: readonly number[];
  /** Its addresses, but for those of the loopback. */
  readonly addresses: readonly string[];
  /** Unconnected sockets made there, with the mark that its rules know the proxy by. */
  readonly sockets: SocketSource;
  /** Unconnected sockets made at the other end of its link, so that what leaves from them comes to it as from outside. */
  readonly gateway: SocketSource;
  readonly published: readonly Published[];
  /** What it calls addresses of the proxy's own host: the gateway's, for 127.0.0.1. */
  readonly aliases: Readonly<Record<string, string>>;
}

/** A port of the proxy's host that leads to one of a pod's. */
export interface Published {
  readonly address: string;
  readonly port: number;
  readonly to: Endpoint;
}

/** The socket that a connection has to leave from, where not from one of this process's. Throws SystemCallFailed. */
export function socketFor({ socket, upstream }: Forward, { pod }: Settings): number | undefined {
  if (!pod || !socket) return undefined;
  return takeSocket(socket === 'pod' ? pod.sockets : pod.gateway, upstream.family);
}

/** The next way to go where an upstream could not be reached: nobody listens there, and there is another. */
export function nextLeg(decision: Forward, code: string | undefined): Forward | undefined {
  const [next, ...otherwise] = decision.otherwise ?? [];
  if (!next || code !== 'ECONNREFUSED') return undefined;
  const { from: _, ...common } = decision;
  return { ...common, ...next, otherwise };
}

/** Whether a connection is a loop where it comes back to the proxy: what is on its way from a published port has to. */
export const wouldLoop = ({ socket }: Forward): boolean => socket !== 'gateway';
