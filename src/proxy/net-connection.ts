import type { Socket } from 'node:net';
import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';
import { BEFORE_RESET, type Ended, ORDINARY } from './ending.ts';
import type { ConnectionRecord, Flag, Hearer, ListenerOptions } from './engine.ts';
import { failureOf, GONE_BEFORE, goneBecause, isScarcity, scarcityAt } from './failure.ts';
import { FirstBytes } from './first-bytes.ts';
import { keepAliveSeconds } from './keep-alive.ts';
import { pump, whenWritten } from './net-pump.ts';
import { type KernelSockets, localEnd, remoteEnd } from './net-sockets.ts';
import type { Opened } from './opened.ts';
import { nextLeg, socketFor, wouldLoop } from './pod.ts';
import { type Arrival, type Decision, decide, type Forward, type Host, turnAway } from './policy.ts';

/** What a connection has to do with, beside its two sockets. */
export interface Outside {
  readonly kernel: KernelSockets;
  readonly settings: Settings;
  readonly host: Host;
  readonly opened: Opened;
  readonly tell: Hearer;
  /** The connection is over, and its record was given. */
  over(): void;
}

/**
 * One accepted connection and the one that is opened for it, until both are closed. The client's bytes stay in the kernel
 * until the upstream is connected, so that none are lost and none are read for nothing.
 */
export class Connection {
  readonly #client: Socket;
  readonly #kernel: KernelSockets;
  readonly #settings: Settings;
  readonly #outside: Outside;
  readonly #start = Date.now();
  readonly #peer: Endpoint | undefined;
  #destination: Endpoint | undefined;
  #decision: Decision | undefined;
  #upstream: Socket | undefined;
  #upstreamLocal: Endpoint | undefined;
  #connecting: NodeJS.Timeout | undefined;
  readonly #first = new FirstBytes();
  #joined = false;
  #lastMoved = this.#start;
  #received = 0;
  #sent = 0;
  /** Set by whatever ends the connection first; what follows from it does not change it. */
  #ended: Ended | undefined;
  #open = 1;

