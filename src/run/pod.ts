import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { FAMILIES, type Family } from '../address/index.ts';
import { defaultInterception, dialectOf, heldAfter, type Interception } from '../interception/index.ts';
import {
  builtModule,
  changeRules,
  closeDescriptor,
  demandTools,
  limitWaiting,
  openChannel,
  openNamespace,
  openScratch,
  readLocalAddresses,
  receiveDescriptors,
  type Scratch,
  type SocketSource,
} from '../linux/index.ts';
import { type Channels, GATEWAY, type Inside, LINK, MARK, POD, PORTS } from './plan.ts';

/** A network namespace for an app, with a link, rules, and sockets that were made in it. */
export interface OpenPod {
  /** The process that holds the namespace as long as this one lives: what `--pid` takes. */
  readonly pid: number;
  /** Put before a command, this runs it inside. */
  readonly enter: readonly string[];
  /** Whether it was made in a user namespace, where this process's user counts as root. */
  readonly mapped: boolean;
  readonly families: readonly Family[];
  readonly outbound: readonly number[];
  readonly inbound: readonly number[];
  /** Sockets for names, on UDP and TCP, one for each family. */
  readonly names: { readonly udp: readonly number[]; readonly tcp: readonly number[] };
  readonly sockets: SocketSource;
  readonly gateway: SocketSource;
  /** Resolves when its rules are there; rejects as changeRules does. */
  readonly intercepted: Promise<void>;
  /** Resolves, with what it said, when the program inside has ended: then the app is not reached any more. */
  readonly lost: Promise<string>;
  /** Ends whatever is left inside; resolves when it is gone. */
  close(): Promise<void>;
}

/** How long whatever is left inside may take to be gone, in milliseconds. */
const ENDING = 2000;

/**
 * Opens the pod: as root directly, as an ordinary user inside a user namespace. Throws NamespaceRefused, NotPermitted or
 * MissingPackage where this system cannot; nothing is left then.
 */
export async function openPod(): Promise<OpenPod> {
  demandTools(['ip', 'nsenter', 'unshare', 'setpriv', 'sh', 'iptables-save', 'iptables-restore']);
  const gateway = await openScratch();
  const pod = await gateway.beside();
  try {
    const families = familiesHere();
    lay(gateway, pod, families);
    const intercepted = intercept(pod.pid, families);
    // Whoever waits for it hears of it, and nobody has to when something else fails.
    intercepted.catch(() => {});
    const { child, ends, handed, lost } = await startInside(gateway, pod, families);
    return {
      ...{ pid: pod.pid, enter: pod.enter, mapped: !pod.manyUsers, families, intercepted, ...handed, lost },
      close: () => end(child, ends, [pod, gateway]),
    };
  } catch (error) {
    pod.close();
    gateway.close();
    throw error;
  }
}

/** IPv6 where this host has it. */
const familiesHere = (): readonly Family[] =>
  readLocalAddresses().some((address) => address.includes(':')) ? FAMILIES : ['ipv4'];

/** Whether this host has a way out by IPv6: what an app has a route for it tries first, and a sidecar in between takes every call. */
function hasWayOut6(): boolean {
  let routes = '';
  try {
    routes = readFileSync('/proc/net/ipv6_route', 'utf8');
  } catch {
    // Without IPv6 there is no such file.
  }
  // A route to everywhere, but for the one on `lo` that refuses. Source: the kernel's net/ipv6/route.c, rt6_seq_show.
  return /^0{32} 00 .* (?!lo$)\S+$/m.test(routes);
}

function lay(gateway: Scratch, pod: Scratch, families: readonly Family[]): void {
  const ends = (addresses: Readonly<Record<Family, string>>): readonly string[] => [
    'link set lo up',
    ...families.map((family) => {
      const noWait = family === 'ipv6' ? ' nodad' : '';
      return `address add ${addresses[family]}/${LINK[family]} dev eth0${noWait}`;
    }),
    'link set eth0 up',
  ];
  batch(gateway, [
    `link add eth0 type veth peer name eth0 netns ${pod.pid}`,
    ...ends(GATEWAY),
    // What is no business of the sidecar is told so at once: of all kinds of "unreachable", programs are told of this one.
    ...families.map((family) => `route add prohibit ${family === 'ipv4' ? '0.0.0.0' : '::'}/0`),
  ]);
  batch(pod, [
    ...ends(POD),
    `route add default via ${GATEWAY.ipv4}`,
    ...(families.includes('ipv6') && hasWayOut6() ? [`route add default via ${GATEWAY.ipv6}`] : []),
  ]);
}

function batch(scratch: Scratch, lines: readonly string[]): void {
  scratch.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Everything in and out through the proxy, and all questions for names. */
const interceptionFor = (families: readonly Family[]): Interception => {
  const plain = defaultInterception('istio');
  return {
    ...plain,
    families,
    outboundPort: PORTS.outbound,
    inboundPort: PORTS.inbound,
    proxy: { uids: [], gids: [], marks: [MARK] },
    inbound: { ...plain.inbound, include: '*' },
    outbound: { ...plain.outbound, include: '*' },
    dns: { ...plain.dns, capture: true, all: true, port: PORTS.names },
  };
};

async function intercept(pid: number, families: readonly Family[]): Promise<void> {
  const program = dialectOf('istio').write(interceptionFor(families));
  await changeRules(openNamespace({ pid }), {
    compute: (before, backend) => heldAfter(program, before, backend, families),
  });
}

interface Started {
  readonly child: ChildProcess;
  readonly handed: Pick<OpenPod, 'outbound' | 'inbound' | 'names' | 'sockets' | 'gateway'>;
  /** The sidecar's ends of all channels. */
  readonly ends: readonly number[];
  readonly lost: Promise<string>;
}

/** How long anybody waits for a socket, in seconds: all connections wait with it. */
const WAITING = 1;
/** The first descriptor that a child has beside the standard ones. */
const FIRST = 3;

/** Starts the program inside; resolves when all listening sockets are here. */
async function startInside(gateway: Scratch, pod: Scratch, families: readonly Family[]): Promise<Started> {
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

/** The program inside ends all others when nobody is at the other end of its channels. */
async function end(child: ChildProcess, ends: readonly number[], scratches: readonly Scratch[]): Promise<void> {
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  child.ref();
  for (const descriptor of ends) closeDescriptor(descriptor);
  const timer = setTimeout(() => child.kill('SIGKILL'), ENDING);
  await gone;
  clearTimeout(timer);
  for (const scratch of scratches) scratch.close();
}
