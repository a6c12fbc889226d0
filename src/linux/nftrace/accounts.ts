import {
  CTSTATE,
  CTSTATUS,
  isTableName,
  type KernelAccount,
  type KernelEvent,
  type Packet,
} from '../../netfilter/index.ts';
import { HEADERS_CHAIN, headersIn, type ToldHeaders } from './headers.ts';
import { fragmentIn, packetIn } from './seen.ts';
import { OWNER_CHAIN, ownerIn } from './table.ts';
import { type ToldMessage, WATCHING } from './watch.ts';

/** How messages are read: the watching table, interfaces by number, and chains that hold nothing. */
export interface AccountOptions {
  /** Its rules have packets traced; what it says of itself is no part of a packet's walk. */
  readonly table: string;
  readonly nameOf: (index: number) => string | undefined;
  /** Base chains without rules that accept: the kernel asks them too. `nat PREROUTING`, `inet mine input`. */
  readonly idle: (family: Packet['family'], table: string, chain: string) => boolean;
  /** What a base chain's table is called; by default as `tableTitle` says. */
  readonly titleOf?: (family: number, table: string, chain: string) => string;
  /** The kernel tells what connection tracking knows (Linux 6.16). */
  readonly tellsConnections?: boolean;
}

/** An account that is not complete. */
interface Growing {
  readonly direction: 'in' | 'out';
  packet: Packet;
  readonly events: KernelEvent[];
  readonly owner: number[];
  /** IPv6: numbers of the rules that told of headers between the first and the last, and what they came to. */
  readonly headers: number[];
  upper?: ToldHeaders;
  readonly fragment: boolean;
  /** Its first message. */
  readonly first: ToldMessage;
  connection?: KernelAccount['connection'];
  readonly seen: number;
  /** Among those that have begun. */
  readonly order: number;
  /** When the kernel last told of it. */
  last: number;
  /** The chain that is asked is idle. */
  idle: boolean;
  /** What its table is called. */
  table: string;
}

interface Complete {
  readonly order: number;
  readonly account: KernelAccount;
}

const LOOPBACK = 'lo';
const FAMILY: Readonly<Record<number, string>> = { 1: 'inet', 2: 'ip', 10: 'ip6' };
/** Verdicts after which the kernel tells nothing more of a packet. */
const LAST_VERDICTS: readonly string[] = ['drop', 'stolen', 'queue'];
/** Milliseconds without a word after which nothing more is awaited. */
const QUIET = 400;

/** A table as Sidestep calls it: those of iptables by their name alone. */
export const tableTitle = (family: number, table: string): string =>
  isTableName(table) && FAMILY[family] !== 'inet' ? table : spokenTitle(family, table);

/** A table as nft calls it: `ip filter`. */
export const spokenTitle = (family: number, table: string): string => `${FAMILY[family] ?? family} ${table}`;

