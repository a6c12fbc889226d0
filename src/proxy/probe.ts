import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../address/index.ts';
import {
  connectFrom,
  descriptorOf,
  type Endpoint,
  formatEndpoint,
  type Owner,
  originalDestination,
  readSocketTable,
  resetOnClose,
  sameEndpoint,
} from '../linux/index.ts';
import { localEnd, remoteEnd } from './net-sockets.ts';

/** One connection that the rules ought to redirect. */
export interface ProbeRequest {
  /** Where it goes, as far as it knows. */
  readonly destination: Endpoint;
  /** The port on which it ought to arrive. */
  readonly expected: number;
  /** Whose it is: rules treat the proxy's own user and mark apart. */
  readonly owner?: Owner | undefined;
  readonly mark?: number | undefined;
  /** The address it leaves from; the kernel's choice when undefined. */
  readonly from?: string | undefined;
  /** Milliseconds; default 5000. */
  readonly timeout?: number;
}

/**
 * What became of a probe.
 *
 * - `redirected`: it arrived on the expected port. `witness` says how that is known: `listener`, we took it there ourselves
 *   and conntrack named the original address and port; `socket table`, a proxy that runs there took it.
 * - `altered`: it arrived, but elsewhere or with another original destination.
 * - `missed`: nothing redirected it.
 * - `taken`: somebody took it, and it cannot be seen who (the connection was over before it could be looked at).
 * - `impossible`: it could not be made as asked; that says nothing of the rules.
 */
export interface ProbeResult {
  readonly request: ProbeRequest;
  readonly outcome: 'redirected' | 'altered' | 'missed' | 'taken' | 'impossible';
  readonly witness?: 'listener' | 'socket table';
  /** In one clause: `127.0.0.6:15002 arrived on port 15006 with its original destination`. */
  readonly explanation: string;
}

/** A running proxy may be done with the probe before it is seen there. */
const ATTEMPTS = 5;

/**
 * Sees for itself whether a connection is redirected, as Istio's validation does: by listening on the port where it ought
 * to arrive. Where a proxy already listens there it is left alone, and the kernel's socket table is asked which of its
 * connections is the other end of ours; a proxy only sees a connection that goes nowhere. Never throws.
 */
export async function probe(request: ProbeRequest): Promise<ProbeResult> {
  const { family } = request.destination;
  let server: Server | undefined;
  try {
    server = await listenOn(family, request.expected);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE') {
      return {
        request,
        outcome: 'impossible',
        explanation: `port ${request.expected} cannot be listened on: ${message}`,
      };
    }
  }
  if (server) return await throughListener(request, server).finally(() => server.close());
  let result = await besideProxy(request);
  for (let attempt = 1; attempt < ATTEMPTS && result.outcome === 'taken'; attempt += 1)
    result = await besideProxy(request);
  return result;
}

/** A REDIRECT of what this host sends arrives on loopback. */
async function listenOn(family: Family, port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true });
  server.listen({ port, host: family === 'ipv4' ? '127.0.0.1' : '::1' });
  await once(server, 'listening');
  return server;
}

async function throughListener(request: ProbeRequest, server: Server): Promise<ProbeResult> {
  const accepted: Socket[] = [];
  server.on('connection', (socket) => accepted.push(socket));
  try {
    const made = await connection(request);
    if ('outcome' in made) return made;
    accepted.push(made.socket);
    return await judge(request, made.local, accepted);
  } finally {
    // Real traffic may have come here too, since no proxy does.
    for (const socket of accepted) drop(socket);
  }
}

async function judge(request: ProbeRequest, local: Endpoint, accepted: readonly Socket[]): Promise<ProbeResult> {
  const { destination, expected } = request;
  const otherEnd = otherEndOf(local);
  const find = () => accepted.find((socket) => isPeer(socket, local));
  const deadline = Date.now() + 500;
  while (otherEnd?.port === expected && !find() && Date.now() < deadline) await sleep(5);
  const arrived = find();
  if (!arrived) return elsewhere(request, otherEnd);
  const original = askOriginal(arrived, destination.family);
  const name = formatEndpoint(destination);
  if (original && sameEndpoint(original, destination)) {
    const explanation = `${name} arrived on port ${expected} with its original destination`;
    return { request, outcome: 'redirected', witness: 'listener', explanation };
  }
  const instead = original ? `as ${formatEndpoint(original)}` : 'without an original destination';
  const explanation = `${name} arrived on port ${expected} ${instead}`;
  return { request, outcome: 'altered', witness: 'listener', explanation };
}

