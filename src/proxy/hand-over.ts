import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  closeDescriptor,
  connectAbstract,
  credentialsOf,
  descriptorOf,
  listenAbstract,
  receiveDescriptors,
  SystemCallFailed,
  sendDescriptors,
} from '../linux/socket/index.ts';
import type { ListenerOptions } from './engine.ts';
import { TakeOverFailed } from './errors.ts';

/** A port that takes connections, and its listening sockets. */
export interface HandedListener extends Pick<ListenerOptions, 'takes' | 'address' | 'port' | 'transparent'> {
  readonly descriptors: readonly number[];
}

/** A port for those who ask, and its socket. */
export interface HandedBeside {
  readonly name: 'readiness' | 'metrics' | 'admin';
  readonly port: number;
  readonly descriptor: number;
}

/** All that a proxy listens on. */
export interface Handed {
  readonly listeners: readonly HandedListener[];
  readonly beside: readonly HandedBeside[];
}

/** Who has asked for the sockets is ready to serve on them. */
export type Taken = (pid: number) => void;

/** What is sent before the sockets: how many each is. The sockets follow in this order. */
interface Announced {
  readonly listeners: readonly (Omit<HandedListener, 'descriptors'> & { readonly count: number })[];
  readonly beside: readonly Omit<HandedBeside, 'descriptor'>[];
}

/** So many descriptors in a message; the kernel takes 253. */
const AT_A_TIME = 200;
/** How long the other one may take to answer, in milliseconds. */
const PATIENCE = 5000;
const ASK = 'sockets\n';
const READY = 'ready\n';
const OVER = 'over\n';
const GONE = 'it did not give its sockets';

/** By the port that both know. The name has no file: it is the network namespace's, as the ports are. */
const nameOf = (outboundPort: number): string => `sidestep/proxy/${outboundPort}`;

/** Its own user may have them, and root. */
const mayHave = (uid: number): boolean => uid === 0 || uid === process.getuid?.();

/**
 * Gives a proxy's listening sockets to whoever comes to take its place, until one has. `taken` is called when that one serves: by then
 * this proxy need not accept any more. Undefined where somebody else has the name: then nobody can take its place.
 */
export function offerHandOver(port: number, what: () => Handed, taken: Taken): { close(): void } | undefined {
  let fd: number;
  try {
    fd = listenAbstract(nameOf(port));
  } catch {
    return undefined;
  }
  const asking = new Set<Socket>();
  const close = () => {
    server.close();
    for (const socket of asking) socket.destroy();
  };
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    asking.add(socket);
    socket.on('close', () => asking.delete(socket));
    const channel = descriptorOf(socket);
    const who = channel === undefined ? undefined : credentialsOf(channel);
    if (channel === undefined || !who || !mayHave(who.uid)) {
      socket.destroy();
      return;
    }
    socket.on('data', (bytes) => {
      const said = String(bytes);
      if (said === ASK) give(channel, what());
      else if (said === READY) {
        asking.delete(socket);
        close();
        taken(who.pid);
        socket.end(OVER);
      } else socket.destroy();
    });
  });
  server.on('error', () => {});
  server.listen({ fd });
  // A proxy that has nothing else to do ends.
  server.unref();
  return { close };
}

function give(channel: number, { listeners, beside }: Handed): void {
  const announced: Announced = {
    listeners: listeners.map(({ descriptors, ...port }) => ({ ...port, count: descriptors.length })),
    beside: beside.map(({ name, port }) => ({ name, port })),
  };
  sendDescriptors(channel, Buffer.from(`${JSON.stringify(announced)}\n`), []);
  const all = descriptorsIn({ listeners, beside });
  for (let at = 0; at < all.length; at += AT_A_TIME)
    sendDescriptors(channel, Buffer.from('.'), all.slice(at, at + AT_A_TIME));
}

/** The socket of a port for those who ask, where it was handed over. */
export const besideAt = (handed: Handed | undefined, name: HandedBeside['name'], port: number): number | undefined =>
  handed?.beside.find((one) => one.name === name && one.port === port)?.descriptor;

