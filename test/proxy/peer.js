// Somebody at one end of a connection, in a namespace of its own: the kernel tests start it there and tell it what to do.
// One JSON command per line on standard input, one JSON answer per line on standard output.
import { createHash } from 'node:crypto';
import { get, createServer as httpServer } from 'node:http';
import { connect as connectHttp2, createServer as http2Server } from 'node:http2';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as connectTls, createServer as tlsServer } from 'node:tls';

const PIECE = Buffer.alloc(1 << 16, 'sidestep ');
const held = [];
let heard = '';
let stalled;
let pressing;

const plain = (address) => address?.replace(/^::ffff:/, '');
const ignore = (socket) => socket.on('error', () => {});

/** All bytes until the FIN. */
const collect = (socket) =>
  new Promise((resolve, reject) => {
    const pieces = [];
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('end', () => resolve(Buffer.concat(pieces).toString()));
    socket.on('error', reject);
  });

/** Writes `bytes` bytes as fast as the other side takes them, then a FIN; resolves to their digest. */
const pour = (socket, bytes) =>
  new Promise((resolve) => {
    const hash = createHash('sha256');
    let left = bytes;
    const write = () => {
      while (left > 0) {
        const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
        left -= piece.length;
        hash.update(piece);
        if (!socket.write(piece)) {
          socket.once('drain', write);
          return;
        }
      }
      socket.end();
      resolve(hash.digest('hex'));
    };
    write();
  });

const digest = (socket) =>
  new Promise((resolve, reject) => {
    const hash = createHash('sha256');
    let bytes = 0;
    socket.on('data', (piece) => {
      bytes += piece.length;
      hash.update(piece);
    });
    socket.on('end', () => resolve({ bytes, digest: hash.digest('hex') }));
    socket.on('error', reject);
  });

/** What a server does with a connection. */
const manners = {
  /** Once the client has said all: who called, where to, and what was said. */
  async tell(socket) {
    const seen = { peer: plain(socket.remoteAddress), local: plain(socket.localAddress), port: socket.localPort };
    const said = await collect(socket);
    socket.end(JSON.stringify({ ...seen, said }));
  },
  async greet(socket) {
    socket.write('220 ready');
    heard = await collect(socket);
    socket.end(' bye');
  },
  async finFirst(socket) {
    socket.end('that is all');
    heard = await collect(socket);
  },
  async digest(socket) {
    socket.end(JSON.stringify(await digest(socket)));
  },
  async pour(socket) {
    socket.once('data', (bytes) => pour(socket, Number(bytes)));
  },
  async reset(socket) {
    socket.write('half an ans');
    setTimeout(() => socket.resetAndDestroy(), 50);
  },
  async hold(socket) {
    held.push(socket);
    socket.on('data', (piece) => {
      heard += piece;
    });
    socket.on('error', (error) => {
      heard += ` ${error.code}`;
    });
  },
  async stall(socket) {
    stalled = socket.pause();
  },
};

const dial = ({ host, port, from: localPort }, options = {}) =>
  ignore(connect({ host, port, allowHalfOpen: true, ...(localPort ? { localPort } : {}), ...options }));

/** How a connection ended and what came until then. */
const outcome = (socket) =>
  new Promise((resolve) => {
    let answer = '';
    let connected = false;
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', (piece) => {
      answer += piece;
    });
    socket.on('end', () => resolve({ answer, ending: 'FIN', connected }));
    socket.on('error', (error) => resolve({ answer, ending: error.code, connected }));
  });

/** TLS by a key that both know: no certificate is needed. */
const psk = Buffer.alloc(32, 'sidestep');
const byKey = { ciphers: 'PSK', maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined };

