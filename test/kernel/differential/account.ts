import type { AddressValue, Family } from '../../../src/address/index.ts';
import type { RulePlace, TraceMessage } from '../../../src/linux/index.ts';
import { WATCH } from './machine.ts';
import { idIn } from './probe.ts';

/** A packet at one point of its way: what the first message of a base chain tells. */
export interface Seen {
  readonly iif: number;
  readonly oif: number;
  readonly source: AddressValue;
  readonly destination: AddressValue;
  readonly ttl: number;
  /** TOS or traffic class. */
  readonly tos: number;
  /** The first four bytes behind the network header: ports, or what stands there. */
  readonly ports: number;
  /** As CTSTATE has it; undefined: it belongs to no connection, or nothing tracks. */
  readonly ctstate: number | undefined;
  readonly ctstatus: number;
}

/** One thing that the kernel says happened. */
export type Event =
  | { readonly kind: 'asked'; readonly table: string; readonly chain: string; readonly seen: Seen }
  | { readonly kind: 'rule'; readonly place: RulePlace; readonly verdict: string; readonly mark: number }
  | { readonly kind: 'policy'; readonly table: string; readonly chain: string; readonly policy: string }
  | { readonly kind: 'received' | 'leaves'; readonly seen: Seen; readonly mark: number };

/** What the kernel did with one packet, in order. */
export interface Account {
  readonly id: number;
  readonly events: Event[];
}

/** A base chain that is being asked. */
interface Asked {
  readonly account: Account;
  idle: boolean;
}

/** More than are asked at a time: what has ended is forgotten then. */
const MOST_ASKED = 1000;

/** How the kernel's tables and rules are called. Tables are of a family: 1 is inet, 2 ip, 10 ip6. */
export interface Titles {
  titleOf(family: number, table: string): string;
  placeOf(family: number, table: string, handle: number): RulePlace | undefined;
}

/** Gathers the accounts of packets that were sent one after the other. */
export class Accounts {
  readonly #titles: Titles;
  /** `nat PREROUTING`: base chains that can do something. The kernel asks idle ones too. */
  readonly #busy: ReadonlySet<string>;
  readonly #known = new Map<number, Account>();
  /**
   * Chains that are being asked, by the number that the kernel gives a packet there. What the kernel sends by itself while a
   * rule is carried out (REJECT's answer) is told of in between, if some rule has it traced.
   */
  readonly #asked = new Map<number, Asked>();

  constructor(titles: Titles, busy: ReadonlySet<string>) {
    this.#titles = titles;
    this.#busy = busy;
  }

  /** The account of the packet with this id, and forgets it. */
  of(id: number): Account {
    const account = this.#known.get(id) ?? { id, events: [] };
    this.#known.delete(id);
    return account;
  }

  take(message: TraceMessage): void {
    const { protocol = 'ipv4', family, chain, first, networkHeader, handle, verdict = '', policy, mark } = message;
    if (first && networkHeader) {
      // Packets that go over loopback may be handled later than those that follow.
      const id = idIn(protocol, networkHeader);
      const account = this.#known.get(id) ?? { id, events: [] };
      this.#known.set(id, account);
      if (this.#asked.size > MOST_ASKED) this.#asked.clear();
      this.#asked.set(message.id, { account, idle: false });
    }
    const asked = this.#asked.get(message.id);
    if (!asked) return;
    const { events } = asked.account;
    if (message.table === WATCH.table) {
      if (first && (chain === WATCH.received || chain === WATCH.leaves))
        events.push({ kind: chain, seen: seenIn(message, protocol), mark });
      return;
    }
    const table = this.#titles.titleOf(family, message.table);
    if (first) {
      asked.idle = !this.#busy.has(`${table} ${chain}`);
      if (!asked.idle) events.push({ kind: 'asked', table, chain, seen: seenIn(message, protocol) });
    }
    if (asked.idle) return;
    if (handle !== undefined) {
      const place = this.#titles.placeOf(family, message.table, handle) ?? { table, chain, number: 0 };
      events.push({ kind: 'rule', place, verdict, mark });
    } else if (policy !== undefined) events.push({ kind: 'policy', table, chain, policy });
  }
}

function seenIn({ iif = 0, oif = 0, networkHeader, transportHeader, connection }: TraceMessage, family: Family): Seen {
  const bytes = networkHeader!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [source, destination] =
    family === 'ipv4' ? [view.getUint32(12), view.getUint32(16)] : [wide(view, 8), wide(view, 24)];
  const ports = transportHeader && transportHeader.length >= 4 ? word(transportHeader) : 0;
  const [ttl, tos] = family === 'ipv4' ? [bytes[8]!, bytes[1]!] : [bytes[7]!, (view.getUint16(0) >> 4) & 0xff];
  return {
    iif,
    oif,
    source,
    destination,
    ttl,
    tos,
    ports,
    ctstate: connection?.state,
    ctstatus: connection?.status ?? 0,
  };
}

const wide = (view: DataView, at: number): bigint => (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
const word = (bytes: Uint8Array): number =>
  ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
