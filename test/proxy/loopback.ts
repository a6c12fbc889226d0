import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import {
  type Engine,
  type KernelSockets,
  netEngine,
  type ProxyConfig,
  type RunningProxy,
  startProxy,
} from '../../src/proxy/index.ts';
import { kernelSockets } from '../../src/proxy/net-sockets.ts';

/** The fields of an access log line that the tests look at. */
export interface Line {
  readonly response_flags: string;
  readonly bytes_received: number;
  readonly bytes_sent: number;
  readonly connection_termination_details: string | null;
  readonly upstream_transport_failure_reason: string | null;
  readonly upstream_cluster: string | null;
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

export async function openLoopback(
  target: () => { address: string; port: number } | undefined,
  config: ProxyConfig = {},
  kernel: Partial<KernelSockets> = {},
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
      accessLog: log,
      drain: { notice: 0, timeout: 100 },
      ...config,
    },
    engineTo(target, kernel),
  );
  const clients: Socket[] = [];
  return {
    proxy,
    dial() {
      const client = connect({ port: proxy.outboundPort, host: '127.0.0.1', allowHalfOpen: true });
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

function engineTo(target: () => { address: string; port: number } | undefined, kernel: Partial<KernelSockets>): Engine {
  return netEngine({
    ...kernelSockets,
    originalDestination() {
      const to = target();
      return to && { family: to.address.includes(':') ? 'ipv6' : 'ipv4', ...to };
    },
    ...kernel,
  });
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
