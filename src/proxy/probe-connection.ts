import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  connectFrom,
  descriptorOf,
  type Endpoint,
  formatEndpoint,
  readSocketTable,
  resetOnClose,
  sameEndpoint,
} from '../linux/socket/index.ts';
import { localEnd } from './net-sockets.ts';
import { elsewhere, type ProbeRequest, type ProbeResult } from './probe-result.ts';

/** A connection that was made, and where it ended as far as the socket table could tell. */
export interface Made {
  readonly socket: Socket;
  readonly local: Endpoint;
  readonly reached: Endpoint | undefined;
}

/** Connects, or says why there is nothing to be said of the rules. */
export async function connection(request: ProbeRequest): Promise<Made | ProbeResult> {
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
      const explanation = `${name} was refused: nothing redirects it to port ${expected}, or a rule rejects it`;
      return { request, outcome: 'missed', explanation };
    }
    case 'timeout': {
      const explanation = `${name} did not answer within ${timeout} ms: it is dropped on its way to port ${expected}, or before`;
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

/** With a RST: a probe leaves no TIME_WAIT behind. */
export function drop(socket: Socket): void {
  const fd = descriptorOf(socket);
  if (fd !== undefined) resetOnClose(fd);
  socket.on('error', () => {});
  socket.destroy();
}
