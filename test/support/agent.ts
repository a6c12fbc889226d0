import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scratch } from './namespace.ts';

/** A socket to open. `name` is what it answers to whoever reaches it. */
export interface Listening {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string;
  readonly port: number;
  /** An IPv6 socket that takes IPv6 only. */
  readonly only?: boolean;
  /** UDP only: hears and does not answer. */
  readonly mute?: boolean;
  /** IP_TRANSPARENT, TCP only. */
  readonly transparent?: boolean;
  /** SO_BINDTODEVICE. */
  readonly device?: string;
}

/** A connection to make, or a datagram to send. */
export interface Sending {
  readonly protocol: 'tcp' | 'udp';
  readonly to: string;
  readonly port: number;
  readonly from?: string;
  readonly fromPort?: number;
  /** TCP only; datagrams are sent by an agent that runs as that user. */
  readonly uid?: number;
  readonly gid?: number;
  readonly mark?: number;
}

/** What the sender came to know: who answered, the error, or nothing in time. */
export interface Answer {
  readonly reached?: { readonly name: string; readonly from?: string; readonly port?: number; readonly to?: string };
  readonly code?: string;
  readonly silent?: true;
}

export interface Agent {
  /** Resolves once it runs. */
  readonly ready: Promise<void>;
  listen(listening: Listening): Promise<void>;
  /** Where a datagram's answer cannot come back, the listener that it reached tells. */
  send(sending: Sending, timeout: number): Promise<Answer>;
  /** Sends a datagram, waits for its answer, and returns what sends a second one that is not answered. */
  converse(to: string, port: number): Promise<() => Promise<void>>;
  /** Sends an IPv4 packet as it stands, but for the header's checksum. */
  sendRaw(packet: Uint8Array, to: string): Promise<void>;
  /** Sends an Ethernet frame as it stands, out of a device. */
  sendFrame(frame: Uint8Array, device: string): Promise<void>;
}

const program = readFileSync(new URL('agent-program.cjs', import.meta.url), 'utf8');
const built = new URL('../../dist/linux/index.js', import.meta.url).href;
let tokens = 0;

/** What listeners of all agents have heard: the datagram's token, and the listener's name. */
const heard = new Map<string, string>();

/** Starts an agent in a namespace, as the given user. It ends with the namespace, or with this process. */
export function startAgent(scratch: Scratch, options: { readonly uid?: number } = {}): Agent {
  const child = scratch.start([process.execPath, '-e', program, built], {
    ...options,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting = new Map<number, (answer: Answer & { failed?: string }) => void>();
  let last = 0;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const answer = JSON.parse(line);
    if (answer.heard) heard.set(answer.heard, answer.name);
    else waiting.get(answer.id)?.(answer);
  });
  const ask = (request: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      last += 1;
      waiting.set(last, (answer) => (answer.failed ? reject(new Error(answer.failed)) : resolve(answer)));
      child.stdin!.write(`${JSON.stringify({ id: last, ...request })}\n`);
    });
  return {
    ready: ask({ task: 'greet' }).then(() => {}),
    listen: async (listening) => {
      await ask({ task: 'listen', ...listening });
    },
    converse: async (to, port) => {
      const { conversation } = (await ask({ task: 'converse', to, port, timeout: 2000 })) as { conversation?: number };
      return async () => {
        await ask({ task: 'say', conversation });
      };
    },
    sendRaw: async (packet, to) => {
      await ask({ task: 'sendRaw', packet: Buffer.from(packet).toString('base64'), to });
    },
    sendFrame: async (frame, device) => {
      await ask({ task: 'sendFrame', frame: Buffer.from(frame).toString('base64'), device });
    },
    send: async (sending, timeout) => {
      tokens += 1;
      const token = `token ${tokens}`;
      const answer = await ask({ task: 'send', ...sending, timeout, token });
      // The listener's word may be still on its way.
      for (let tries = 0; tries < 20 && answer.silent && sending.protocol === 'udp' && !heard.has(token); tries += 1) {
        await sleep(10);
      }
      const name = heard.get(token);
      return answer.reached || name === undefined ? answer : { reached: { name } };
    },
  };
}
