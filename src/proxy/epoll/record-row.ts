import { type Endpoint, endpointOf } from '../../linux/socket/index.ts';
import type { ConnectionRecord } from '../engine.ts';

/** One field of a record. */
export type Cell = number | string | readonly string[] | null;

/** How many cells a record has. */
const WIDTH = 20;

/**
 * Adds a record to those that are on their way to another thread. They go as one flat list: to clone an object costs several times as
 * much, since the names of its fields go with each.
 */
export function addRow(rows: Cell[], record: ConnectionRecord): void {
  const { peer, destination, upstream, upstreamLocal, spoken } = record;
  rows.push(
    record.start,
    record.duration,
    record.received,
    record.sent,
    record.direction ?? null,
    record.cluster ?? null,
    record.flag ?? null,
    record.details ?? null,
    record.failure ?? null,
    spoken?.protocol ?? null,
    spoken?.serverName ?? null,
    spoken?.applicationProtocols ?? null,
    peer?.address ?? null,
    peer?.port ?? 0,
    destination?.address ?? null,
    destination?.port ?? 0,
    upstream?.address ?? null,
    upstream?.port ?? 0,
    upstreamLocal?.address ?? null,
    upstreamLocal?.port ?? 0,
  );
}

/** The records as they were. */
export function recordsIn(rows: readonly Cell[]): ConnectionRecord[] {
  return Array.from({ length: rows.length / WIDTH }, (_, at) => recordAt(rows, at * WIDTH));
}

function recordAt(rows: readonly Cell[], at: number): ConnectionRecord {
  const field = <T>(index: number): T | undefined => (rows[at + index] as T | null) ?? undefined;
  const number = (index: number): number => rows[at + index] as number;
  const end = (index: number): Endpoint | undefined => {
    const address = field<string>(index);
    return address === undefined ? undefined : endpointOf(address, number(index + 1));
  };
  return {
    start: number(0),
    duration: number(1),
    received: number(2),
    sent: number(3),
    direction: field(4),
    cluster: field(5),
    flag: field(6),
    details: field(7),
    failure: field(8),
    spoken: spokenAt(rows, at + 9),
    peer: end(12),
    destination: end(14),
    upstream: end(16),
    upstreamLocal: end(18),
  };
}

function spokenAt(rows: readonly Cell[], at: number): ConnectionRecord['spoken'] {
  const [protocol, serverName, applicationProtocols] = rows.slice(at, at + 3);
  if (protocol === null) return undefined;
  return {
    protocol,
    ...(serverName === null ? {} : { serverName }),
    ...(applicationProtocols === null ? {} : { applicationProtocols }),
  } as ConnectionRecord['spoken'];
}