/** What was taken, and from whom. */
export interface TakenOver extends Handed {
  readonly pid: number;
  /** Closes what this proxy has no use for. */
  keepOnly(handed: Handed): void;
  /** Says that this proxy serves; resolves when the other one does not accept any more. Throws TakeOverFailed. */
  ready(): Promise<void>;
  /** This proxy does not serve after all: the other one goes on. */
  giveUp(): void;
}

/**
 * Asks the proxy on a port for its listening sockets. Connections that come meanwhile wait in them, whoever accepts: none is refused.
 * Undefined where no proxy is there. Throws TakeOverFailed.
 */
export async function takeOver(outboundPort: number): Promise<TakenOver | undefined> {
  const channel = connectAbstract(nameOf(outboundPort));
  if (channel === undefined) return undefined;
  const { pid, uid } = credentialsOf(channel);
  let open = true;
  const close = () => {
    if (open) closeDescriptor(channel);
    open = false;
  };
  const failed = (why: string) => {
    close();
    return new TakeOverFailed(outboundPort, pid, why);
  };
  // Anybody in this network namespace can have the name.
  if (!mayHave(uid)) throw failed(`it is uid ${uid}'s`);
  const received = { text: '', descriptors: [] as number[] };
  try {
    sendDescriptors(channel, Buffer.from(ASK), []);
    await receiveUntil(channel, received, () => countOf(received.text) === received.descriptors.length);
  } catch (error) {
    for (const fd of received.descriptors) closeDescriptor(fd);
    const others = uid === process.getuid?.() ? '' : ` (it is uid ${uid}'s)`;
    throw failed(`${reasonOf(error)}${others}`);
  }
  const handed = sorted(received);
  return {
    pid,
    ...handed,
    keepOnly(kept) {
      const used = descriptorsIn(kept);
      for (const fd of descriptorsIn(handed)) if (!used.includes(fd)) closeDescriptor(fd);
    },
    async ready() {
      try {
        sendDescriptors(channel, Buffer.from(READY), []);
        await receiveUntil(channel, received, () => received.text.endsWith(OVER));
      } catch (error) {
        throw failed(reasonOf(error));
      }
      close();
    },
    giveUp: close,
  };
}

/** All sockets that are handed. */
export const descriptorsIn = ({ listeners, beside }: Handed): readonly number[] => [
  ...listeners.flatMap(({ descriptors }) => descriptors),
  ...beside.map(({ descriptor }) => descriptor),
];

interface Received {
  text: string;
  readonly descriptors: number[];
}

async function receiveUntil(channel: number, received: Received, enough: () => boolean): Promise<void> {
  for (const end = performance.now() + PATIENCE; !enough(); ) {
    const message = tried(channel);
    if (message === 'nothing yet') {
      if (performance.now() > end) throw new Error(`it has not answered within ${PATIENCE / 1000} s`);
      await sleep(2);
    } else if (!message) throw new Error(GONE);
    else {
      received.text += message.bytes.toString();
      received.descriptors.push(...message.descriptors);
    }
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof SystemCallFailed && ['EPIPE', 'ECONNRESET'].includes(error.code) ? GONE : (error as Error).message;

function tried(channel: number) {
  try {
    return receiveDescriptors(channel);
  } catch (error) {
    if (error instanceof SystemCallFailed && error.code === 'EAGAIN') return 'nothing yet';
    throw error;
  }
}

/** How many descriptors were announced; undefined as long as that is not known. */
function countOf(text: string): number | undefined {
  const [line, rest] = text.split('\n', 2);
  if (rest === undefined) return undefined;
  const { listeners, beside } = JSON.parse(line!) as Announced;
  return listeners.reduce((sum, { count }) => sum + count, beside.length);
}

function sorted({ text, descriptors }: Received): Handed {
  const { listeners, beside } = JSON.parse(text.split('\n', 1)[0]!) as Announced;
  const left = [...descriptors];
  return {
    listeners: listeners.map(({ count, ...port }) => ({ ...port, descriptors: left.splice(0, count) })),
    beside: beside.map((port) => ({ ...port, descriptor: left.shift()! })),
  };
}
