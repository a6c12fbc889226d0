import { getSystemErrorName } from 'node:util';
import { EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, EPOLLIN } from '../../linux/epoll/index.ts';
import type { Endpoint } from '../../linux/socket/index.ts';
import type { ConnectionRecord, ListenerOptions } from '../engine.ts';
import type { Arrival } from '../policy.ts';
import { Connection, type Lodging } from './connection.ts';
import type { Source } from './loop.ts';
import { COUNTS } from './messages.ts';
import type { Reserve } from './reserve.ts';
import type { Timed } from './timer-wheel.ts';
import type { Tools } from './tools.ts';

/** So many connections are accepted until others have their turn. */
const BATCH = 64;
/** How long nothing is accepted when the kernel has no memory for it, in milliseconds. */
const PAUSE = 50;

/** A Worker's own listening socket, and the connections that came by it. */
export class Listener implements Source, Lodging, Timed {
  readonly id: number;
  readonly #fd: number;
  readonly #options: ListenerOptions;
  readonly #tools: Tools;
  readonly #counts: Int32Array;
  readonly #reserve: Reserve;
  readonly #connections = new Set<Connection>();
  #tag = -1;
  // The wheel's.
  deadline = 0;
  slot = -1;
  before: Timed | undefined;
  after: Timed | undefined;

  constructor(id: number, fd: number, options: ListenerOptions, tools: Tools, counts: Int32Array, reserve: Reserve) {
    this.id = id;
    this.#fd = fd;
    this.#options = options;
    this.#tools = tools;
    this.#counts = counts;
    this.#reserve = reserve;
    this.#tag = tools.loop.add(fd, EPOLLIN, this);
  }

  event(): void {
    this.#acceptSome(BATCH);
  }

  /** Accepts what waits, and then no more. */
  stop(): void {
    if (this.#tag < 0) return;
    this.#acceptSome(Number.POSITIVE_INFINITY);
    this.#tools.loop.neverExpire(this);
    this.#tools.loop.forget(this.#tag);
    this.#tools.streams.close(this.#fd);
    this.#tag = -1;
  }

  resetAll(reason: string): void {
    for (const connection of this.#connections) connection.reset('LR', reason);
  }

  /** The connections that are open, as their records would be now. */
  list(): ConnectionRecord[] {
    return [...this.#connections].map((connection) => connection.record());
  }

  over(connection: Connection): void {
    Atomics.sub(this.#counts, COUNTS.words * this.id + COUNTS.open, 1);
    this.#connections.delete(connection);
  }

  /** The pause is over. */
  expired(): void {
    this.#tools.loop.change(this.#fd, EPOLLIN, this.#tag);
  }

  #acceptSome(most: number): void {
    const { streams } = this.#tools;
    for (let count = 0; count < most; count += 1) {
      const fd = streams.accept(this.#fd);
      if (fd >= 0) this.#accepted(fd);
      else if (fd === -EAGAIN) return;
      else if (fd === -EMFILE || fd === -ENFILE) {
        if (!this.#refuseOne(getSystemErrorName(fd))) return;
      } else if (fd !== -ECONNABORTED && fd !== -EINTR) {
        this.#pause(getSystemErrorName(fd));
        return;
      }
    }
  }

  #accepted(fd: number): void {
    const peer = this.#tools.streams.peer();
    const { port, maxConnections } = this.#options;
    const connection = new Connection(fd, peer, this, this.#tools);
    const full = this.#admit(connection) > maxConnections;
    this.#start(connection, () => {
      const arrival = this.#arrival(fd, peer);
      if (!full) connection.start(arrival);
      else connection.turnAway(arrival, `the limit of ${maxConnections} connections on port ${port} is reached`);
    });
  }

  /** An error of ours costs this connection, and no other. */
  #start(connection: Connection, start: () => void): void {
    try {
      start();
    } catch (error) {
      connection.reset('LR', `an error of the proxy's own: ${(error as Error).message}`);
      this.#tools.trouble(this.id, `a connection was reset by an error of the proxy's own: ${(error as Error).stack}`);
    }
  }

  /** Counts a connection; how many are open now, at all Workers. */
  #admit(connection: Connection): number {
    this.#connections.add(connection);
    Atomics.add(this.#counts, COUNTS.words * this.id + COUNTS.accepted, 1);
    return Atomics.add(this.#counts, COUNTS.words * this.id + COUNTS.open, 1) + 1;
  }

  /** A connection that would wait for ever, since there is no descriptor for it, is accepted with the one in reserve, and reset. */
  #refuseOne(code: string): boolean {
    const fd = this.#reserve.use(() => this.#tools.streams.accept(this.#fd));
    if (fd < 0) {
      if (fd !== -EAGAIN) this.#pause(getSystemErrorName(fd));
      return false;
    }
    const peer = this.#tools.streams.peer();
    const connection = new Connection(fd, peer, this, this.#tools);
    this.#admit(connection);
    this.#start(connection, () => connection.turnAway(this.#arrival(fd, peer), `too many open files (${code})`));
    this.#reserve.refill();
    this.#tools.trouble(this.id, `too many open files (${code}): a connection was refused`);
    return true;
  }

  #pause(code: string): void {
    this.#tools.trouble(this.id, `connections cannot be accepted (${code}); tried again in ${PAUSE} ms`);
    this.#tools.loop.change(this.#fd, 0, this.#tag);
    this.#tools.loop.expire(this, PAUSE);
  }

  #arrival(fd: number, peer: Endpoint): Arrival {
    const { streams, original } = this.#tools;
    const { takes: listener, transparent, port, to } = this.#options;
    if (to) return { listener, peer, local: streams.local(fd), original: to, to };
    if (!transparent) {
      let local: Endpoint | undefined;
      return {
        listener,
        peer,
        original: original(fd, peer),
        // Asked for by few.
        get local() {
          local ??= streams.local(fd);
          return local;
        },
      };
    }
    const local = streams.local(fd);
    // TPROXY leaves the destination as it was, unless that is the port itself: a REDIRECT may have sent it here.
    return { listener, peer, local, original: local.port === port ? (original(fd, peer) ?? local) : local };
  }
}