  constructor(client: Socket, outside: Outside) {
    this.#client = client;
    this.#kernel = outside.kernel;
    this.#settings = outside.settings;
    this.#outside = outside;
    this.#peer = remoteEnd(client);
    client.on('error', (error) => this.#failed(client, error));
    client.on('close', () => this.#closed());
  }

  /**
   * Finds out where the connection was going, and carries out what the policy says. `full`: why there is no room for it, in words;
   * then it is refused.
   */
  start(
    { takes, to }: Pick<ListenerOptions, 'takes' | 'to'>,
    original: (peer: Endpoint, local: Endpoint) => Endpoint | undefined,
    full: string | undefined,
  ): void {
    const local = localEnd(this.#client);
    if (!this.#peer || !local) {
      this.#destination = local;
      this.#abort({ ...ORDINARY, flag: 'DC', details: GONE_BEFORE });
      return;
    }
    const arrival: Arrival = {
      ...{ listener: takes, peer: this.#peer, local, to },
      original: original(this.#peer, local),
    };
    this.#destination = arrival.original ?? local;
    const { host } = this.#outside;
    this.#decision = full === undefined ? decide(arrival, this.#settings, host) : turnAway(arrival, host, full);
    if (full !== undefined) this.#abort({ ...ORDINARY, flag: 'UO', details: full });
    else if (!arrival.original && !to && this.#kernel.takeReset(this.#client) !== undefined)
      this.#abort({ ...ORDINARY, flag: 'DC', details: GONE_BEFORE });
    else if (this.#decision.kind === 'refuse') this.#abort({ ...ORDINARY, flag: 'NR', details: this.#decision.reason });
    else this.#connect(this.#decision);
  }

  /** What is known of the connection now; when it is over, what became of it. */
  record(): ConnectionRecord {
    const decision = this.#decision?.kind === 'forward' ? this.#decision : undefined;
    return {
      start: this.#start,
      duration: Date.now() - this.#start,
      direction: this.#decision?.direction,
      peer: this.#peer,
      destination: this.#destination,
      upstream: decision?.upstream,
      upstreamLocal: this.#joined ? this.#upstreamLocal : undefined,
      cluster: decision?.cluster,
      spoken: this.#first.spoken,
      received: this.#received,
      sent: this.#sent,
      ...(this.#ended ?? ORDINARY),
    };
  }

  /** Resets both sides. */
  reset(flag: Flag, details: string): void {
    this.#abort({ ...ORDINARY, flag, details });
  }

  /** Once a second: looks for what no event tells. */
  tick(now: number): void {
    const { idleTimeout } = this.#settings;
    // A side that is not read, because the other one is stalled, not there yet, or has all there is, does not tell of a RST.
    for (const side of [this.#client, this.#upstream]) {
      if (side && !side.destroyed && !side.connecting && isUnread(side) && this.#wasReset(side)) return;
    }
    if (this.#joined && idleTimeout > 0 && now - this.#lastMoved >= idleTimeout) this.#idle();
  }

  #connect(decision: Forward): void {
    const { upstream: to, from, foreign, mark } = decision;
    let upstream: Socket;
    try {
      upstream = this.#kernel.connect({ to, from, foreign, mark, socket: socketFor(decision, this.#settings) });
    } catch (error) {
      if (!this.#goOn((error as { code?: string }).code)) this.#unreachable(error as Error);
      return;
    }
    this.#upstream = upstream;
    this.#open += 1;
    upstream.on('error', (error) => this.#failed(upstream, error));
    upstream.on('close', () => this.#closed());
    upstream.on('connect', () => this.#join(upstream));
    // Node connects in the next tick, and then the end is known: before a listener of our own can have accepted it.
    process.nextTick(() => {
      this.#upstreamLocal = localEnd(upstream);
      if (this.#upstreamLocal && wouldLoop(decision))
        this.#outside.opened.add(this.#upstreamLocal, to, decision.direction);
    });
    const { connectTimeout } = this.#settings;
    this.#connecting = setTimeout(() => {
      this.#unreachable(new Error(`no answer within ${connectTimeout} ms`));
    }, connectTimeout);
  }

  /** Goes the next way, where there is one; false where there is none. */
  #goOn(code: string | undefined): boolean {
    if (this.#ended || this.#decision?.kind !== 'forward') return false;
    const next = nextLeg(this.#decision, code);
    if (!next) return false;
    clearTimeout(this.#connecting);
    if (this.#upstreamLocal) this.#outside.opened.remove(this.#upstreamLocal, this.#decision.upstream);
    this.#decision = next;
    this.#connect(next);
    return true;
  }

  #join(upstream: Socket): void {
    clearTimeout(this.#connecting);
    this.#joined = true;
    this.#lastMoved = Date.now();
    const silence = keepAliveSeconds(this.#settings.keepAlive) * 1000;
    if (silence > 0) for (const side of [this.#client, upstream]) side.setKeepAlive(true, silence);
    const received = (piece: Buffer) => {
      this.#received += piece.length;
      this.#first.passed(piece);
      this.#lastMoved = Date.now();
    };
    const sent = (piece: Buffer) => {
      this.#sent += piece.length;
      this.#lastMoved = Date.now();
    };
    pump(this.#client, upstream, received, () => !this.#wasReset(this.#client));
    pump(upstream, this.#client, sent, () => !this.#wasReset(upstream));
  }

  #wasReset(side: Socket): boolean {
    const code = this.#kernel.takeReset(side);
    if (code !== undefined) this.#failed(side, Object.assign(new Error(code), { code }));
    return code !== undefined;
  }

  #failed(side: Socket, error: Error): void {
    if (side !== this.#client && !this.#joined) {
      if (!this.#goOn((error as NodeJS.ErrnoException).code)) this.#unreachable(error);
      return;
    }
    const [flag, who, other]: [Flag, 'client' | 'upstream', Socket | undefined] =
      side === this.#client ? ['DC', 'client', this.#upstream] : ['UC', 'upstream', this.#client];
    const { code } = error as NodeJS.ErrnoException;
    this.#end({ ...ORDINARY, flag, details: goneBecause(who, code, error.message) });
    side.destroy();
    other?.pause();
    if (other && this.#joined) whenWritten(other, BEFORE_RESET, () => this.#kernel.reset(other));
    else if (other) this.#kernel.reset(other);
  }

  #unreachable(error: Error): void {
    const { code, syscall } = error as NodeJS.ErrnoException;
    const to = this.#decision?.kind === 'forward' ? this.#decision.upstream : undefined;
    // Node's own words run an address of IPv6 and its port together.
    const said = syscall && to ? `${syscall} ${code} ${formatEndpoint(to)}` : error.message;
    if (isScarcity(code)) this.#outside.tell.trouble(scarcityAt(said));
    this.#abort({ flag: 'UF,URX', details: undefined, failure: failureOf(said, code) });
  }

  /** An end that truncates nothing is a FIN; where bytes wait that will not be sent, a RST says so. */
  #idle(): void {
    this.#end({ ...ORDINARY, flag: 'SI', details: `no byte either way for ${this.#settings.idleTimeout} ms` });
    for (const side of [this.#client, this.#upstream]) {
      if (side && side.writableLength > 0) this.#kernel.reset(side);
      else side?.destroy();
    }
  }

  #abort(ended: Ended): void {
    this.#end(ended);
    if (this.#upstream) this.#kernel.reset(this.#upstream);
    this.#kernel.reset(this.#client);
  }

  #end(ended: Ended): void {
    this.#ended ??= ended;
  }

  #closed(): void {
    this.#open -= 1;
    if (this.#open > 0) return;
    clearTimeout(this.#connecting);
    const decision = this.#decision?.kind === 'forward' ? this.#decision : undefined;
    if (decision && this.#upstreamLocal) this.#outside.opened.remove(this.#upstreamLocal, decision.upstream);
    this.#outside.tell.ended(this.record());
    this.#outside.over();
  }
}

const isUnread = (socket: Socket): boolean => socket.isPaused() || socket.readableEnded;
