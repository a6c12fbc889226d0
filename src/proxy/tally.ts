import { type Endpoint, formatEndpoint } from '../linux/socket/index.ts';
import type { ConnectionRecord } from './engine.ts';
import type { Protocol } from './first-bytes.ts';

/** What connections have in common that are counted together. */
export interface Group {
  readonly direction: string;
  /** Where they were going: `10.0.0.7:443`, of inbound ones the port alone; `other` beyond the destinations that are told apart. */
  readonly destination: string;
}

/** Connections of one group that ended alike. */
export interface EndedAlike extends Group {
  /** Envoy's flags; `-` for an ordinary end. */
  readonly flags: string;
  connections: number;
  /** Bytes that came from clients, and that were passed on to them. */
  received: number;
  sent: number;
}

/** Connections of one direction whose clients spoke alike. */
export interface SpokenAlike {
  readonly direction: string;
  /** `none` where no byte came, `other` also where too few did. */
  readonly protocol: Protocol | 'none';
  connections: number;
}

/** How long connections of one direction were open. */
export interface Durations {
  readonly direction: string;
  /** For each of LONGEST, how many took no longer; not those before it once more. */
  readonly counts: number[];
  /** All of them, in number and in seconds. */
  connections: number;
  seconds: number;
}

/** Where durations are told apart: at most so many seconds. */
export const LONGEST: readonly number[] = [0.005, 0.05, 0.5, 5, 60, 600, 3600];

/** So many destinations are told apart: who can be made to call anybody must not fill the memory, nor that of who collects. */
const MOST_DESTINATIONS = 200;

/** Counts connections as they end, and groups open ones the same way. */
export class Tally {
  readonly #ended = new Map<string, EndedAlike>();
  readonly #spoken = new Map<string, SpokenAlike>();
  readonly #durations = new Map<string, Durations>();
  readonly #destinations = new Set<string>();

  add(record: ConnectionRecord): void {
    const group = this.#groupOf(record);
    const flags = record.flag ?? '-';
    const key = `${group.direction} ${group.destination} ${flags}`;
    let ended = this.#ended.get(key);
    if (!ended) {
      ended = { ...group, flags, connections: 0, received: 0, sent: 0 };
      this.#ended.set(key, ended);
    }
    ended.connections += 1;
    ended.received += record.received;
    ended.sent += record.sent;
    this.#spoke(group.direction, record);
    this.#lasted(group.direction, record.duration / 1000);
  }

  get ended(): readonly EndedAlike[] {
    return [...this.#ended.values()];
  }

  get spoken(): readonly SpokenAlike[] {
    return [...this.#spoken.values()];
  }

  get durations(): readonly Durations[] {
    return [...this.#durations.values()];
  }

  /** How many of the connections belong to each group. */
  open(records: readonly ConnectionRecord[]): readonly (Group & { readonly connections: number })[] {
    const groups = new Map<string, Group & { connections: number }>();
    for (const record of records) {
      const group = this.#groupOf(record);
      const key = `${group.direction} ${group.destination}`;
      const known = groups.get(key);
      if (known) known.connections += 1;
      else groups.set(key, { ...group, connections: 1 });
    }
    return [...groups.values()];
  }

  #groupOf(record: ConnectionRecord): Group {
    const direction = record.direction ?? 'unknown';
    const { destination } = record;
    const named = destination ? nameOf(direction, destination) : 'unknown';
    if (this.#destinations.has(named)) return { direction, destination: named };
    if (this.#destinations.size >= MOST_DESTINATIONS) return { direction, destination: 'other' };
    this.#destinations.add(named);
    return { direction, destination: named };
  }

  #spoke(direction: string, { spoken, received }: ConnectionRecord): void {
    const protocol = spoken?.protocol ?? (received > 0 ? 'other' : 'none');
    const key = `${direction} ${protocol}`;
    const alike = this.#spoken.get(key);
    if (alike) alike.connections += 1;
    else this.#spoken.set(key, { direction, protocol, connections: 1 });
  }

  #lasted(direction: string, seconds: number): void {
    let durations = this.#durations.get(direction);
    if (!durations) {
      durations = { direction, counts: LONGEST.map(() => 0), connections: 0, seconds: 0 };
      this.#durations.set(direction, durations);
    }
    durations.connections += 1;
    durations.seconds += seconds;
    const at = LONGEST.findIndex((longest) => seconds <= longest);
    if (at >= 0) durations.counts[at]! += 1;
  }
}

const nameOf = (direction: string, destination: Endpoint): string =>
  direction === 'inbound' ? `:${destination.port}` : formatEndpoint(destination);
