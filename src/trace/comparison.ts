import { type AddressValue, formatAddress } from '../address/index.ts';
import { CTSTATUS, formatField, type KernelEvent, type Packet, type SeenPacket } from '../netfilter/index.ts';
import { isAtDevice } from './at-device.ts';
import { LOOPBACK } from './host.ts';
import type { CompiledAct, CompiledChain, CompiledRule } from './program.ts';
import type { Outcome, Step } from './result.ts';
import type { Walk } from './state.ts';
import type { Witness } from './witness.ts';

type Event = KernelEvent<SeenPacket>;
type SameRule = (event: Extract<Event, { readonly kind: 'rule' }>, rule: CompiledRule) => boolean;

/** The first thing that the kernel and the walk say differently of a packet. */
export class Differs extends Error {
  override readonly name = 'Differs';
  /** How many of the kernel's events, and which of the walk's steps, both agree on. */
  readonly agreed: { readonly events: number; readonly steps: readonly Step[] };
  readonly kernel: Event | undefined;
  readonly simulator: string;

  constructor(agreed: Differs['agreed'], kernel: Event | undefined, simulator: string) {
    super(`the kernel says something else than: ${simulator}`);
    this.agreed = agreed;
    this.kernel = kernel;
    this.simulator = simulator;
  }
}

/**
 * Goes along with a walk and holds the kernel's account beside it, step by step. Throws Differs where they part. What the
 * walk says it does not know is not compared; where a rule is open, the walk follows the kernel. Rules of the legacy back end
 * tell nothing: what the walk says of them is not confirmed, and is noted in `unconfirmed`.
 *
 * `exactly` is for packets of which everything is known: hops and classes, the connection and the last word are compared, too.
 */
export class Comparison implements Witness {
  readonly unconfirmed: string[] = [];
  readonly #account: Told;
  readonly #steps: readonly Step[];
  readonly #sameRule: SameRule;
  readonly #exactly: boolean;
  #at = 0;
  #agreedSteps = 0;
  /** The chain that is asked tells nothing. */
  #mute = false;
  /** It is nat's: nat rewrites when its chain is over, other targets at once. */
  #nat = false;
  #untold: SeenPacket | undefined;

  /** `sameRule`: whether a rule that the kernel says matched is one of the walk's. */
  constructor(account: Told, steps: readonly Step[], sameRule: SameRule, exactly = false) {
    this.#account = account;
    this.#steps = steps;
    this.#sameRule = sameRule;
    this.#exactly = exactly;
  }

  /** How many of the kernel's events both agree on. */
  get events(): number {
    return this.#at;
  }

