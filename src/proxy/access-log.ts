import type { Writable } from 'node:stream';
import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { ConnectionRecord } from './engine.ts';

/** Takes records without ever keeping a connection waiting. */
export interface AccessLog {
  write(record: ConnectionRecord): void;
  /** Lines that a slow or broken reader made us drop. */
  readonly dropped: number;
  /** Resolves when all lines are written, or after `timeout` ms. */
  flush(timeout: number): Promise<void>;
}

/**
 * An access log on a stream. Lines wait in the stream's own queue, up to `limit` bytes; what comes while it is full is
 * dropped and counted, because a log that blocks would stop the traffic it describes.
 */
export function openAccessLog(stream: Writable | undefined, limit: number): AccessLog {
  let dropped = 0;
  let broken = false;
  const breaks = () => {
    broken = true;
  };
  stream?.on('error', breaks);
  const writable = () => stream !== undefined && !broken && !stream.destroyed && !stream.writableEnded;
  return {
    write(record) {
      if (!stream) return;
      if (writable() && stream.writableLength <= limit) stream.write(formatRecord(record));
      else dropped += 1;
    },
    get dropped() {
      return dropped;
    },
    async flush(timeout) {
      if (!stream || !writable() || stream.writableLength === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout);
        stream.write('', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
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
    protocol: null,
    request_id: null,
    requested_server_name: null,
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

const end = (endpoint: Endpoint | undefined): string | null => (endpoint ? formatEndpoint(endpoint) : null);