/** Servers of Node's own, and clients for them; each answers with what it was asked for. */
const languages = {
  http: {
    serve: () => httpServer((request, response) => response.end(request.url)),
    ask: ({ host, port }) =>
      new Promise((resolve, reject) => {
        get({ host, port, path: '/http', agent: false }, (response) => resolve(collect(response))).on('error', reject);
      }),
  },
  http2: {
    serve: () => http2Server((request, response) => response.end(request.url)),
    async ask({ host, port }) {
      const session = connectHttp2(`http://${host}:${port}`);
      const answer = await collect(session.request({ ':path': '/http2' }));
      session.close();
      return answer;
    },
  },
  tls: {
    serve: () =>
      tlsServer({ ...byKey, ALPNProtocols: ['h2'], pskCallback: () => psk }, (socket) => socket.end(socket.servername)),
    ask: (to) =>
      collect(
        connectTls({
          ...byKey,
          ...to,
          servername: 'api.example.org',
          ALPNProtocols: ['h2', 'http/1.1'],
          pskCallback: () => ({ psk, identity: 'sidestep' }),
        }),
      ),
  },
};

const commands = {
  serveLanguage: ({ port, as }) =>
    new Promise((resolve, reject) =>
      languages[as]
        .serve()
        .on('error', reject)
        .listen(port, () => resolve({})),
    ),
  askIn: async ({ to, language }) => ({ answer: await languages[language].ask(to) }),
  serve: ({ port, as, host = '::' }) =>
    new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        ignore(socket);
        manners[as](socket).catch(() => {});
      });
      server.on('error', reject);
      server.listen({ port, host, backlog: 1024 }, () => resolve({ port: server.address().port }));
    }),
  async ask({ to, say = '' }) {
    const socket = dial(to);
    socket.end(say);
    return await outcome(socket);
  },
  /** Connects and keeps the connection; answers when it ends. */
  async hang({ to, say }) {
    const socket = dial(to);
    if (say) socket.write(say);
    held.push(socket);
    return await outcome(socket);
  },
  async slowly({ to, pause = 50 }) {
    const socket = dial(to);
    const answer = collect(socket);
    socket.write('one ');
    setTimeout(() => socket.end('two'), pause);
    return { answer: await answer };
  },
  async abort({ to, say }) {
    const socket = dial(to);
    await new Promise((resolve) => socket.on('connect', resolve));
    socket.write(say, () => setTimeout(() => socket.resetAndDestroy(), 50));
    await new Promise((resolve) => socket.on('close', resolve));
    return {};
  },
  async up({ to, bytes }) {
    const socket = dial(to);
    const start = Date.now();
    const [sent, answer] = await Promise.all([pour(socket, bytes), collect(socket)]);
    return { sent, arrived: JSON.parse(answer), seconds: (Date.now() - start) / 1000 };
  },
  async down({ to, bytes }) {
    const socket = dial(to);
    const start = Date.now();
    socket.end(String(bytes));
    const arrived = await digest(socket);
    return { arrived, seconds: (Date.now() - start) / 1000 };
  },
  /** `count` connections, `together` at a time, each with its FIN at once; answers how many were served right. */
  async many({ to, count, together }) {
    let next = 0;
    const tally = {};
    const worker = async () => {
      while (next < count) {
        const say = String(next++);
        const { answer, ending } = await commands.ask({ to, say });
        const result = ending !== 'FIN' ? ending : JSON.parse(answer || '{}').said === say ? 'served' : 'wrong';
        tally[result] = (tally[result] ?? 0) + 1;
      }
    };
    await Promise.all(Array.from({ length: together }, worker));
    return tally;
  },
  /** Offers bytes to a reader that takes none; answers how many the way there took in `seconds`. */
  async press({ to, seconds }) {
    const socket = dial(to);
    pressing = socket;
    let written = 0;
    const write = () => {
      do written += PIECE.length;
      while (socket.write(PIECE));
    };
    socket.on('drain', write);
    socket.on('connect', write);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    socket.removeListener('drain', write);
    return { accepted: written - socket.writableLength, written };
  },
  endPressing() {
    pressing.resume().end('last words');
    return {};
  },
  /** The stalled reader reads again; answers how much there was until the FIN. */
  async release() {
    stalled.resume();
    const { bytes } = await digest(stalled);
    stalled.end();
    return { bytes };
  },
  heard: () => ({ heard }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, ...given } = JSON.parse(line);
  Promise.resolve()
    .then(() => commands[command](given))
    .then(
      (answer) => process.stdout.write(`${JSON.stringify({ id, answer })}\n`),
      (error) => process.stdout.write(`${JSON.stringify({ id, error: String(error?.stack ?? error) })}\n`),
    );
}
process.exit();
