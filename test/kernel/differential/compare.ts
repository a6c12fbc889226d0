import { type AddressValue, formatAddress } from '../../../src/address/index.ts';
import { CTSTATUS, formatField, type Packet } from '../../../src/netfilter/index.ts';
import type { Outcome, Witness } from '../../../src/trace/index.ts';
import type { Account, Event, Seen } from './account.ts';

type Walk = Parameters<Witness['asked']>[0];
type Base = Parameters<Witness['asked']>[1];
type Rule = Parameters<Witness['matched']>[1];

/** The first thing that the kernel and Sidestep say differently of a packet. */
export class Differs extends Error {
  override readonly name = 'Differs';
  /** How many of the kernel's events both agree on. */
  readonly agreed: number;
  readonly kernel: string;
  readonly sidestep: string;

  constructor(agreed: number, kernel: string, sidestep: string) {
    super(`the kernel: ${kernel}; Sidestep: ${sidestep}`);
    this.agreed = agreed;
    this.kernel = kernel;
    this.sidestep = sidestep;
  }
}

/** What the kernel calls an effect that ends a rule. */
const VERDICTS: Readonly<Partial<Record<Rule['effect']['kind'], string>>> = {
  accept: 'accept',
  drop: 'drop',
  return: 'return',
  jump: 'jump',
  goto: 'goto',
};

const changes = ({ alternatives }: NonNullable<Rule['acts']>[number]): boolean =>
  alternatives.some(
    ({ as: { effect } }) => effect.kind === 'tproxy' || (effect.kind === 'continue' && effect.assign.length > 0),
  );

const STATUS = Object.values(CTSTATUS).reduce((all, bit) => all | bit, 0);
const LOOPBACK = 1;

/**
 * Goes along with a walk and holds the kernel's account beside it, step by step. Throws Differs where they part. What
 * Sidestep says it does not know is not compared; where a rule is open, the walk follows the kernel.
 */
export class Comparison implements Witness {
  readonly #events: readonly Event[];
  readonly #names: readonly string[];
  #at = 0;
  #untold: Seen | undefined;
  /** The chain that is asked is nat's: it rewrites when it is over, other targets at once. */
  #nat = false;

  /** `names` are the interfaces by their number. */
  constructor({ events }: Account, names: readonly string[]) {
    this.#events = events;
    this.#names = names;
  }

  asked(walk: Walk, base: Base): void {
    // A second account of one fate: the first packet of the connection that this one belongs to.
    const event = this.#next();
    if (event?.kind !== 'asked' || event.table !== base.table || event.chain !== base.name)
      this.#differs(event, `asks ${base.table} ${base.name}`);
    this.#nat = base.table === 'nat' || base.base?.type === 'nat';
    if (this.#nat) this.#ends(event.seen, walk.packet);
    this.#untold = event.seen;
  }

  matched(walk: Walk, rule: Rule, known: boolean): void {
    const event = this.#next();
    const { chain, number } = rule;
    if (
      event?.kind !== 'rule' ||
      event.place.number !== number ||
      event.place.chain !== chain.name ||
      event.place.table !== chain.table
    )
      this.#differs(event, `${chain.table} ${chain.name} ${number} matches`);
    // The answer that REJECT sends goes through nat, for the same connection, before the kernel tells of the rule.
    if (known && rule.effect.kind !== 'reject') this.#rest(walk);
    else {
      this.#untold = undefined;
      return;
    }
    const { mark } = walk.packet;
    if (mark !== undefined && mark !== event.mark && event.verdict !== 'drop') {
      const said = `mark ${formatField('mark', mark, walk.packet.family)} after ${chain.table} ${chain.name} ${number}`;
      this.#differs(event, said);
    }
  }

  ranOut(walk: Walk, { table, name, policy = 'ACCEPT' }: Base): void {
    const event = this.#next();
    if (
      event?.kind !== 'policy' ||
      event.chain !== name ||
      event.table !== table ||
      event.policy !== policy.toLowerCase()
    )
      this.#differs(event, `${table} ${name} ends with its policy ${policy}`);
    this.#rest(walk);
  }

  saw({ chain, number, acts }: Rule, as?: Rule): boolean | undefined {
    const event = this.#peek();
    const tells =
      event?.kind === 'rule' &&
      event.place.number === number &&
      event.place.chain === chain.name &&
      event.place.table === chain.table;
    // A native rule that ends halfway tells nothing, but what it did before stays done.
    if (!tells) return acts?.some(changes) ? undefined : false;
    const said = as && VERDICTS[as.effect.kind];
    return said === undefined || said === event.verdict;
  }

  /** The walk is over. True: all of it was compared; false: Sidestep says it does not know what comes next. */
  ended(outcome: Outcome, packet: Packet): boolean {
    const event = this.#next();
    switch (outcome.kind) {
      case 'unknown':
        return false;
      case 'rejected':
        if (event) this.#differs(event, 'rejected');
        return true;
      case 'dropped':
        // The socket that it reached is mute: that is behind what the kernel traces.
        if (event && !(event.kind === 'received' && /not transparent/.test(outcome.because)))
          this.#differs(event, `dropped: ${outcome.because}`);
        break;
      case 'forwarded':
      case 'sent':
        if (event?.kind !== 'leaves') this.#differs(event, `leaves by ${outcome.out}`);
        if (this.#names[event.seen.oif] !== outcome.out) this.#differs(event, `leaves by ${outcome.out}`);
        this.#header(event.seen, packet);
        break;
      default:
        if (event?.kind !== 'received') this.#differs(event, `received: ${outcome.because}`);
        this.#header(event.seen, packet);
    }
    const more = this.#next();
    if (more) this.#differs(more, 'it is over');
    return true;
  }

  /** A packet that leaves by loopback comes back. */
  #peek(): Event | undefined {
    for (;;) {
      const event = this.#events[this.#at];
      if (event?.kind !== 'leaves' || event.seen.oif !== LOOPBACK) return event;
      this.#at += 1;
    }
  }

  #next(): Event | undefined {
    const event = this.#peek();
    this.#at += 1;
    return event;
  }

