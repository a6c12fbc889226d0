import type { Writable } from 'node:stream';
import type { Family } from '../address/index.ts';
import { formatEndpoint, readLocalAddresses } from '../linux/index.ts';
import {
  type ConnectionRecord,
  type EngineName,
  type Published,
  type RunningProxy,
  startProxy,
} from '../proxy/index.ts';
import { demandCommand, type RunningApp, startApp } from './app.ts';
import { watchAstray } from './astray.ts';
import { type Log, openCalls } from './calls.ts';
import type { Inherited } from './inherited.ts';
import { type NameServer, openNames } from './names.ts';
import { GATEWAY, HOST_NAME, MARK, POD, PORTS } from './plan.ts';
import { openPod } from './pod.ts';

/** A port of this host that leads to one of the app's. */
export interface PublishedPort {
  /** Where it listens; undefined for the loopback, in both families. */
  readonly address: string | undefined;
  readonly port: number;
  readonly appPort: number;
}

export interface RunOptions {
  readonly ports: readonly PublishedPort[];
  readonly engine?: EngineName | undefined;
  /** Who is asked for names, in place of this host's own servers. */
  readonly nameServers?: readonly NameServer[] | undefined;
  /** Told of calls and names as they come. */
  readonly log?: Log | undefined;
  /** Where records of connections go, as the access log of the sidecar. */
  readonly accessLog?: Writable | undefined;
  readonly onTrouble?: ((what: string) => void) | undefined;
  /** What this process was started with, and the app is to get; see `inheritedHere`. */
  readonly inherited?: Inherited | undefined;
}

const NOTHING: Inherited = { descriptors: [], openFiles: undefined };

/** How long what an app has said last may take to reach its callers, once it has ended. Milliseconds. */
const LAST_WORDS = 1000;

/** A pod with its sidecar, ready for its app. */
export interface Ready {
  /** A process that is in the pod as long as this one lives. */
  readonly pid: number;
  /** The pod's own address. */
  readonly address: string;
  readonly proxy: RunningProxy;
  /** Starts the app; its end is not the end of the sidecar. */
  start(): Promise<RunningApp>;
  /** Ends everything that is left, once what was said has arrived. */
  close(): Promise<void>;
}

/**
 * Makes a network namespace for a command, with a sidecar between it and the world. Throws NoSuchCommand, PortUnavailable, and what
 * openPod and changeRules throw; nothing is left then.
 *
 * @example
 * const ready = await prepareRun(['node', 'app.js'], { ports: [{ address: undefined, port: 8080, appPort: 8080 }] });
 * const status = await (await ready.start()).ended;
 * await ready.close();
 */
export async function prepareRun(command: readonly string[], options: RunOptions): Promise<Ready> {
  demandCommand(command[0] ?? '');
  const pod = await openPod();
  const closing: (() => unknown)[] = [() => pod.close()];
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const { log: heard, onTrouble } = options;
    const names = openNames({
      udp: pod.names.udp.map((fd, at) => ({ fd, family: pod.families[at]! })),
      tcp: pod.names.tcp,
      own: { [HOST_NAME]: GATEWAY.ipv4 },
      ...(options.nameServers ? { servers: options.nameServers } : {}),
      ...(heard ? { answered: heard.named } : {}),
    });
    closing.push(() => names.close());
    const log = heard ? openCalls(heard, names.nameOf) : undefined;
    closing.push(() => log?.close());
    let intercepted = false;
    const sayUnheard = unheard((what) => onTrouble?.(what));
    const proxy = await startProxy({
      address: '127.0.0.1',
      outboundPort: PORTS.outbound,
      inboundPort: PORTS.inbound,
      mark: MARK,
      workers: 1,
      engine: options.engine ?? 'auto',
      readinessPort: 'none',
      metricsPort: 'none',
      adminPort: 'none',
      drain: { notice: 0, timeout: LAST_WORDS },
      pod: {
        ...{ outbound: pod.outbound, inbound: pod.inbound, sockets: pod.sockets, gateway: pod.gateway },
        addresses: pod.families.map((family) => POD[family]),
        published: options.ports.flatMap((port) => publishedAt(port, pod.families)),
        aliases: { [GATEWAY.ipv4]: '127.0.0.1', [GATEWAY.ipv6]: '::1' },
      },
      ...(log ? { onConnection: log.ended } : {}),
      onTheWay(record) {
        log?.onTheWay(record);
        if (intercepted) sayUnheard(record);
      },
      ...(options.accessLog ? { accessLog: options.accessLog } : {}),
      ...(onTrouble ? { onTrouble } : {}),
    });
    closing.push(() => proxy.drain());
    await pod.intercepted;
    intercepted = true;
    log?.watch(() => proxy.connections());
    if (heard) closing.push(watchAstray(pod.astray, heard.astray));
    let over = false;
    closing.push(() => {
      over = true;
    });
    void pod.lost.then((said) => {
      if (!over)
        onTrouble?.(
          `the program that makes sockets in the pod has ended: soon the app is not reached any more${said && `. ${said}`}`,
        );
    });
    return {
      pid: pod.pid,
      address: POD.ipv4,
      proxy,
      start: () => startApp(command, pod, options.inherited ?? NOTHING),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Says, once for each port, that past the sidecar nobody is reached there: where what comes is intercepted, nothing but a bypass has the pod
 * itself refuse it. With the sidecar between them, an app may listen on its loopback alone.
 */
function unheard(say: (what: string) => void): (record: ConnectionRecord) => void {
  const said = new Set<number>();
  return ({ upstream, failure }) => {
    if (!upstream || !failure?.includes('ECONNREFUSED') || said.has(upstream.port)) return;
    said.add(upstream.port);
    const { port } = upstream;
    say(
      `:${port} is bypassed, and nobody listens on ${formatEndpoint(upstream)}: an app that listens on its loopback alone is reached through the sidecar only`,
    );
  };
}

/** Where a port listens, and where that leads to. */
function publishedAt({ address, port, appPort }: PublishedPort, families: readonly Family[]): readonly Published[] {
  const to = (family: Family) => ({ family, address: POD[family], port: appPort });
  if (address !== undefined)
    return [{ address, port, to: to(address.includes(':') && families.includes('ipv6') ? 'ipv6' : 'ipv4') }];
  const both = readLocalAddresses().includes('::1');
  return [{ address: '127.0.0.1', port, to: to('ipv4') }, ...(both ? [{ address: '::1', port, to: to('ipv6') }] : [])];
}
