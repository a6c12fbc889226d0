import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { STREAM_EVENTS } from '../../linux/epoll/index.ts';
import { type Endpoint, formatEndpoint, SystemCallFailed } from '../../linux/socket/index.ts';
import { BEFORE_RESET, type Ended, ORDINARY } from '../ending.ts';
import type { ConnectionRecord, Flag } from '../engine.ts';
import { failureOf, GONE_BEFORE, goneBecause, isScarcity, scarcityAt } from '../failure.ts';
import { FirstBytes } from '../first-bytes.ts';
import { keepAliveSeconds } from '../keep-alive.ts';
import { nextLeg, socketFor, wouldLoop } from '../pod.ts';
import { type Arrival, type Decision, decide, type Forward, turnAway } from '../policy.ts';
import { Flow, type FlowOwner } from './flow.ts';
import { type Owner, Side } from './side.ts';
import type { Timed } from './timer-wheel.ts';
import type { Tools } from './tools.ts';

/** What a connection tells its listener. */
export interface Lodging {
  /** The listener's number, as records are told by it. */
  readonly id: number;
  /** The connection is over; its record was given. */
  over(connection: Connection): void;
}

/**
 * One accepted connection and the one that is opened for it, until both are closed. The client's bytes stay in the kernel
 * until the upstream is connected, so that none are read for nothing.
 */
export class Connection implements Owner, FlowOwner, Timed {
  readonly #tools: Tools;
  readonly #lodging: Lodging;
  readonly #client: Side;
  readonly #peer: Endpoint;
  readonly #start = Date.now();
  readonly #begun: number;
  #lastMoved: number;
  #destination: Endpoint | undefined;
  #decision: Decision | undefined;
  #upstream: Side | undefined;
  #upstreamLocal: Endpoint | undefined;
  readonly #first = new FirstBytes();
  /** From the client, and to it; there once the upstream is connected. */
  #up: Flow | undefined;
  #down: Flow | undefined;
  /** Set by whatever ends the connection first; what follows from it does not change it. */
  #ended: Ended | undefined;
  #over = false;
  // The wheel's.
  deadline = 0;
  slot = -1;
  before: Timed | undefined;
  after: Timed | undefined;

  constructor(fd: number, peer: Endpoint, lodging: Lodging, tools: Tools) {
    this.#tools = tools;
    this.#lodging = lodging;
    this.#client = new Side(this, fd);
    this.#peer = peer;
    this.#begun = tools.loop.now;
    this.#lastMoved = tools.loop.now;
  }

  /** Refuses the connection, wherever it was going: there is no room for it. */
  turnAway(arrival: Arrival, details: string): void {
    this.#destination = arrival.original ?? this.#local();
    this.#decision = turnAway(arrival, this.#tools.host, details);
    this.reset('UO', details);
  }

