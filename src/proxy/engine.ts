import type { Endpoint } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';
import type { Spoken } from './first-bytes.ts';
import type { Arrival, Direction } from './policy.ts';

/**
 * What moves the bytes: `epoll` or `net`. All that is said about a connection goes through here: the policy decides, the engine
 * carries out, the record says how it went. One engine serves one proxy: its listeners know each other's ports and connections.
 */
export interface Engine {
  readonly name: EngineName;
  /** Threads that move bytes. */
  readonly workers: number;
  /**
   * Opens a listener; resolves when it takes connections, which the kernel keeps until the engine is ready. Throws
   * SystemCallFailed, or Node's own error, as it comes.
   */
  open(listener: ListenerOptions, settings: Settings, tell: Hearer): Promise<OpenListener>;
  /** Resolves when connections that have been taken are served. Throws EngineUnavailable where that will never be. */
  ready(): Promise<void>;
}

/** Who hears how connections go. */
export interface Hearer {
  /** Called once for every connection that was accepted, when it has ended. */
  ended(record: ConnectionRecord): void;
  /** The system has none of what connections need; in words. May be called often. */
  trouble(what: string): void;
}

/** `epoll`: a loop of Sidestep's own in each of several threads. `net`: Node's sockets. */
export type EngineName = 'epoll' | 'net';

export interface ListenerOptions {
  readonly takes: Arrival['listener'];
  readonly address: string;
  readonly port: number;
  /** The socket takes connections to foreign addresses (TPROXY). */
  readonly transparent: boolean;
  readonly maxConnections: number;
  /**
   * Listening sockets that are open already, made in another network namespace or by another process, which the engine takes
   * over and divides among its workers. `address`, `port` and `transparent` then say what they are.
   */
  readonly descriptors?: readonly number[] | undefined;
  /** Where everything that comes goes, instead of its original destination. */
  readonly to?: Endpoint | undefined;
}

export interface OpenListener {
  /** The port, also where 0 was asked for. */
  readonly port: number;
  /** The listening sockets, until it is stopped: for whoever takes this proxy's place. */
  readonly descriptors: readonly number[];
  /** Connections open now. */
  readonly connections: number;
  /** Accepts no more; resolves when that is so, and what has ended before is told. Open connections go on. */
  stop(): Promise<void>;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  /** Resets all open connections; `reason` goes into their records. */
  reset(reason: string): void;
  /** The open connections, as their records would be now. */
  list(): Promise<readonly ConnectionRecord[]>;
}

/**
 * How a connection ended, in Envoy's response flags: `UF` the upstream could not be reached (with `URX`: the one attempt
 * was used up), `UC` the upstream reset it, `DC` the client did, `SI` idle for too long, `UO` over the limit of
 * connections, `NR` no original destination or a loop, `LR` the proxy ended it. None for an ordinary end.
 */
export type Flag = 'UF,URX' | 'UC' | 'DC' | 'SI' | 'UO' | 'NR' | 'LR';

/** What became of one connection. */
export interface ConnectionRecord {
  /** Milliseconds since 1970. */
  readonly start: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly direction: Direction | undefined;
  /** Undefined where the client was gone before it was looked at. */
  readonly peer: Endpoint | undefined;
  /** Where the client meant to go; the socket's own end where that is not known. */
  readonly destination: Endpoint | undefined;
  readonly upstream: Endpoint | undefined;
  readonly upstreamLocal: Endpoint | undefined;
  readonly cluster: string | undefined;
  /** What the client speaks; undefined where it has not said enough. */
  readonly spoken: Spoken | undefined;
  /** Bytes that came from the client. */
  readonly received: number;
  /** Bytes that were passed on to the client. */
  readonly sent: number;
  readonly flag: Flag | undefined;
  /** Why it ended where it did not end by itself. */
  readonly details: string | undefined;
  /** Why the upstream could not be reached. */
  readonly failure: string | undefined;
}
