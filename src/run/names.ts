import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer, isIP, type Socket } from 'node:net';
import type { Family } from '../address/index.ts';
import { addressesIn, answerTo, failureTo, questionOf } from './dns-message.ts';

/** The name service of a pod. */
export interface Names {
  /** The name by which an address was last found, if any. */
  nameOf(address: string): string | undefined;
  close(): void;
}

/** What became of a question. */
export interface Answered {
  readonly name: string;
  readonly addresses: readonly string[];
}

export interface NamesOptions {
  /** Sockets in the pod that questions come to. */
  readonly udp: readonly { readonly fd: number; readonly family: Family }[];
  readonly tcp: readonly number[];
  /** Who is asked, in place of this host's own servers. */
  readonly servers?: readonly NameServer[];
  /** Names that are not asked for: each with its address. */
  readonly own: Readonly<Record<string, string>>;
  /** Told of each answer that has addresses. */
  readonly answered?: (answer: Answered) => void;
}

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

/** How long a server has for an answer; then the next one is asked. Milliseconds. */
const PATIENCE = 2000;
/** Questions under way at a time; who asks more is not heard, and asks again. */
const MOST = 512;
/** Names kept. */
const KEPT = 4096;
const DNS = 53;

type Carrier = (query: Buffer, server: string, port: number) => Promise<Buffer>;

/**
 * Passes questions for names on to this host's own servers, and remembers the answers' addresses. Servers are looked up for each
 * question, since they change with the network that a host is in; one after the other is asked, as resolv.conf(5) has it.
 */
export function openNames({ udp, tcp, own, servers, answered }: NamesOptions): Names {
  const known = new Map<string, string>();
  let asking = 0;

  const remember = (name: string, answer: Buffer): void => {
    const addresses = addressesIn(answer);
    for (const address of addresses) {
      known.delete(address);
      known.set(address, name);
    }
    for (const oldest of known.keys()) {
      if (known.size <= KEPT) break;
      known.delete(oldest);
    }
    if (addresses.length > 0) answered?.({ name, addresses });
  };

  const answerFor = async (query: Buffer, carry: Carrier): Promise<Buffer | undefined> => {
    const question = questionOf(query);
    if (!question || asking >= MOST) return undefined;
    const ours = own[question.name];
    if (ours !== undefined) {
      const answer = answerTo(query, question, ours);
      remember(question.name, answer);
      return answer;
    }
    asking += 1;
    try {
      for (const { address, port } of servers ?? serversHere()) {
        const answer = await carry(query, address, port).catch(() => undefined);
        if (!answer) continue;
        remember(question.name, answer);
        return answer;
      }
      return failureTo(query, question);
    } finally {
      asking -= 1;
    }
  };

  const sockets = udp.map((socket) => overUdp(socket, (query) => answerFor(query, byUdp)));
  const listeners = tcp.map((fd) => overTcp(fd, (query) => answerFor(query, byTcp)));
  return {
    nameOf: (address) => known.get(address),
    close() {
      for (const open of [...sockets, ...listeners]) open.close();
    },
  };
}

/** This host's name servers; its own loopback where none is named. Source: resolv.conf(5). */
function serversHere(): readonly NameServer[] {
  let text = '';
  try {
    text = readFileSync('/etc/resolv.conf', 'utf8');
  } catch {
    // Without the file the C library asks the loopback too.
  }
  const named = [...text.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, address = '']) => address);
  const addresses = named.filter((address) => isIP(address.replace(/%.*/, '')) > 0);
  return (addresses.length > 0 ? addresses : ['127.0.0.1']).map((address) => ({ address, port: DNS }));
}

function overUdp(
  { fd, family }: NamesOptions['udp'][number],
  answerFor: (query: Buffer) => Promise<Buffer | undefined>,
): { close(): void } {
  const socket: Datagrams = createSocket(family === 'ipv4' ? 'udp4' : 'udp6');
  socket.on('error', () => {});
  socket.on('message', (query, { port, address }) => {
    void answerFor(query).then((answer) => {
      if (answer) socket.send(answer, port, address, () => {});
    });
  });
  socket.bind({ fd });
  socket.unref();
  return { close: () => socket.close() };
}

/** Messages each with its length before it; several may be under way on one connection. Source: RFC 1035, section 4.2.2. */
function overTcp(fd: number, answerFor: (query: Buffer) => Promise<Buffer | undefined>): { close(): void } {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client);
    client.on('close', () => open.delete(client));
    client.on('error', () => {});
    client.setTimeout(30_000, () => client.destroy());
    eachMessage(client, (query) => {
      void answerFor(query).then((answer) => {
        if (answer && client.writable) client.write(framed(answer));
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
const byUdp: Carrier = (query, server, port) =>
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

const byTcp: Carrier = (query, server, port) =>
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