  /** Finds out where the connection was going, and carries out what the policy says. */
  start(arrival: Arrival): void {
    this.#destination = arrival.original ?? arrival.local;
    this.#decision = decide(arrival, this.#tools.settings, this.#tools.host);
    if (!arrival.original && !arrival.to && this.#tools.streams.takeError(this.#client.fd) !== 0)
      this.reset('DC', GONE_BEFORE);
    else if (this.#decision.kind === 'refuse') this.reset('NR', this.#decision.reason);
    else if (this.#watch(this.#client)) this.#connect(this.#decision);
  }

  /** What is known of the connection now; when it is over, what became of it. */
  record(): ConnectionRecord {
    const decision = this.#decision?.kind === 'forward' ? this.#decision : undefined;
    return {
      start: this.#start,
      duration: Math.round(this.#tools.loop.now - this.#begun),
      direction: this.#decision?.direction,
      peer: this.#peer,
      destination: this.#destination,
      upstream: decision?.upstream,
      upstreamLocal: this.#up ? this.#upstreamLocal : undefined,
      cluster: decision?.cluster,
      spoken: this.#first.spoken,
      received: this.#up?.bytes ?? 0,
      sent: this.#down?.bytes ?? 0,
      ...(this.#ended ?? ORDINARY),
    };
  }

  /** Resets both sides. */
  reset(flag: Flag, details: string): void {
    this.#abort({ ...ORDINARY, flag, details });
  }

  happened(side: Side, failed: boolean): void {
    if (this.#over) return;
    if (!this.#up || !this.#down) this.#beforeJoin(side, failed);
    else if (failed && !side.broken) this.failed(side, this.#tools.streams.takeError(side.fd));
    else {
      const [into, outOf] = side === this.#client ? [this.#down, this.#up] : [this.#up, this.#down];
      if (into.waiting && into.ready) into.turn();
      if (outOf.ready) outOf.turn();
    }
  }

  moved(): void {
    this.#lastMoved = this.#tools.loop.now;
  }

  finished(flow: Flow): void {
    // What a side that is gone had said is passed on: now its end can be.
    if (flow.from.broken) this.#close(true);
    else if (this.#up?.over && this.#down?.over) this.#close(false);
    else this.#tools.streams.finish(flow.to.fd);
  }

  failed(side: Side, error: number): void {
    // The error was told by a read or a write before.
    if (this.#over || error === 0) return;
    const who = side === this.#client ? 'client' : 'upstream';
    const code = getSystemErrorName(-error);
    this.#end({ ...ORDINARY, flag: who === 'client' ? 'DC' : 'UC', details: goneBecause(who, code, code) });
    side.broken = true;
    const [into, outOf] = side === this.#client ? [this.#down, this.#up] : [this.#up, this.#down];
    into?.drop();
    // With nobody to pass anything on to, or nothing to pass on, this is all.
    if (outOf?.over || outOf?.to.broken) {
      this.#close(true);
      return;
    }
    // What was sent before it may still be there to be read, also where there is nobody yet to pass it on to.
    side.ending = true;
    side.readable = true;
    this.#tools.loop.expire(this, BEFORE_RESET);
    if (outOf) this.#tools.loop.again(outOf);
  }

  expired(): void {
    const { connectTimeout, idleTimeout } = this.#tools.settings;
    if (this.#client.broken || this.#upstream?.broken) this.#close(true);
    else if (!this.#up) this.#unreachable(`no answer within ${connectTimeout} ms`);
    else {
      const left = this.#lastMoved + idleTimeout - this.#tools.loop.now;
      if (left > 0) this.#tools.loop.expire(this, left);
      else this.#idle();
    }
  }

  #connect(decision: Forward): void {
    const { upstream: to, from, foreign, mark } = decision;
    const { settings } = this.#tools;
    const keepAlive = keepAliveSeconds(settings.keepAlive);
    const { streams, opened, loop } = this.#tools;
    try {
      const socket = socketFor(decision, settings);
      const side = opened.whileConnecting(() => {
        const fd = streams.connect({ to, from, foreign, mark, socket, keepAlive });
        this.#upstreamLocal = streams.local(fd);
        if (wouldLoop(decision)) opened.add(this.#upstreamLocal, to, decision.direction);
        return new Side(this, fd);
      });
      this.#upstream = side;
      if (this.#watch(side)) loop.expire(this, settings.connectTimeout);
    } catch (error) {
      if (!(error instanceof SystemCallFailed)) throw error;
      if (!this.#goOn(error.code)) this.#unreachable(`${error.call} ${error.code} ${formatEndpoint(to)}`, error.code);
    }
  }

  /** Goes the next way, where there is one; false where there is none. */
  #goOn(code: string): boolean {
    if (this.#decision?.kind !== 'forward') return false;
    const next = nextLeg(this.#decision, code);
    if (!next) return false;
    const { loop, streams, opened } = this.#tools;
    if (this.#upstream) {
      loop.forget(this.#upstream.tag);
      streams.close(this.#upstream.fd);
      if (this.#upstreamLocal) opened.remove(this.#upstreamLocal, this.#decision.upstream);
    }
    this.#upstream = undefined;
    this.#upstreamLocal = undefined;
    this.#decision = next;
    this.#connect(next);
    return true;
  }

  /** Has the loop tell of a side; refuses the connection where the kernel has no room for that. */
  #watch(side: Side): boolean {
    const tag = this.#tools.loop.add(side.fd, STREAM_EVENTS, side);
    if (tag >= 0) side.tag = tag;
    else this.reset('UO', `epoll_ctl: ${getSystemErrorName(tag)}`);
    return tag >= 0;
  }

  #beforeJoin(side: Side, failed: boolean): void {
    const { streams } = this.#tools;
    if (side === this.#client) {
      if (failed && !side.broken) this.failed(side, streams.takeError(side.fd));
    } else if (failed) this.#notJoined(side, getSystemErrorName(-streams.takeError(side.fd)));
    else if (side.writable) this.#join(side);
  }

  #notJoined(side: Side, code: string): void {
    const to = this.#decision?.kind === 'forward' ? ` ${formatEndpoint(this.#decision.upstream)}` : '';
    if (this.#goOn(code)) return;
    // A RST that refuses says ECONNREFUSED: with this one there was a connection, and maybe bytes.
    if (code !== 'ECONNRESET' && code !== 'EPIPE') this.#unreachable(`connect ${code}${to}`, code);
    else {
      this.#pair(side);
      this.failed(side, constants.errno[code]);
    }
  }

  #join(upstream: Side): void {
    const { up, down } = this.#pair(upstream);
    if (up.ready) up.turn();
    if (down.ready) down.turn();
  }

  /** From now on bytes go both ways. */
  #pair(upstream: Side): { up: Flow; down: Flow } {
    const { loop, settings } = this.#tools;
    const up = new Flow(this.#client, upstream, this, this.#tools, this.#first);
    const down = new Flow(upstream, this.#client, this, this.#tools);
    this.#up = up;
    this.#down = down;
    this.moved();
    if (this.#client.broken) down.drop();
    else if (settings.idleTimeout > 0) loop.expire(this, settings.idleTimeout);
    else loop.neverExpire(this);
    return { up, down };
  }

  #unreachable(said: string, code?: string): void {
    if (isScarcity(code)) this.#tools.trouble(this.#lodging.id, scarcityAt(said));
    this.#abort({ flag: 'UF,URX', details: undefined, failure: failureOf(said, code) });
  }

  /** An end that truncates nothing is a FIN; where bytes wait that will not be sent, a RST says so. */
  #idle(): void {
    this.#end({ ...ORDINARY, flag: 'SI', details: `no byte either way for ${this.#tools.settings.idleTimeout} ms` });
    this.#close(this.#up?.waiting === true || this.#down?.waiting === true);
  }

  #abort(ended: Ended): void {
    this.#end(ended);
    this.#close(true);
  }

  #end(ended: Ended): void {
    this.#ended ??= ended;
  }

  #local(): Endpoint | undefined {
    try {
      return this.#tools.streams.local(this.#client.fd);
    } catch {
      return undefined;
    }
  }

  /** Closes both sides, with a RST or a FIN, and tells what became of the connection. */
  #close(withReset: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const { loop, streams, opened } = this.#tools;
    loop.neverExpire(this);
    this.#up?.drop();
    this.#down?.drop();
    for (const side of [this.#client, this.#upstream]) {
      if (!side) continue;
      if (side.tag >= 0) loop.forget(side.tag);
      if (withReset) streams.reset(side.fd);
      else streams.close(side.fd);
    }
    const decision = this.#decision?.kind === 'forward' ? this.#decision : undefined;
    if (decision && this.#upstreamLocal) opened.remove(this.#upstreamLocal, decision.upstream);
    this.#tools.ended(this.#lodging.id, this.record());
    this.#lodging.over(this);
  }
}