  #header(seen: Seen, packet: Packet): void {
    this.#ends(seen, packet);
    this.#class(seen, packet);
  }

  #ends(seen: Seen, packet: Packet, at = this.#at - 1): void {
    const { source, destination, sourcePort, destinationPort } = packet;
    const say = (what: string): never => this.#differs(this.#events[at], what);
    if (source !== undefined && source !== seen.source) say(`source ${spoken(packet, source)}`);
    if (destination !== seen.destination) say(`destination ${spoken(packet, destination)}`);
    if (sourcePort !== undefined && sourcePort !== seen.ports >>> 16) say(`source port ${sourcePort}`);
    if (destinationPort !== undefined && destinationPort !== (seen.ports & 0xffff))
      say(`destination port ${destinationPort}`);
    if (packet.in !== undefined && packet.in !== (this.#names[seen.iif] ?? '')) say(`in ${packet.in}`);
    if (packet.out !== undefined && packet.out !== (this.#names[seen.oif] ?? '')) say(`out ${packet.out}`);
  }

  #class(seen: Seen, { ttl, dscp, ecn }: Packet, at = this.#at - 1): void {
    const say = (what: string): never => this.#differs(this.#events[at], what);
    if (ttl !== undefined && ttl !== seen.ttl) say(`TTL ${ttl}`);
    if (dscp !== undefined && dscp !== seen.tos >> 2) say(`DSCP ${dscp}`);
    if (ecn !== undefined && ecn !== (seen.tos & 3)) say(`ECN ${ecn}`);
  }

  /** The kernel tells of the packet in the first message of a chain: as it is after the first rule that matched. */
  #rest({ connection, packet }: Walk): void {
    const seen = this.#untold;
    if (!seen) return;
    this.#untold = undefined;
    if (!this.#nat) this.#ends(seen, packet, this.#at - 2);
    this.#class(seen, packet, this.#at - 2);
    const say = (what: string): never => this.#differs(this.#events[this.#at - 2], what);
    const state = connection === 'tracked' || connection === 'untracked' ? packet.ctstate : undefined;
    if (state !== seen.ctstate && connection !== 'template')
      say(state === undefined ? 'no connection' : `state ${formatField('ctstate', state, packet.family)}`);
    if (connection === 'tracked' && packet.ctstatus !== undefined) {
      const status = packet.ctstatus & STATUS;
      if (status !== (seen.ctstatus & STATUS)) say(`status ${formatField('ctstatus', status, packet.family)}`);
    }
  }

  #differs(event: Event | undefined, sidestep: string): never {
    throw new Differs(this.#at - 1, event ? eventText(event, this.#names) : 'nothing more', sidestep);
  }
}

const spoken = ({ family }: Packet, address: AddressValue): string => formatAddress(family, address);

const hex = (mark: number): string => (mark === 0 ? '' : ` mark 0x${mark.toString(16)}`);

function seenText(
  { iif, oif, source, destination, ttl, tos, ports, ctstate, ctstatus }: Seen,
  names: readonly string[],
): string {
  const family = typeof source === 'bigint' ? 'ipv6' : 'ipv4';
  const wires = [iif ? `in ${names[iif]}` : '', oif ? `out ${names[oif]}` : ''].filter((part) => part !== '').join(' ');
  const state = ctstate === undefined ? 'no connection' : `${formatField('ctstate', ctstate, family)}`;
  const status = (ctstatus & STATUS) === 0 ? '' : ` ${formatField('ctstatus', ctstatus & STATUS, family)}`;
  return `${formatAddress(family, source)} ${ports >>> 16} > ${formatAddress(family, destination)} ${ports & 0xffff} ${wires} ttl ${ttl}${tos === 0 ? '' : ` tos 0x${tos.toString(16)}`} ${state}${status}`;
}

/** An event as a line of text. */
export function eventText(event: Event, names: readonly string[]): string {
  switch (event.kind) {
    case 'asked':
      return `${event.table} ${event.chain}: ${seenText(event.seen, names)}`;
    case 'rule':
      return `${event.place.table} ${event.place.chain} ${event.place.number} ${event.verdict}${hex(event.mark)}`;
    case 'policy':
      return `${event.table} ${event.chain} policy ${event.policy}`;
    case 'received':
    case 'leaves':
      return `${event.kind}: ${seenText(event.seen, names)}${hex(event.mark)}`;
  }
}
