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
  /** It reached the app past the sidecar, or would have: a bypass is there. */
  readonly past: boolean;
}

/** Who is told of calls and names. */
export interface Log {
  called(call: Call): void;
  named(answer: Answered): void;
  /** So many packets of the app's found no way out. */
  astray(packets: number): void;
}

/** Calls on their way to a log. */
export interface Calls {
  /** Takes the record of a connection that has ended. */
  ended(record: ConnectionRecord): void;
  /** Takes the record of what a published port brought, which the pod took up as another connection. */
  onTheWay(record: ConnectionRecord): void;
  /** Looks, now and then, for connections that stay. */
  watch(connections: () => Promise<readonly ConnectionRecord[]>): void;
  /** Tells what is left to be told: no more comes. */
  close(): void;
}

/** A connection that lasts longer than this, in milliseconds, is told of while it is open too. */
const LASTING = 1000;
/** The two parts of a call to a published port end together, in whatever order. Milliseconds. */
const TOGETHER = 100;
/** Callers kept for calls that have not ended. */
const KEPT = 1024;

/** Brings together what is known of each call, and tells of it. `nameOf` gives the name of an address when the call began. */
export function openCalls(log: Log, nameOf: (address: string, at: number) => string | undefined): Calls {
  /** By the end that the pod sees, what a published port brought. */
  const brought = new Map<string, ConnectionRecord>();
  const waiting = new Map<string, (caller: ConnectionRecord['peer']) => void>();
  const told = new Set<string>();
  let open: () => Promise<readonly ConnectionRecord[]> = async () => [];
  let looking: NodeJS.Timeout | undefined;

  const tell = (record: ConnectionRecord, call: Pick<Call, 'caller' | 'open'> & { readonly past?: boolean }): void => {
    const found = record.destination && nameOf(record.destination.address, record.start);
    log.called({ record, past: false, ...call, name: found });
  };

  /** What a published port brought, and the sidecar took up in the pod or not. */
  const tellPast = (record: ConnectionRecord): void => {
    told.delete(keyOf(record));
    // Nothing but a bypass has the pod itself refuse: the sidecar is there as long as the pod is.
    const past = record.failure === undefined || record.failure.includes('ECONNREFUSED');
    tell(record, { caller: record.peer, open: false, past: past && record.flag !== 'UO' });
  };

  const lookFor = async (key: string): Promise<void> => {
    const takenUp = (await open()).some((other) => isTakenUp(other) && endOf(other.peer) === key);
    const record = takenUp ? undefined : brought.get(key);
    if (record && brought.delete(key)) tellPast(record);
  };

  const lookAround = async (): Promise<void> => {
    const records = await open();
    const takenUp = new Set(records.filter(isTakenUp).map(({ peer }) => endOf(peer)));
    for (const record of records) {
      const key = keyOf(record);
      // What came by a published port is told of as the call that the pod takes up, if it does.
      const past = isBrought(record);
      if (record.duration < LASTING || told.has(key) || (past && takenUp.has(endOf(record.upstreamLocal)))) continue;
      told.add(key);
      const caller = past || record.direction === 'outbound' ? record.peer : undefined;
      tell(record, { caller, open: true, past });
    }
  };

  return {
    ended(record) {
      told.delete(keyOf(record));
      const key = endOf(record.peer);
      if (record.direction !== 'inbound') tell(record, { caller: record.peer, open: false });
      else if (brought.has(key)) {
        tell(record, { caller: brought.get(key)?.peer, open: false });
        brought.delete(key);
      } else {
        const timer = setTimeout(() => waiting.get(key)?.(undefined), TOGETHER);
        waiting.set(key, (caller) => {
          clearTimeout(timer);
          waiting.delete(key);
          tell(record, { caller, open: false });
        });
      }
    },
    onTheWay(record) {
      const { peer, upstreamLocal } = record;
      const key = endOf(upstreamLocal);
      const waits = waiting.get(key);
      if (waits) waits(peer);
      else if (!upstreamLocal) tellPast(record);
      else {
        brought.set(key, record);
        setTimeout(() => void lookFor(key), 2 * TOGETHER).unref();
      }
      for (const oldest of brought.keys()) {
        if (brought.size <= KEPT) break;
        brought.delete(oldest);
      }
    },
    watch(connections) {
      open = connections;
      looking = setInterval(() => void lookAround(), LASTING).unref();
    },
    close() {
      clearInterval(looking);
      for (const tellIt of [...waiting.values()]) tellIt(undefined);
      for (const record of brought.values()) tellPast(record);
      brought.clear();
    },
  };
}

const isBrought = ({ cluster }: ConnectionRecord): boolean => cluster?.startsWith('published|') === true;
const isTakenUp = (record: ConnectionRecord): boolean => record.direction === 'inbound' && !isBrought(record);

const endOf = (end: ConnectionRecord['peer']): string => (end ? `${end.address} ${end.port}` : '');

const keyOf = ({ start, peer, destination }: ConnectionRecord): string =>
  `${start} ${endOf(peer)} ${endOf(destination)}`;
