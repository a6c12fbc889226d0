import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** The one question that the kubelet asks a sidecar. */
export interface Readiness {
  readonly port: number;
  /** From now on the answer is 503: nobody new shall be sent here. */
  fail(): void;
  close(): Promise<void>;
}

/** Where the kubelet looks, as in Istio. */
export const READINESS_PATH = '/healthz/ready';

/** How many may ask at a time: whoever holds connections open here must not take the proxy's descriptors. */
const ASKING = 16;

/** Answers `GET /healthz/ready` with 200, or with 503 once `fail` was called. Throws Node's error as it comes. */
export async function openReadiness(address: string, port: number): Promise<Readiness> {
  const { createServer } = await import('node:http');
  let ready = true;
  const server: Server = createServer((request, response) => {
    const path = request.url?.replace(/\?.*$/, '');
    const asked = path === READINESS_PATH && (request.method === 'GET' || request.method === 'HEAD');
    const [status, text] = !asked ? [404, `only GET ${READINESS_PATH}`] : ready ? [200, 'ready'] : [503, 'draining'];
    // A kept connection would hold up the shutdown.
    response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${text}\n`);
  });
  keepFew(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: address }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => {});
  return {
    port: (server.address() as { port: number }).port,
    fail() {
      ready = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The oldest makes room for the newest, so that the kubelet still gets its answer among those who never ask. */
function keepFew(server: Server): void {
  const asking = new Set<Socket>();
  server.on('connection', (socket) => {
    asking.add(socket);
    socket.on('close', () => asking.delete(socket));
    const [oldest] = asking;
    if (asking.size > ASKING) oldest?.destroy();
  });
}
