import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { FAMILIES, type Family } from '../address/index.ts';
import { defaultInterception, dialectOf, heldAfter, type Interception } from '../interception/index.ts';
import {
  changeRules,
  closeDescriptor,
  demandTools,
  openNamespace,
  openScratch,
  readLocalAddresses,
  type Scratch,
} from '../linux/index.ts';
import { packetsAstray } from './astray.ts';
import { type Handed, startInside } from './handed.ts';
import { endInhabitants, networkOf } from './inhabitants.ts';
import { GATEWAY, LINK, MARK, POD, PORTS } from './plan.ts';

/** A network namespace for an app, with a link, rules, and sockets that were made in it. */
export interface OpenPod extends Handed {
  /** The process that holds the namespace as long as this one lives: what `--pid` takes. */
  readonly pid: number;
  /** Put before a command, this runs it inside. */
  readonly enter: readonly string[];
  /** Packets so far that found no way out of it. */
  readonly astray: () => number;
  /** Whether it was made in a user namespace, where this process's user counts as root. */
  readonly mapped: boolean;
  readonly families: readonly Family[];
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
    const network = networkOf(pod.pid);
    const families = familiesHere();
    lay(gateway, pod, families);
    const intercepted = intercept(pod.pid, families);
    // Whoever waits for it hears of it, and nobody has to when something else fails.
    intercepted.catch(() => {});
    const { child, ends, handed, lost } = await startInside(gateway, pod, families);
    return {
      ...{
        pid: pod.pid,
        enter: pod.enter,
        astray: () => packetsAstray(gateway.pid),
        mapped: !pod.manyUsers,
        families,
        intercepted,
        ...handed,
        lost,
      },
      close: () => end(child, ends, network, [pod, gateway]),
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

/** The program inside ends all others when nobody is at the other end of its channels. */
async function end(
  child: ChildProcess,
  ends: readonly number[],
  network: string,
  scratches: readonly Scratch[],
): Promise<void> {
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  child.ref();
  for (const descriptor of ends) closeDescriptor(descriptor);
  const timer = setTimeout(() => child.kill('SIGKILL'), ENDING);
  await gone;
  clearTimeout(timer);
  // Unless it was killed itself.
  if (child.exitCode !== 0) endInhabitants(network, ENDING);
  for (const scratch of scratches) scratch.close();
}
