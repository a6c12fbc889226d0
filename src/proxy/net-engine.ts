import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { descriptorOf, type Endpoint, endpointOf, openTransparentListener } from '../linux/socket/index.ts';
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
  const accepted = (client: Socket): void => {
    const connection = new Connection(client, {
      ...outside,
      over() {
        connections.delete(connection);
        if (connections.size === 0) for (const resolve of waiting.splice(0)) resolve();
      },
    });
    connections.add(connection);
    const { maxConnections } = options;
    const original = (peer: Endpoint, local: Endpoint) =>
      originalOf(client, peer, local, port, options, outside.kernel);
    const full =
      connections.size > maxConnections
        ? `the limit of ${maxConnections} connections on port ${port} is reached`
        : undefined;
    connection.start(options, original, full);
  };
  const servers = await serversFor(options, accepted);
  // The kernel may be out of descriptors for a while: that ends no other connection.
  for (const server of servers)
    server.on('error', (error) => outside.tell.trouble(`a connection could not be accepted: ${error.message}`));
  const { port } = servers[0]!.address() as { port: number };
  const timer = setInterval(() => {
    const now = Date.now();
    for (const connection of connections) connection.tick(now);
  }, TICK).unref();
  return {
    port,
    get descriptors() {
      return servers.map((server) => descriptorOf(server)).filter((fd) => fd !== undefined);
    },
    get connections() {
      return connections.size;
    },
    async stop() {
      for (const server of servers) server.close();
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

type Way = ListenOptions | { readonly fd: number };

/** A server, or one for each socket that was given. */
async function serversFor(options: ListenerOptions, accepted: (client: Socket) => void): Promise<readonly Server[]> {
  const { address, port, transparent, descriptors } = options;
  const ways: readonly Way[] = descriptors
    ? descriptors.map((fd) => ({ fd }))
    : transparent
      ? [{ fd: openTransparentListener(endpointOf(address, port)) }]
      : [{ port, host: address, backlog: BACKLOG, ipv6Only: false }];
  return await Promise.all(ways.map((way) => listening(way, accepted)));
}

function listening(way: Way, accepted: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accepted);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve(server);
    });
    // For a descriptor, the backlog counts as an argument alone.
    if ('fd' in way) server.listen(way, BACKLOG);
    else server.listen(way);
  });
}
