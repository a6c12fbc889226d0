import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { ConnectionRecord } from './engine.ts';

/** How a line of the access log is written: one JSON object, or Istio's line of text. */
export type LogFormat = 'json' | 'text';
export const LOG_FORMATS: readonly LogFormat[] = ['json', 'text'];

export const lineFor = (format: LogFormat): ((record: ConnectionRecord) => string) =>
  format === 'text' ? formatText : formatRecord;

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

/**
 * One line of text, in the order of Istio's default format: what parses Istio's logs parses it. What an HTTP proxy alone knows is `-`,
 * and 0 is its response code, as Envoy writes them for TCP. Source: istio.io, Envoy Access Logs; mesh config's accessLogFormat.
 *
 * @example [2018-11-19T12:00:00.007Z] "- - TLS" 0 - - - "-" 5 66 12 - "-" "-" "-" "-" "10.0.0.5:443" PassthroughCluster …
 */
export function formatText(record: ConnectionRecord): string {
  const { spoken, flag = '-', details = '-', failure = '-', received, sent, duration, cluster = '-' } = record;
  const start = new Date(record.start).toISOString();
  // Envoy too writes details without spaces: nothing is put around them.
  const why = [flag, '-', word(details.replaceAll(' ', '_')), `"${quoted(failure)}"`];
  const numbers = [received, sent, duration, '-'];
  const asked = ['"-"', '"-"', '"-"', '"-"'];
  const ends = [record.upstreamLocal, record.destination, record.peer].map((at) => word(end(at) ?? '-'));
  const there = [`"${quoted(end(record.upstream) ?? '-')}"`, word(cluster), ...ends];
  const name = spoken?.serverName ?? '-';
  return `[${start}] "- - ${protocolOf(record) ?? '-'}" 0 ${[...why, ...numbers, ...asked, ...there].join(' ')} ${word(name)} -\n`;
}

/** As it may stand between quotes: whatever could end them, or the line, or do something to a terminal, is written `\x1b`. */
const quoted = (text: string): string =>
  text.replace(/[\p{C}\p{Zl}\p{Zp}"\\]/gu, (letter) =>
    Array.from(Buffer.from(letter), (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
  );

/** The same as one word; `-` for none. A stranger's names come so already, and are left as they are: see `printable`. */
const word = (text: string): string =>
  /^[\x21\x23-\x7e]+$/.test(text) ? text : quoted(text || '-').replaceAll(' ', '\\x20');
