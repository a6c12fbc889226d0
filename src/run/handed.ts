import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Family } from '../address/index.ts';
import {
  builtModule,
  closeDescriptor,
  limitWaiting,
  openChannel,
  receiveDescriptors,
  type Scratch,
  type SocketSource,
} from '../linux/index.ts';
import { type Channels, type Inside, MARK, PORTS } from './plan.ts';

/** Sockets that were made in a pod. */
export interface Handed {
  readonly outbound: readonly number[];
  readonly inbound: readonly number[];
  /** Sockets for names, on UDP and TCP, one for each family. */
  readonly names: { readonly udp: readonly number[]; readonly tcp: readonly number[] };
  readonly sockets: SocketSource;
  readonly gateway: SocketSource;
}

/** The program inside, at work. */
export interface Started {
  readonly child: ChildProcess;
  readonly handed: Handed;
  /** The sidecar's ends of all channels. */
  readonly ends: readonly number[];
  readonly lost: Promise<string>;
}

/** How long anybody waits for a socket, in seconds: all connections wait with it. */
const WAITING = 1;
/** The first descriptor that a child has beside the standard ones. */
const FIRST = 3;

/** Starts the program inside; resolves when all listening sockets are here. */
export async function startInside(gateway: Scratch, pod: Scratch, families: readonly Family[]): Promise<Started> {
  const names = ['control', ...families.flatMap((family) => [`pod ${family}`, `gateway ${family}`])];
  const pairs = names.map((name) => [name, openChannel()] as const);
  const near = Object.fromEntries(pairs.map(([name, [end]]) => [name, end])) as unknown as Partial<Channels>;
  const told: Inside = {
    channels: Object.fromEntries(names.map((name, at) => [name, FIRST + at])) as unknown as Channels,
    families,
    gateway: `/proc/${gateway.pid}/ns/net`,
    mark: MARK,
    listeners: listenersFor(families),
  };
  const program = new URL(builtModule('dist/program/inside.js')).pathname;
  const [file = '', ...args] = [...pod.enter, process.execPath, program, JSON.stringify(told)];
  const { NODE_OPTIONS: _, ...env } = process.env;
  // A session of its own: what the terminal sends is the app's.
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...pairs.map(([, [, far]]) => far)],
    detached: true,
    env,
  });
  for (const [, [near, far]] of pairs) {
    closeDescriptor(far);
    limitWaiting(near, WAITING);
  }
  const { lost } = await ready(child);
  const handed = receiveAll(near.control!);
  const source = (where: 'pod' | 'gateway'): SocketSource => ({
    ipv4: near[`${where} ipv4`]!,
    ipv6: near[`${where} ipv6`],
  });
  return {
    child,
    lost,
    ends: pairs.map(([, [end]]) => end),
    handed: {
      outbound: handed('outbound'),
      inbound: handed('inbound'),
      names: { udp: handed('names'), tcp: handed('names over tcp') },
      sockets: source('pod'),
      gateway: source('gateway'),
    },
  };
}

function listenersFor(families: readonly Family[]): Inside['listeners'] {
  const any = families.includes('ipv6') ? '::' : '0.0.0.0';
  return [
    { purpose: 'outbound', address: any, port: PORTS.outbound },
    { purpose: 'inbound', address: any, port: PORTS.inbound },
    // Answers have to leave from the address that a question was sent on to.
    ...families.map((family) => ({
      purpose: 'names' as const,
      address: family === 'ipv4' ? '127.0.0.1' : '::1',
      port: PORTS.names,
    })),
  ];
}

/** Resolves when a program is ready, to the promise of its last words. */
async function ready(child: ChildProcess): Promise<{ readonly lost: Promise<string> }> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  const up = await Promise.race([
    once(child.stdout!, 'data').then(() => true),
    once(child, 'exit').then(() => false),
    once(child, 'error').then(() => false),
  ]);
  if (!up) throw new Error(`the program that makes sockets in the pod did not start: ${said.trim()}`);
  // It is no reason to stay: it ends when this process does.
  child.unref();
  for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  return { lost: once(child, 'exit').then(() => said.trim()) };
}

/** Takes what the program inside sends until it says that this was all; by what it is for. */
function receiveAll(control: number): (purpose: string) => readonly number[] {
  const taken = new Map<string, number[]>();
  for (let next = receiveDescriptors(control, 64); next; next = receiveDescriptors(control, 64)) {
    const purpose = next.bytes.toString();
    if (purpose === 'all') break;
    taken.set(purpose, [...(taken.get(purpose) ?? []), ...next.descriptors]);
  }
  return (purpose) => taken.get(purpose) ?? [];
}
