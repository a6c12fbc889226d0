import { createServer, type Server, type Socket } from 'node:net';
import { type Endpoint, endpointOf, openTransparentListener } from '../linux/socket/index.ts';
import type { Engine, ListenerOptions, OpenListener } from './engine.ts';
import { Connection, type Outside } from './net-connection.ts';
import { type KernelSockets, kernelSockets } from './net-sockets.ts';
import { openedHere } from './opened.ts';
import { ownAddresses, ownAddressesFor } from './own-addresses.ts';
import type { Host } from './policy.ts';

const BACKLOG = 1024;
/** How often connections are looked at for what no event tells, in milliseconds. */
const TICK = 1000;

/** The engine on Node's own sockets: right in every case, and no faster than they are. */
export function netEngine(kernel: KernelSockets = kernelSockets): Engine {
  const opened = openedHere();
  const ports: number[] = [];
  let own = ownAddresses();
  const host: Host = { isOwn: (address) => own(address), opened: opened.find, ports };
  return {
    name: 'net',
    workers: 1,
    async open(options, settings, tell) {
      own = ownAddressesFor(settings);
      const listener = await openListener(options, { kernel, settings, host, opened, tell });
      if (!options.to) ports.push(listener.port);
      return listener;
    },
    async ready() {},
  };
}

async function openListener(options: ListenerOptions, outside: Omit<Outside, 'over'>): Promise<OpenListener> {
  const connections = new Set<Connection>();
  const waiting: (() => void)[] = [];
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (client) => {
    const connection = new Connection(client, {
      ...outside,
      over() {
        connections.delete(connection);
        if (connections.size === 0) for (const resolve of waiting.splice(0)) resolve();
      },
    });
    connections.add(connection);
    if (connections.size > options.maxConnections) {
      connection.refuse('UO', `the limit of ${options.maxConnections} connections on port ${options.port} is reached`);
    } else connection.start(options, (peer, local) => originalOf(client, peer, local, port, options, outside.kernel));
  });
  await listening(server, options);
  // The kernel may be out of descriptors for a while: that ends no other connection.
  server.on('error', (error) => outside.tell.trouble(`a connection could not be accepted: ${error.message}`));
  const { port } = server.address() as { port: number };
  const timer = setInterval(() => {
    const now = Date.now();
    for (const connection of connections) connection.tick(now);
  }, TICK).unref();
  return {
    port,
    get connections() {
      return connections.size;
    },
    stop() {
      server.close();
    },
    async idle() {
      if (connections.size > 0) await new Promise<void>((resolve) => waiting.push(resolve));
      clearInterval(timer);
    },
    reset(reason) {
      for (const connection of connections) connection.reset('LR', reason);
    },
    list: async () => [...connections].map((connection) => connection.record()),
  };
}

/**
 * Where a connection was going. TPROXY leaves the destination as it was, so that it is the socket's own end, unless that
 * is the port of the listener itself: then a REDIRECT may have sent it here (Istio's TPROXY rules have one too).
 */
function originalOf(
  client: Socket,
  peer: Endpoint,
  local: Endpoint,
  port: number,
  { transparent, to }: ListenerOptions,
  kernel: KernelSockets,
): Endpoint | undefined {
  if (to) return to;
  if (transparent && local.port !== port) return local;
  try {
    return kernel.originalDestination(client, peer.family) ?? (transparent ? local : undefined);
  } catch {
    // A client that is gone again has none.
    return undefined;
  }
}

async function listening(server: Server, { address, port, transparent, descriptors }: ListenerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    const [given] = descriptors ?? [];
    if (given !== undefined) server.listen({ fd: given }, BACKLOG);
    else if (transparent) server.listen({ fd: openTransparentListener(endpointOf(address, port)) }, BACKLOG);
    else server.listen({ port, host: address, backlog: BACKLOG, ipv6Only: false });
  });
}