  asked({ packet }: Walk, base: CompiledChain): void {
    this.#mute = base.backend === 'legacy' || isAtDevice(base);
    if (this.#mute) {
      this.unconfirmed.push(`${base.table} ${base.name}`);
      return;
    }
    const event = this.#next();
    if (event?.kind !== 'asked' || event.table !== base.table || event.chain !== base.name)
      this.#differs(event, `${base.table} ${base.name} is asked`);
    this.#nat = base.table === 'nat' || base.base?.type === 'nat';
    if (this.#nat || !this.#exactly) this.#ends(event, packet);
    this.#untold = event.packet;
    this.#agree();
  }

  matched(walk: Walk, rule: CompiledRule, known: boolean): void {
    if (this.#mute) return;
    const event = this.#next();
    const { chain, number } = rule;
    if (event?.kind !== 'rule' || !this.#sameRule(event, rule))
      this.#differs(event, `${chain.table} ${chain.name} ${number} matches`);
    // The answer that REJECT sends goes through nat, for the same connection, before the kernel tells of the rule.
    if (known && rule.effect.kind !== 'reject') this.#later(walk);
    else this.#untold = undefined;
    const { packet } = walk;
    const { mark } = packet;
    if (known && mark !== undefined && mark !== event.mark && event.verdict !== 'drop')
      this.#differs(event, `the mark is ${formatField('mark', mark, packet.family)} after ${chain.name} ${number}`);
    this.#agree();
  }

  ranOut(walk: Walk, { table, name, policy = 'ACCEPT' }: CompiledChain): void {
    if (this.#mute) return;
    const event = this.#next();
    if (event?.kind !== 'policy' || event.chain !== name || event.table !== table || event.policy !== policy)
      this.#differs(event, `${table} ${name} ends with its policy ${policy}`);
    this.#later(walk);
    this.#agree();
  }

  saw(rule: CompiledRule, as?: CompiledRule): boolean | undefined {
    if (this.#mute) return undefined;
    const event = this.#peek();
    // A native rule that ends halfway tells nothing, but what it did before stays done.
    if (event?.kind !== 'rule' || !this.#sameRule(event, rule)) return rule.acts?.some(changes) ? undefined : false;
    const said = as && VERDICTS[as.effect.kind];
    if (said === undefined) return true;
    if (said !== event.verdict) return false;
    // Where several ways through the rule end alike, the kernel does not tell which it went.
    const alike = (rule.acts ?? []).flatMap(({ alternatives }) =>
      alternatives.filter((one) => VERDICTS[one.as.effect.kind] === said),
    );
    return alike.length > 1 ? undefined : true;
  }

  /** The walk is over. Why the rest is not compared, where the walk does not know it. */
  ended(outcome: Outcome, packet: Packet): string | undefined {
    if (outcome.kind === 'unknown') return outcome.because;
    // A legacy rule that lets nothing through is not told, nor is its packet's end.
    if (this.#mute && this.#account.quiet && ['dropped', 'rejected'].includes(outcome.kind)) return undefined;
    const event = this.#next();
    // What is dropped at a device had left as far as the kernel tells.
    if (this.#mute && outcome.kind === 'dropped' && event?.kind === 'leaves') return undefined;
    switch (outcome.kind) {
      case 'rejected':
        if (event) this.#differs(event, 'it is rejected');
        return undefined;
      case 'dropped':
        // Without a word the kernel drops what no rule, but routing or a socket has refused.
        if (event && !this.#swallows(event, outcome.because)) this.#differs(event, `it is dropped: ${outcome.because}`);
        return this.#over();
      case 'forwarded':
      case 'sent':
        if (event?.kind !== 'leaves') this.#differs(event, `it leaves by ${outcome.out}`);
        this.#header(event, packet);
        return this.#over();
      case 'answered':
        if (outcome.out !== undefined) {
          if (event?.kind !== 'leaves') this.#differs(event, `it leaves by ${outcome.out}`);
          return undefined;
        }
        break;
      default:
    }
    if (event?.kind === 'leaves' && outcome.kind === 'astray') return undefined;
    if (event?.kind !== 'received') this.#differs(event, `this host gets it: ${outcome.because}`);
    this.#header(event, packet);
    return this.#over();
  }

  /** Whether the kernel tells that a packet is received which is dropped behind all chains: by a socket that is mute. */
  #swallows({ kind }: Event, because: string): boolean {
    return kind === 'received' && (!this.#exactly || /not transparent/.test(because));
  }

  #over(): undefined {
    const more = this.#exactly ? this.#next() : undefined;
    if (more) this.#differs(more, 'it is over');
  }

  #agree(): void {
    this.#agreedSteps = this.#steps.length;
  }

  /** A packet that leaves by loopback comes back: no step of its own. */
  #peek(): Event | undefined {
    const { events } = this.#account;
    for (;;) {
      const event = events[this.#at];
      if (event?.kind !== 'leaves' || event.packet.out !== LOOPBACK) return event;
      this.#at += 1;
    }
  }

  #next(): Event | undefined {
    const event = this.#peek();
    if (event) this.#at += 1;
    return event;
  }

  #header(event: Extract<Event, { readonly packet: SeenPacket }>, packet: Packet): void {
    this.#ends(event, packet);
    if (this.#exactly) this.#class(event, event.packet, packet);
  }

  #ends(event: Extract<Event, { readonly packet: SeenPacket }>, packet: Packet): void {
    const { packet: seen } = event;
    const { family, source, destination } = packet;
    const say = (what: string): never => this.#differs(event, what);
    if (source !== undefined && source !== seen.source) say(`the source is ${spoken(family, source)}`);
    if (destination !== seen.destination) say(`the destination is ${spoken(family, destination)}`);
    for (const [field, what] of PORTS) {
      const [port, other] = [packet[field], seen[field]];
      if (port !== undefined && other !== undefined && port !== other) say(`the ${what} is ${port}`);
    }
    for (const field of ['in', 'out'] as const) {
      const [wire, other] = [packet[field], seen[field]];
      // What the kernel's own IPv6 sends has the outgoing device for its incoming one too (ip6_output).
      if (field === 'in' && wire === '' && seen.out !== '') continue;
      if (wire !== undefined && other !== undefined && wire !== other)
        say(wire === '' ? `there is no interface ${field}` : `${field} is ${wire}`);
    }
  }

  #class(event: Event, seen: SeenPacket, packet: Packet): void {
    for (const field of ['ttl', 'dscp', 'ecn'] as const) {
      const value = packet[field];
      if (value !== undefined && value !== seen[field])
        this.#differs(event, `${field} is ${formatField(field, value, packet.family)}`);
    }
  }

  /** The kernel tells of the packet in the first message of a chain: as it is after the first rule that matched. */
  #later({ connection, packet }: Walk): void {
    const seen = this.#untold;
    this.#untold = undefined;
    if (!seen || !this.#exactly) return;
    const event = this.#account.events[this.#at - 2] as Extract<Event, { readonly packet: SeenPacket }>;
    if (!this.#nat) this.#ends(event, packet);
    this.#class(event, seen, packet);
    const tells = connection === 'tracked' || connection === 'untracked';
    const state = tells ? packet.ctstate : undefined;
    if (state !== seen.ctstate && connection !== 'template')
      this.#differs(
        event,
        state === undefined ? 'no connection' : `the state is ${formatField('ctstate', state, packet.family)}`,
      );
    if (connection !== 'tracked' || packet.ctstatus === undefined) return;
    const status = packet.ctstatus & STATUS;
    if (status !== ((seen.ctstatus ?? 0) & STATUS))
      this.#differs(event, `the status is ${formatField('ctstatus', status, packet.family)}`);
  }

  #differs(event: Event | undefined, simulator: string): never {
    // An event that the walk has nothing for is still to be told.
    const events = Math.max(0, this.#at - (event ? 1 : 0));
    throw new Differs({ events, steps: this.#steps.slice(0, this.#agreedSteps) }, event, simulator);
  }
}

/** What of an account is held beside the walk. */
interface Told {
  readonly events: readonly Event[];
  readonly quiet: boolean;
}

/** What the kernel calls an effect that ends a rule. */
const VERDICTS: Readonly<Partial<Record<CompiledRule['effect']['kind'], string>>> = {
  accept: 'accept',
  drop: 'drop',
  return: 'return',
  jump: 'jump',
  goto: 'goto',
  nat: 'accept',
  reject: 'drop',
};

const changes = ({ alternatives }: CompiledAct): boolean =>
  alternatives.some(
    ({ as: { effect } }) => effect.kind === 'tproxy' || (effect.kind === 'continue' && effect.assign.length > 0),
  );

/** Those bits of a connection's status that are followed. */
export const STATUS = Object.values(CTSTATUS).reduce((all, bit) => all | bit, 0);

const PORTS = [
  ['sourcePort', 'source port'],
  ['destinationPort', 'destination port'],
] as const;

const spoken = (family: Packet['family'], address: AddressValue): string => formatAddress(family, address);