/** Puts the kernel's messages together, packet by packet: those of several come mixed. */
export class PacketAccounts {
  readonly #options: AccountOptions;
  readonly #current = new Map<number, Growing>();
  /** Packets that have left by loopback and are to come back. */
  readonly #over: Growing[] = [];
  #complete: Complete[] = [];
  #begun = 0;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  /** The accounts that are complete, and those of which nothing has been heard for a while. */
  done(now: number): readonly KernelAccount[] {
    const open = new Set([...this.#current.values(), ...this.#over]);
    for (const account of open) if (now - account.last >= QUIET) this.#end(account, true);
    // The kernel tells of what REJECT sends before it tells that the packet was rejected.
    const waiting = Math.min(...[...this.#current.values(), ...this.#over].map(({ order }) => order));
    const isLater = ({ order, account }: Complete): boolean =>
      account.packet.ctstate === CTSTATE.RELATED && order > waiting;
    const told = this.#complete.filter((one) => !isLater(one)).sort((one, other) => one.order - other.order);
    this.#complete = this.#complete.filter(isLater);
    return told.map(({ account }) => account);
  }

  /** Messages were lost: what is not complete never will be. */
  forget(): void {
    this.#current.clear();
    this.#over.splice(0);
  }

  take(message: ToldMessage, now: number): void {
    if (message.table === this.#options.table && message.family === 1) this.#watched(message, now);
    else this.#told(message, now);
  }

  /** What the watching table says: a packet begins, comes back over loopback, says whose it is, or ends. */
  #watched(message: ToldMessage, now: number): void {
    const { id, chain, first, place, mark } = message;
    if (chain === OWNER_CHAIN || chain === HEADERS_CHAIN) {
      const account = this.#current.get(id);
      if (place) account?.[chain === OWNER_CHAIN ? 'owner' : 'headers'].push(place.number);
      return;
    }
    const packet = first ? this.#packetIn(message, this.#current.get(id)) : undefined;
    if (!packet) return;
    if (chain === WATCHING.arrives || chain === WATCHING.departs) {
      const direction = chain === WATCHING.arrives ? 'in' : 'out';
      const back = packet.in === LOOPBACK ? this.#back(packet) : undefined;
      if (back) back.last = now;
      else if (packet.in === LOOPBACK) return;
      this.#current.set(
        id,
        back ?? {
          direction,
          packet,
          events: [],
          owner: [],
          headers: [],
          fragment: fragmentIn(message),
          first: message,
          seen: now,
          order: this.#begun++,
          last: now,
          idle: false,
          table: '',
        },
      );
      return;
    }
    const account = this.#current.get(id);
    if (!account) return;
    account.last = now;
    this.#connected(account, message, packet);
    account.events.push({ kind: chain === WATCHING.received ? 'received' : 'leaves', packet, mark });
    if (chain === WATCHING.received || packet.out !== LOOPBACK) this.#end(account, false);
    else {
      this.#current.delete(id);
      this.#over.push(account);
    }
  }

  /** The packet that a message tells of; what is known of its IPv6 headers by then is told of the account's own, too. */
  #packetIn(message: ToldMessage, account: Growing | undefined): Packet | undefined {
    const { nameOf } = this.#options;
    if (account && account.headers.length > 0 && !account.upper && message.chain !== WATCHING.arrives) {
      account.upper = headersIn(account.headers);
      account.packet = packetIn(account.first, nameOf, account.upper) ?? account.packet;
    }
    return packetIn(message, nameOf, account?.upper);
  }

  /** The packet that left by loopback and is this one. */
  #back({ family, source, destination, sourcePort, destinationPort, tcpFlags }: Packet): Growing | undefined {
    const index = this.#over.findIndex(({ events }) => {
      const event = events.at(-1);
      return (
        event?.kind === 'leaves' &&
        event.packet.family === family &&
        event.packet.source === source &&
        event.packet.destination === destination &&
        event.packet.sourcePort === sourcePort &&
        event.packet.destinationPort === destinationPort &&
        event.packet.tcpFlags === tcpFlags
      );
    });
    return index < 0 ? undefined : this.#over.splice(index, 1)[0];
  }

  #told(message: ToldMessage, now: number): void {
    const { id, chain, first, handle, place, verdict = '', policy, mark, target } = message;
    const account = this.#current.get(id);
    if (!account) return;
    account.last = now;
    if (first) account.table = (this.#options.titleOf ?? tableTitle)(message.family, message.table, chain);
    const table = account.table || tableTitle(message.family, message.table);
    if (first) {
      const packet = this.#packetIn(message, account);
      account.idle = !packet || this.#options.idle(packet.family, table, chain);
      this.#connected(account, message, packet);
      if (packet && !account.idle) account.events.push({ kind: 'asked', table, chain, packet });
    }
    if (account.idle) return;
    if (handle !== undefined) {
      const number = place === undefined ? {} : { number: place.number };
      const leads = target === undefined ? {} : { target };
      const { family } = account.packet;
      account.events.push({ kind: 'rule', family, table, chain, ...number, verdict, ...leads, mark });
      if (LAST_VERDICTS.includes(verdict)) this.#end(account, false);
    } else if (policy !== undefined) {
      account.events.push({ kind: 'policy', table, chain, policy: policy === 'drop' ? 'DROP' : 'ACCEPT' });
      if (policy === 'drop') this.#end(account, false);
    }
  }

  /** Connection tracking looks at a packet after the watching table did. */
  #connected(account: Growing, { connection }: ToldMessage, packet: Packet | undefined): void {
    if (!connection || !packet) return;
    const { id, reply, status } = connection;
    if (id !== 0) account.connection ??= { id, reply, ...(status & CTSTATUS.CONFIRMED ? { confirmed: true } : {}) };
    if (account.packet.ctstate !== undefined) return;
    const { ctstate, ctmark } = packet;
    account.packet = { ...account.packet, ctstate, ctmark };
  }

  #end(account: Growing, quiet: boolean): void {
    for (const [id, one] of this.#current) if (one === account) this.#current.delete(id);
    const at = this.#over.indexOf(account);
    if (at >= 0) this.#over.splice(at, 1);
    const { direction, packet, events, connection, seen, order, fragment } = account;
    const { tellsConnections = false } = this.#options;
    // A packet that nobody's socket sent may be the kernel's own: its owner matches cannot be told.
    const owner = direction === 'out' ? ownerIn(account.owner) : undefined;
    const owned = owner ? { owned: 1, ...owner } : direction === 'out' ? { owned: undefined } : {};
    const told: KernelAccount = {
      direction,
      packet: { ...packet, ...owned },
      events,
      ...(connection ? { connection } : {}),
      ...(fragment ? { fragment } : {}),
      tellsConnections,
      seen,
      quiet,
    };
    this.#complete.push({ order, account: told });
  }
}
