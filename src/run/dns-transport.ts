import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { connect, createServer, isIP, type Socket } from 'node:net';
import type { Family } from '../address/index.ts';

/** What answers a message; undefined for silence. */
export type Answering = (query: Buffer) => Promise<Buffer | undefined>;

/** Carries a message to a server, and its answer back. Rejects where none comes. */
export type Carrier = (query: Buffer, server: string, port: number) => Promise<Buffer>;

/** A socket that questions come to. */
export interface NameSocket {
  readonly fd: number;
  readonly family: Family;
}

/** How long a server has for an answer, in milliseconds. */
const PATIENCE = 2000;

/** Answers what comes to a socket. It keeps no process alive. */
export function overUdp({ fd, family }: NameSocket, answerFor: Answering): { close(): void } {
  const socket: Datagrams = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
  let closed = false;
  socket.on('error', () => {});
  socket.on('message', (query, { port, address }) => {
    answerFor(query).then(
      // An answer may come when nobody is left who asked.
      (answer) => answer && !closed && socket.send(answer, port, address, () => {}),
      () => {},
    );
  });
  socket.bind({ fd });
  socket.unref();
  return {
    close() {
      closed = true;
      socket.close();
    },
  };
}

/** The same on a listening socket. Each message has its length before it, and several may be under way. Source: RFC 1035, section 4.2.2. */
export function overTcp(fd: number, answerFor: Answering): { close(): void } {
  const open = new Set<Socket>();
  // Who has asked all it wants may shut down its sending side, and still waits for the answers.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    let asking = 0;
    const endWhenAnswered = (): void => {
      if (asking === 0 && client.readableEnded) client.end();
    };
    open.add(client);
    client.on('end', endWhenAnswered);
    client.on('close', () => open.delete(client));
    client.on('error', () => {});
    client.setTimeout(30_000, () => client.destroy());
    eachMessage(client, (query) => {
      asking += 1;
      answerFor(query)
        .then(
          (answer) => answer && client.writable && client.write(framed(answer)),
          () => {},
        )
        .finally(() => {
          asking -= 1;
          endWhenAnswered();
        });
    });
  });
  server.on('error', () => {});
  server.listen({ fd });
  server.unref();
  return {
    close() {
      server.close();
      for (const client of open) client.destroy();
    },
  };
}

const framed = (message: Buffer): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
};

function eachMessage(socket: Socket, take: (message: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    rest = Buffer.concat([rest, piece]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
      const end = 2 + rest.readUInt16BE();
      take(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  });
}

/** A socket of its own for each question: a port nobody can foresee, and who else sends to it is not heard. */
export const byUdp: Carrier = (query, server, port) =>
  new Promise((resolve, reject) => {
    const socket = createSocket(isIP(server.replace(/%.*/, '')) === 6 ? 'udp6' : 'udp4');
    const timer = setTimeout(() => socket.emit('error', new Error('no answer')), PATIENCE);
    socket.once('close', () => clearTimeout(timer));
    socket.once('error', (error) => {
      socket.on('error', () => {});
      socket.close();
      reject(error);
    });
    socket.on('message', (answer) => {
      if (answer.length < 2 || answer.readUInt16BE() !== query.readUInt16BE()) return;
      socket.removeAllListeners('message');
      socket.close();
      resolve(answer);
    });
    // Refused where nobody listens: that is told by the next call on the socket, or as an error.
    socket.connect(port, server, (error?: Error) => {
      if (error) socket.emit('error', error);
      else socket.send(query);
    });
  });

export const byTcp: Carrier = (query, server, port) =>
  new Promise((resolve, reject) => {
    const socket = connect(port, server);
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('no answer')));
    socket.on('connect', () => socket.write(framed(query)));
    eachMessage(socket, (answer) => {
      resolve(answer);
      socket.destroy();
    });
  });
