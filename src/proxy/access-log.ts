import type { Writable } from 'node:stream';
import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { ConnectionRecord } from './engine.ts';

/** Takes records without ever keeping a connection waiting. */
export interface AccessLog {
  write(record: ConnectionRecord): void;
  /** Which connections are written: may be changed at any time. */
  level: LogLevel;
  /** Lines that nobody gets to read: their reader was too slow or is gone, or the disk is full. */
  readonly dropped: number;
  /** Resolves when all lines are written, or after `timeout` ms: what is not out by then counts as dropped. */
  flush(timeout: number): Promise<void>;
}

/** `errors`: those that did not end by themselves. */
export type LogLevel = 'all' | 'errors' | 'none';
export const LOG_LEVELS: readonly LogLevel[] = ['all', 'errors', 'none'];

/**
 * An access log on a stream. Lines wait in the stream's own queue, up to `limit` bytes; what comes while it is full is
 * dropped and counted, because a log that blocks would stop the traffic it describes.
 */
export function openAccessLog(stream: Writable | undefined, limit: number): AccessLog {
  let dropped = 0;
  let waiting = 0;
  let over = false;
  // An error ends the stream and every line that waits in it; `lost` is one line of a stream that goes on (fileLog).
  stream?.on('error', () => {});
  stream?.on('lost', () => {
    dropped += 1;
  });
  return {
    level: 'all',
    write(record) {
      if (!stream || this.level === 'none' || (this.level === 'errors' && !record.flag)) return;
      if (!stream.writable || stream.writableLength > limit) {
        dropped += 1;
        return;
      }
      waiting += 1;
      stream.write(formatRecord(record), (error) => {
        waiting -= 1;
        if (error) dropped += 1;
      });
    },
    get dropped() {
      return over ? dropped + waiting : dropped;
    },
    async flush(timeout) {
      if (stream?.writable && waiting > 0) await written(stream, timeout);
      over = true;
    },
  };
}

async function written(stream: Writable, timeout: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeout);
    stream.write('', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * One JSON line, in the names, order and types of Istio's JSON access log (a TCP connection has no method, path or
 * authority: null). `downstream_local_address` is where the client meant to go, as Envoy shows it once it has restored the
 * original destination.
 */
export function formatRecord(record: ConnectionRecord): string {
  const line = {
    authority: null,
    bytes_received: record.received,
    bytes_sent: record.sent,
    connection_termination_details: record.details ?? null,
    downstream_local_address: end(record.destination),
    downstream_remote_address: end(record.peer),
    duration: record.duration,
    method: null,
    path: null,
    protocol: protocolOf(record),
    request_id: null,
    requested_application_protocols: record.spoken?.applicationProtocols ?? null,
    requested_server_name: record.spoken?.serverName ?? null,
    response_code: 0,
    response_code_details: null,
    response_flags: record.flag ?? '-',
    route_name: null,
    start_time: new Date(record.start).toISOString(),
    upstream_cluster: record.cluster ?? null,
    upstream_host: end(record.upstream),
    upstream_local_address: end(record.upstreamLocal),
    upstream_service_time: null,
    upstream_transport_failure_reason: record.failure ?? null,
    user_agent: null,
    x_forwarded_for: null,
  };
  return `${JSON.stringify(line)}\n`;
}

const protocolOf = ({ spoken }: ConnectionRecord): string | null =>
  spoken && spoken.protocol !== 'other' ? spoken.protocol : null;

const end = (endpoint: Endpoint | undefined): string | null => (endpoint ? formatEndpoint(endpoint) : null);
