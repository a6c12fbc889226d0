import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { closeDescriptor, openListeners } from '../../src/linux/socket/index.ts';
import {
  type Engine,
  type EngineName,
  epollEngine,
  netEngine,
  type ProxyConfig,
  type RunningProxy,
  startProxy,
} from '../../src/proxy/index.ts';
import { kernelSockets } from '../../src/proxy/net-sockets.ts';

/** The engines that every contract test runs against. */
export const ENGINES: readonly EngineName[] = ['net', 'epoll'];

/** The fields of an access log line that the tests look at. */
export interface Line {
  readonly response_flags: string;
  readonly bytes_received: number;
  readonly bytes_sent: number;
  readonly connection_termination_details: string | null;
  readonly upstream_transport_failure_reason: string | null;
  readonly upstream_cluster: string | null;
  readonly protocol: string | null;
  readonly requested_server_name: string | null;
  readonly requested_application_protocols: readonly string[] | null;
  readonly upstream_host: string | null;
  readonly downstream_local_address: string | null;
  readonly downstream_remote_address: string | null;
}

/** A proxy on loopback. No rule redirects anything here, so what SO_ORIGINAL_DST would say is said by the test. */
export interface Loopback {
  readonly proxy: RunningProxy;
  /** Connects through the proxy to what was named. */
  dial(): Socket;
  /** The access log's next line. */
  line(): Promise<Line>;
  close(): Promise<void>;
}

/** `target` says, for the proxy's own port, where connections to it are meant to go. */
export async function openLoopback(
  engine: EngineName,
  target: (port: number) => Target | undefined,
  config: ProxyConfig = {},
  pipes?: number,
): Promise<Loopback> {
  const log = new PassThrough({ encoding: 'utf8' });
  const lines: Line[] = [];
  const waiting: ((line: Line) => void)[] = [];
  let rest = '';
  log.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      const taker = waiting.shift();
      if (taker) taker(line);
      else lines.push(line);
    }
  });
  const proxy = await startProxy(
    {
      address: '127.0.0.1',
      outboundPort: 0,
      inboundPort: 0,
      readinessPort: 'none',
      metricsPort: 'none',
      adminPort: 'none',
      accessLog: log,
      drain: { notice: 0, timeout: 100 },
      ...config,
    },
    engineTo(engine, target, pipes),
  );
  const clients: Socket[] = [];
  return {
    proxy,
    dial() {
      // Not from the address that the proxy leaves from: the kernel gives a port twice, where the ends differ. Here they would not,
      // because nothing redirects, and the connection would be taken for the proxy's own.
      const from = { localAddress: '127.0.0.2' };
      const client = connect({ port: proxy.outboundPort, host: '127.0.0.1', allowHalfOpen: true, ...from });
      client.on('error', () => {});
      clients.push(client);
      return client;
    },
    line: () => {
      const line = lines.shift();
      return line ? Promise.resolve(line) : new Promise((resolve) => waiting.push(resolve));
    },
    async close() {
      for (const client of clients) client.destroy();
      await proxy.close();
    },
  };
}

interface Target {
  readonly address: string;
  readonly port: number;
}

function engineTo(engine: EngineName, target: (port: number) => Target | undefined, pipes?: number): Engine {
  const original = (port: number) => {
    const to = target(port);
    return to && { family: 'ipv4' as const, address: to.address, port: to.port };
  };
  if (engine === 'epoll') return epollEngine({ workers: 2, pipes, original: (port) => original(port) ?? 'none' });
  return netEngine({
    ...kernelSockets,
    originalDestination: (socket) => original(socket.localPort!),
  });
}

/** A port at which the kernel answers nobody, because its queue is full. */
export interface BusyPort extends Target {
  /** From now on connections are accepted, also those that are being tried: their SYNs come again after a second. */
  answer(each: (socket: Socket) => void): Server;
  close(): void;
}

export async function busyPort(): Promise<BusyPort> {
  const { descriptors, port } = openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, 1, 0, () => {});
  const [fd] = descriptors as [number];
  const first = connect(port, '127.0.0.1').on('error', () => {});
  await once(first, 'connect');
  let close = () => closeDescriptor(fd);
  return {
    address: '127.0.0.1',
    port,
    answer(each) {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        if (socket.remotePort === first.localPort) socket.destroy();
        else each(socket);
      });
      close = () => server.close();
      return server.listen({ fd });
    },
    close() {
      first.destroy();
      close();
    },
  };
}

/** A server on loopback that treats every connection as told. */
export async function serve(
  each: (socket: Socket) => void,
): Promise<{ server: Server; address: string; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    each(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, address: '127.0.0.1', port: (server.address() as { port: number }).port };
}

/** All that a socket receives until the peer's FIN; rejects on a RST. The socket stays open for its own half. */
export function received(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('end', () => resolve(Buffer.concat(pieces).toString()));
    socket.on('error', reject);
  });
}

/**
 * How a connection ends: with a FIN, or with the error that a RST gives. libuv reports an end where bytes and a RST wait
 * together, so that the socket itself is asked.
 */
export function ending(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => resolve(kernelSockets.takeReset(socket) ?? 'FIN'));
    socket.on('close', () => resolve('closed'));
    socket.resume();
  });
}
