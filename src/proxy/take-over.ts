import { setTimeout as sleep } from 'node:timers/promises';
import {
  closeDescriptor,
  connectAbstract,
  credentialsOf,
  receiveDescriptors,
  SystemCallFailed,
  sendDescriptors,
} from '../linux/socket/index.ts';
import { TakeOverFailed } from './errors.ts';
import { type Announced, ASK, descriptorsIn, type Handed, mayHave, nameOf, OVER, READY } from './handed.ts';

/** How long the other one may take to answer, in milliseconds. */
const PATIENCE = 5000;
const GONE = 'it did not give its sockets';

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
