import type { ConnectionRecord } from '../proxy/index.ts';
import type { Answered } from './names.ts';

/** A call as it is told: who called whom. */
export interface Call {
  readonly record: ConnectionRecord;
  /** The name by which the app found whom it calls; undefined where it asked for none. */
  readonly name: string | undefined;
  /** Who called, where that is known: by a published port, the caller outside. */
  readonly caller: ConnectionRecord['peer'];
  /** It goes on. */
  readonly open: boolean;
}

/** Who is told of calls and names. */
export interface Log {
  called(call: Call): void;
  named(answer: Answered): void;
}

/** Calls on their way to a log. */
export interface Calls {
  /** Takes the record of a connection that has ended. */
  ended(record: ConnectionRecord): void;
  /** Takes the record of what a published port brought, which the pod took up as another connection. */
  onTheWay(record: ConnectionRecord): void;
  /** Looks, now and then, for connections that stay; returns what ends that. */
  watch(connections: () => Promise<readonly ConnectionRecord[]>): () => void;
}

/** A connection that lasts longer than this, in milliseconds, is told of while it is open too. */
const LASTING = 1000;
/** The two parts of a call to a published port end together, in whatever order. Milliseconds. */
const TOGETHER = 100;
/** Callers kept for calls that have not ended. */
const KEPT = 1024;

/** Brings together what is known of each call, and tells of it. `nameOf` gives the name of an address when the call began. */
export function openCalls(log: Log, nameOf: (address: string, at: number) => string | undefined): Calls {
  /** By the end that the pod sees, who is behind it. */
  const callers = new Map<string, ConnectionRecord['peer']>();
  const waiting = new Map<string, (caller: ConnectionRecord['peer']) => void>();
  const told = new Set<string>();

  const tell = (record: ConnectionRecord, caller: ConnectionRecord['peer'], open: boolean): void =>
    log.called({ record, caller, open, name: record.destination && nameOf(record.destination.address, record.start) });

  return {
    ended(record) {
      told.delete(keyOf(record));
      const key = endOf(record.peer);
      if (record.direction !== 'inbound') tell(record, record.peer, false);
      else if (callers.has(key)) {
        tell(record, callers.get(key), false);
        callers.delete(key);
      } else {
        const timer = setTimeout(() => waiting.get(key)?.(undefined), TOGETHER);
        waiting.set(key, (caller) => {
          clearTimeout(timer);
          waiting.delete(key);
          tell(record, caller, false);
        });
      }
    },
    onTheWay({ peer, upstreamLocal }) {
      const key = endOf(upstreamLocal);
      const waits = waiting.get(key);
      if (waits) waits(peer);
      else if (upstreamLocal) callers.set(key, peer);
      for (const oldest of callers.keys()) {
        if (callers.size <= KEPT) break;
        callers.delete(oldest);
      }
    },
    watch(connections) {
      const timer = setInterval(async () => {
        for (const record of await connections()) {
          const key = keyOf(record);
          // What came by a published port is told of as the call that the pod takes up.
          if (record.duration < LASTING || record.cluster?.startsWith('published|') || told.has(key)) continue;
          told.add(key);
          tell(record, record.direction === 'inbound' ? undefined : record.peer, true);
        }
      }, LASTING);
      timer.unref();
      return () => clearInterval(timer);
    },
  };
}

const endOf = (end: ConnectionRecord['peer']): string => (end ? `${end.address} ${end.port}` : '');

const keyOf = ({ start, peer, destination }: ConnectionRecord): string =>
  `${start} ${endOf(peer)} ${endOf(destination)}`;
