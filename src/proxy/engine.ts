import type { Endpoint } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';
import type { Arrival, Decision, Direction } from './policy.ts';

/**
 * What moves the bytes. All that is said about a connection goes through here, so that another engine (an epoll loop of
 * its own) changes nothing else: the policy decides, the engine carries out, the record says how it went.
 */
export interface Engine {
  /** Opens a listener; resolves when it takes connections. Throws SystemCallFailed, or Node's own error, as it comes. */
  open(listener: ListenerOptions, settings: Settings, parts: EngineParts): Promise<OpenListener>;
}

export interface ListenerOptions {
  readonly takes: Arrival['listener'];
  readonly address: string;
  readonly port: number;
  /** The socket takes connections to foreign addresses (TPROXY). */
  readonly transparent: boolean;
  readonly maxConnections: number;
}

/** What an engine needs from outside. */
export interface EngineParts {
  decide(arrival: Arrival): Decision;
  /** Called once for every connection that was accepted, when it has ended. */
  ended(record: ConnectionRecord): void;
  /** A connection leaves from this end: told before the other side can have accepted it. */
  opened(end: Endpoint, direction: Direction): void;
  /** The connection from this end is over. */
  closed(end: Endpoint): void;
}

export interface OpenListener {
  /** The port, also where 0 was asked for. */
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Accepts no more. Open connections go on. */
  stop(): void;
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  /** Resets all open connections; `reason` goes into their records. */
  reset(reason: string): void;
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
