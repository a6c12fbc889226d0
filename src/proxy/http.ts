import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { descriptorOf } from '../linux/socket/index.ts';

/** What a port of the proxy's own answers. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  /** Default `text/plain`. */
  readonly type?: string;
}

/** What was asked, as far as anybody here looks. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** A page in a browser asks, or somebody under another name than this host's own: maybe for a page that its user never meant to let in. */
  readonly fromPage: boolean;
}

export interface OpenHttp {
  readonly port: number;
  /** The listening socket, until it is stopped: for whoever takes this proxy's place. */
  readonly descriptor: number | undefined;
  /** Takes no more connections; whoever has asked gets an answer. */
  stop(): void;
  close(): Promise<void>;
}

/** How many may ask at a time: whoever holds connections open here must not take the proxy's descriptors. */
const ASKING = 16;

/**
 * A port on which others ask the proxy how it is. HEAD is GET without the text. `given` is a listening socket that is open already. Throws Node's error as it comes.
 *
 * @example await openHttp('127.0.0.1', 15021, ({ path }) => ({ status: path === '/' ? 200 : 404, text: 'here' }))
 */
export async function openHttp(
  address: string,
  port: number,
  answer: (asked: Asked) => Answer | Promise<Answer>,
  given?: number,
): Promise<OpenHttp> {
  const { createServer } = await import('node:http');
  const server = createServer((request, response) => {
    void tried(() => answer(askedBy(request))).then(({ status, text, type = 'text/plain' }) => {
      // A kept connection would hold up the shutdown.
      response.writeHead(status, { 'content-type': type, connection: 'close' }).end(text);
    });
  });
  keepFew(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(given === undefined ? { port, host: address } : { fd: given }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => {});
  return {
    port: (server.address() as { port: number }).port,
    get descriptor() {
      return descriptorOf(server);
    },
    stop: () => void server.close(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function askedBy({ method = 'GET', url = '/', headers }: IncomingMessage): Asked {
  const [path = '/', query = ''] = url.split('?', 2);
  const fromPage = headers.origin !== undefined || !LOOPBACKS.test(headers.host ?? '');
  return { method: method === 'HEAD' ? 'GET' : method, path, query: new URLSearchParams(query), fromPage };
}

const LOOPBACKS = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;

async function tried(answer: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (error) {
    return { status: 500, text: `${(error as Error).message}\n` };
  }
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