async function besideProxy(request: ProbeRequest): Promise<ProbeResult> {
  const made = await connection(request);
  if ('outcome' in made) return made;
  const otherEnd = otherEndOf(made.local);
  drop(made.socket);
  const { destination, expected } = request;
  if (otherEnd?.port !== expected || sameEndpoint(otherEnd, destination)) return elsewhere(request, otherEnd);
  const explanation = `${formatEndpoint(destination)} arrived on port ${expected}, where a proxy listens`;
  return { request, outcome: 'redirected', witness: 'socket table', explanation };
}

/** The other end of a connection of ours, where that is a socket of this namespace. Accepted or not, the kernel has it. */
const otherEndOf = (local: Endpoint): Endpoint | undefined =>
  readSocketTable().find((entry) => sameEndpoint(entry.remote, local) && !sameEndpoint(entry.local, local))?.local;

/** Connected, but not to the expected port. */
function elsewhere(request: ProbeRequest, otherEnd: Endpoint | undefined): ProbeResult {
  const { destination, expected } = request;
  const name = formatEndpoint(destination);
  if (!otherEnd)
    return { request, outcome: 'taken', explanation: `${name} was connected, but it cannot be seen to what` };
  if (sameEndpoint(otherEnd, destination)) {
    return { request, outcome: 'missed', witness: 'socket table', explanation: `${name} was reached directly` };
  }
  const explanation = `${name} arrived on port ${otherEnd.port} instead of ${expected}`;
  return { request, outcome: 'altered', witness: 'socket table', explanation };
}

function isPeer(socket: Socket, end: Endpoint): boolean {
  const peer = remoteEnd(socket);
  return peer !== undefined && sameEndpoint(peer, end);
}

/** Connects, or says why there is nothing to be said of the rules. */
async function connection(request: ProbeRequest): Promise<{ socket: Socket; local: Endpoint } | ProbeResult> {
  const { destination: to, from, owner, mark, timeout = 5000 } = request;
  const name = formatEndpoint(to);
  const impossible = (why: string): ProbeResult => ({ request, outcome: 'impossible', explanation: `${name}: ${why}` });
  let socket: Socket;
  try {
    socket = connectFrom({ to, from, owner, mark });
  } catch (error) {
    const { message } = error as Error;
    return impossible(`a probe as ${ownerName(request)} is not permitted here (${message})`);
  }
  const outcome = await Promise.race([
    once(socket, 'connect').then(
      () => 'connected',
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    ),
    sleep(timeout, 'timeout', { ref: false }),
  ]);
  const local = localEnd(socket);
  if (outcome === 'connected' && local) {
    socket.on('error', () => {});
    return { socket, local };
  }
  socket.on('error', () => {});
  socket.destroy();
  if (outcome === 'ECONNREFUSED') {
    return {
      request,
      outcome: 'missed',
      explanation: `${name} was refused: nothing redirects it to port ${request.expected}`,
    };
  }
  if (outcome === 'timeout') {
    return {
      request,
      outcome: 'missed',
      explanation: `${name} did not answer within ${timeout} ms: nothing redirects it to port ${request.expected}`,
    };
  }
  return impossible(outcome);
}

function ownerName({ owner, mark }: ProbeRequest): string {
  const parts = [
    owner?.uid === undefined ? '' : `uid ${owner.uid}`,
    owner?.gid === undefined ? '' : `gid ${owner.gid}`,
    mark ? `mark 0x${mark.toString(16)}` : '',
  ];
  return parts.filter((part) => part !== '').join(', ') || 'this user';
}

function askOriginal(socket: Socket, family: Family): Endpoint | undefined {
  const fd = descriptorOf(socket);
  try {
    return fd === undefined ? undefined : originalDestination(fd, family);
  } catch {
    return undefined;
  }
}

/** With a RST: a probe leaves no TIME_WAIT behind. */
function drop(socket: Socket): void {
  const fd = descriptorOf(socket);
  if (fd !== undefined) resetOnClose(fd);
  socket.on('error', () => {});
  socket.destroy();
}
