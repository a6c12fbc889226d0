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
} from '../linux/socket/index.ts';
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
  /** The socket that it reached, where that is known. */
  readonly reached?: Endpoint;
  /** Its original destination as conntrack names it; not known where a proxy took the connection. */
  readonly original?: Endpoint;
  /** In one clause: `127.0.0.6:15002 arrived on port 15006 with its original destination`. */
  readonly explanation: string;
}

/** Where a REDIRECT of what this host itself sends arrives. */
const ARRIVAL = { ipv4: '127.0.0.1', ipv6: '::1' } as const;
const ANY = { ipv4: '0.0.0.0', ipv6: '::' } as const;

/** Where nobody can be put at the destination, a proxy may be done with the probe before it is seen. */
const ATTEMPTS = 5;

/**
 * Sees for itself whether a connection is redirected, as Istio's validation does: by listening on the port where it ought
 * to arrive. Where a proxy already listens there it is left alone, and the kernel's socket table is asked which of its
 * connections is the other end of ours; the proxy sees one empty connection. Never throws.
 */
export async function probe(request: ProbeRequest): Promise<ProbeResult> {
  const { family } = request.destination;
  let server: Server | undefined;
  try {
    server = await listenOn(ARRIVAL[family], request.expected);
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
  return await besideProxy(request);
}

async function listenOn(host: string, port: number): Promise<Server> {
  const server = createServer({ pauseOnConnect: true });
  server.listen({ port, host, ipv6Only: true });
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
    return await judge(request, made, accepted);
  } finally {
    // Real traffic may have come here too, since no proxy does.
    for (const socket of accepted) drop(socket);
  }
}

async function judge(request: ProbeRequest, made: Made, accepted: readonly Socket[]): Promise<ProbeResult> {
  const { destination, expected } = request;
  const find = () => accepted.find((socket) => isPeer(socket, made.local));
  const deadline = Date.now() + 500;
  while (made.reached?.port === expected && !find() && Date.now() < deadline) await sleep(5);
  const arrived = find();
  const reached = arrived && localEnd(arrived);
  if (!arrived || !reached) return elsewhere(request, made.reached);
  const original = askOriginal(arrived, destination.family);
  const name = formatEndpoint(destination);
  const known = { request, witness: 'listener', reached, ...(original ? { original } : {}) } as const;
  if (original && sameEndpoint(original, destination)) {
    const explanation = `${name} arrived on port ${expected} with its original destination`;
    return { ...known, outcome: 'redirected', explanation };
  }
  const instead = original ? `as ${formatEndpoint(original)}` : 'without an original destination';
  return { ...known, outcome: 'altered', explanation: `${name} arrived on port ${expected} ${instead}` };
}

/**
 * The socket table takes a millisecond to read, and a proxy that finds nobody at the destination resets the connection
 * sooner than that. So we are there, on every address, while the question is asked.
 */
async function besideProxy(request: ProbeRequest): Promise<ProbeResult> {
  const { destination, expected } = request;
  const taken: Socket[] = [];
  const end = await listenOn(ANY[destination.family], destination.port).catch(() => undefined);
  end?.on('connection', (socket) => taken.push(socket));
  try {
    let made = await connection(request);
    for (let attempt = 1; attempt < ATTEMPTS && isUnseen(made); attempt += 1) made = await connection(request);
    if ('outcome' in made) return made;
    taken.push(made.socket);
    const { reached } = made;
    if (reached?.port !== expected || sameEndpoint(reached, destination)) return elsewhere(request, reached);
    const explanation = `${formatEndpoint(destination)} arrived on port ${expected}, where a proxy listens`;
    return { request, outcome: 'redirected', witness: 'socket table', reached, explanation };
  } finally {
    end?.close();
    for (const socket of taken) drop(socket);
  }
}

function isUnseen(made: Made | ProbeResult): boolean {
  if ('outcome' in made) return made.outcome === 'taken';
  if (made.reached) return false;
  drop(made.socket);
  return true;
}

/** Connected, but not to the expected port. */
function elsewhere(request: ProbeRequest, reached: Endpoint | undefined): ProbeResult {
  const { destination, expected } = request;
  const name = formatEndpoint(destination);
  if (!reached) {
    return { request, outcome: 'taken', explanation: `${name} was answered, but it cannot be seen by whom` };
  }
  const known = { request, witness: 'socket table', reached } as const;
  return sameEndpoint(reached, destination)
    ? { ...known, outcome: 'missed', explanation: `${name} was reached directly` }
    : { ...known, outcome: 'altered', explanation: `${name} arrived on port ${reached.port} instead of ${expected}` };
}

function isPeer(socket: Socket, end: Endpoint): boolean {
  const peer = remoteEnd(socket);
  return peer !== undefined && sameEndpoint(peer, end);
}

/** A connection that was made, and where it ended as far as the socket table could tell. */
interface Made {
  readonly socket: Socket;
  readonly local: Endpoint;
  readonly reached: Endpoint | undefined;
}

/** Connects, or says why there is nothing to be said of the rules. */
async function connection(request: ProbeRequest): Promise<Made | ProbeResult> {
  const { destination: to, from, owner, mark, timeout = 5000 } = request;
  let socket: Socket;
  try {
    socket = connectFrom({ to, from, owner, mark });
  } catch (error) {
    const { message } = error as Error;
    return unmade(request, `a probe as ${ownerName(request)} is not permitted here (${message})`);
  }
  const outcome = await Promise.race([outcomeOf(socket), sleep(timeout, 'timeout', { ref: false })]);
  const local = localEnd(socket);
  if (outcome === 'connected' && local) return { socket, local, reached: otherEndOf(local) };
  drop(socket);
  return unmade(request, outcome);
}

const outcomeOf = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.on('connect', () => resolve('connected'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

/** The other end of a connection of ours, where that is a socket of this namespace. Accepted or not, the kernel has it. */
const otherEndOf = (local: Endpoint): Endpoint | undefined =>
  readSocketTable().find((entry) => sameEndpoint(entry.remote, local) && !sameEndpoint(entry.local, local))?.local;

function unmade(request: ProbeRequest, outcome: string): ProbeResult {
  const name = formatEndpoint(request.destination);
  const { expected, timeout = 5000 } = request;
  switch (outcome) {
    case 'ECONNREFUSED': {
      const explanation = `${name} was refused: nothing redirects it to port ${expected}`;
      return { request, outcome: 'missed', explanation };
    }
    case 'timeout': {
      const explanation = `${name} did not answer within ${timeout} ms: nothing redirects it to port ${expected}`;
      return { request, outcome: 'missed', explanation };
    }
    case 'ECONNRESET':
      return elsewhere(request, undefined);
    default:
      return { request, outcome: 'impossible', explanation: `${name}: ${outcome}` };
  }
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
