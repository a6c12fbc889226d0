// One connection of a live probe, a program of its own inside the namespace: prints what became of it as JSON.
import { createServer, type Server, type Socket } from 'node:net';
import { dialledBy, type Probe, type ProbeResult } from './probe.ts';
import { formatEndpoint, sameEndpoint } from './socket/address.ts';
import { connectFrom } from './socket/connect.ts';
import { descriptorOf } from './socket/descriptor.ts';
import { SystemCallFailed } from './socket/calls.ts';
import { originalDestination } from './socket/original-destination.ts';
import { readSocketTable } from './socket/table.ts';

type Told = Pick<ProbeResult, 'ok' | 'reached' | 'original' | 'because'>;

const probe = JSON.parse(process.argv[2] ?? '') as Probe;
const told = await Promise.race([attempt(), after(probe.timeout)]);
process.stdout.write(JSON.stringify(told), () => process.exit(0));

async function attempt(): Promise<Told> {
  try {
    const server = await listen();
    return await (server === 'taken' ? throughProxy() : throughServer(server));
  } catch (error) {
    return { ok: false, because: (error as Error).message };
  }
}

function after(timeout: number): Promise<Told> {
  return new Promise((resolve) => {
    setTimeout(() => resolve({ ok: false, because: `no answer within ${timeout / 1000} s` }), timeout).unref();
  });
}

/** Listens where the proxy would, or finds that it does already. */
function listen(): Promise<Server | 'taken'> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve('taken') : reject(error),
    );
    // In OUTPUT, REDIRECT leads to the loopback's own address.
    server.listen(probe.proxyPort, probe.family === 'ipv4' ? '127.0.0.1' : '::1', () => resolve(server));
  });
}

function dial(): Socket {
  const { uid, gid, mark } = probe;
  const owner = uid === undefined && gid === undefined ? undefined : { uid, gid };
  try {
    return connectFrom({ to: dialledBy(probe), mark, owner });
  } catch (error) {
    if (!(error instanceof SystemCallFailed)) throw error;
    const who = mark ? `with mark ${mark}` : `as uid ${uid}`;
    throw new Error(`it may not make a connection ${who}: ${error.message} (root may)`);
  }
}

/** The proxy is not there: the connection comes to this process, which can ask for its original destination. */
async function throughServer(server: Server): Promise<Told> {
  const accepted = new Promise<Told>((resolve) => {
    server.once('connection', (socket) => {
      const fd = descriptorOf(socket);
      const original = fd === undefined ? undefined : originalDestination(fd, probe.family);
      const reached = { family: probe.family, address: socket.localAddress ?? '', port: probe.proxyPort };
      const ok = original !== undefined && sameEndpoint(original, dialledBy(probe));
      const because = original
        ? `its original destination is ${formatEndpoint(original)}`
        : 'it has no original destination';
      resolve({ ok, reached, ...(original ? { original } : {}), ...(ok ? {} : { because }) });
      socket.destroy();
    });
  });
  const socket = dial();
  const failed = new Promise<Told>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, because: reasonOf(error) }));
    // Connected, yet not to here: somebody else took it.
    socket.on('connect', () =>
      setTimeout(() => resolve({ ok: false, because: 'another socket took it' }), 500).unref(),
    );
  });
  return Promise.race([accepted, failed]);
}

/** The proxy takes the connection: only the socket table can tell where it ended. */
function throughProxy(): Promise<Told> {
  const socket = dial();
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ ok: false, because: reasonOf(error) }));
    socket.on('connect', () => {
      const peer = readSocketTable().find(({ remote }) => remote.port === socket.localPort && remote.port !== 0);
      const reached = peer?.local;
      socket.destroy();
      if (!reached) {
        // Nobody listens on the dialled port, so whoever answered is whom the rules sent it to; it was only too quick.
        resolve({ ok: true, because: 'it was answered, and over before its socket could be looked up' });
      } else if (reached.port === probe.proxyPort) {
        resolve({ ok: true, reached, because: 'the proxy took it, so its original destination was not looked at' });
      } else resolve({ ok: false, reached, because: `it reached ${formatEndpoint(reached)}` });
    });
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'it was refused: no rule sent it to the proxy';
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
      return 'there is no route to it';
    default:
      return message;
  }
}
