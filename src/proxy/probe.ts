import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../address/index.ts';
import {
  descriptorOf,
  type Endpoint,
  formatEndpoint,
  originalDestination,
  sameEndpoint,
} from '../linux/socket/index.ts';
import { localEnd, remoteEnd } from './net-sockets.ts';
import { connection, drop, type Made } from './probe-connection.ts';
import { elsewhere, type ProbeRequest, type ProbeResult } from './probe-result.ts';

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

function isPeer(socket: Socket, end: Endpoint): boolean {
  const peer = remoteEnd(socket);
  return peer !== undefined && sameEndpoint(peer, end);
}

function askOriginal(socket: Socket, family: Family): Endpoint | undefined {
  const fd = descriptorOf(socket);
  try {
    return fd === undefined ? undefined : originalDestination(fd, family);
  } catch {
    return undefined;
  }
}
