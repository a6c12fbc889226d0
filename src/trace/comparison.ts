import { type AddressValue, formatAddress } from '../address/index.ts';
import { formatField, type KernelAccount, type KernelEvent, type Packet } from '../netfilter/index.ts';
import { LOOPBACK } from './host.ts';
import type { CompiledChain, CompiledRule } from './program.ts';
import type { Outcome, Step } from './result.ts';
import type { Walk } from './state.ts';
import type { Witness } from './witness.ts';

type SameRule = (event: Extract<KernelEvent, { readonly kind: 'rule' }>, rule: CompiledRule) => boolean;

/** The first thing that the kernel and the walk say differently of a packet. */
export class Differs extends Error {
  override readonly name = 'Differs';
  /** How many of the kernel's events, and of the walk's steps, both agree on. */
  readonly agreed: { readonly events: number; readonly steps: number };
  readonly kernel: KernelEvent | undefined;
  readonly simulator: string;

  constructor(agreed: Differs['agreed'], kernel: KernelEvent | undefined, simulator: string) {
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
 */
export class Comparison implements Witness {
  readonly unconfirmed: string[] = [];
  readonly #account: KernelAccount;
  readonly #steps: readonly Step[];
  readonly #sameRule: SameRule;
  #at = 0;
  #agreedSteps = 0;
  /** The chain that is asked tells nothing. */
  #mute = false;

  /** `sameRule`: whether a rule that the kernel says matched is one of the walk's. */
  constructor(account: KernelAccount, steps: readonly Step[], sameRule: SameRule) {
    this.#account = account;
    this.#steps = steps;
    this.#sameRule = sameRule;
  }

  /** How many of the kernel's events both agree on. */
  get events(): number {
    return this.#at;
  }

  asked({ packet }: Walk, base: CompiledChain): void {
    this.#mute = base.backend === 'legacy';
    if (this.#mute) {
      this.unconfirmed.push(`${base.table} ${base.name}`);
      return;
    }
    const event = this.#next();
    if (event?.kind !== 'asked' || event.table !== base.table || event.chain !== base.name)
      this.#differs(event, `${base.table} ${base.name} is asked`);
    this.#header(event, packet);
    this.#agree();
  }

  matched({ packet }: Walk, rule: CompiledRule, known: boolean): void {
    if (this.#mute) return;
    const event = this.#next();
    const { chain, number } = rule;
    if (event?.kind !== 'rule' || !this.#sameRule(event, rule))
      this.#differs(event, `${chain.table} ${chain.name} ${number} matches`);
    const { mark } = packet;
    if (known && mark !== undefined && mark !== event.mark && event.verdict !== 'drop')
      this.#differs(event, `the mark is ${formatField('mark', mark, packet.family)} after ${chain.name} ${number}`);
    this.#agree();
  }

  ranOut(_walk: Walk, { table, name, policy = 'ACCEPT' }: CompiledChain): void {
    if (this.#mute) return;
    const event = this.#next();
    if (event?.kind !== 'policy' || event.chain !== name || event.table !== table || event.policy !== policy)
      this.#differs(event, `${table} ${name} ends with its policy ${policy}`);
    this.#agree();
  }

  saw(rule: CompiledRule): boolean | undefined {
    if (this.#mute) return undefined;
    const event = this.#peek();
    return event?.kind === 'rule' && this.#sameRule(event, rule);
  }

  /** The walk is over. Why the rest is not compared, where the walk does not know it. */
  ended(outcome: Outcome, packet: Packet): string | undefined {
    if (outcome.kind === 'unknown') return outcome.because;
    // A legacy rule that lets nothing through is not told, nor is its packet's end.
    if (this.#mute && this.#account.quiet && ['dropped', 'rejected'].includes(outcome.kind)) return undefined;
    const event = this.#next();
    switch (outcome.kind) {
      case 'rejected':
        if (event) this.#differs(event, 'it is rejected');
        return undefined;
      case 'dropped':
        // Without a word the kernel drops what no rule, but routing or a socket has refused.
        if (event && event.kind !== 'received') this.#differs(event, `it is dropped: ${outcome.because}`);
        return undefined;
      case 'forwarded':
      case 'sent':
        if (event?.kind !== 'leaves') this.#differs(event, `it leaves by ${outcome.out}`);
        this.#header(event, packet);
        return undefined;
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
    return undefined;
  }

  #agree(): void {
    this.#agreedSteps = this.#steps.length;
  }

  /** A packet that leaves by loopback comes back: no step of its own. */
  #peek(): KernelEvent | undefined {
    const { events } = this.#account;
    for (;;) {
      const event = events[this.#at];
      if (event?.kind !== 'leaves' || event.packet.out !== LOOPBACK) return event;
      this.#at += 1;
    }
  }

  #next(): KernelEvent | undefined {
    const event = this.#peek();
    if (event) this.#at += 1;
    return event;
  }

  #header(event: Extract<KernelEvent, { readonly packet: Packet }>, packet: Packet): void {
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

  #differs(event: KernelEvent | undefined, simulator: string): never {
    // An event that the walk has nothing for is still to be told.
    const events = Math.max(0, this.#at - (event ? 1 : 0));
    throw new Differs({ events, steps: this.#agreedSteps }, event, simulator);
  }
}

const PORTS = [
  ['sourcePort', 'source port'],
  ['destinationPort', 'destination port'],
] as const;

const spoken = (family: Packet['family'], address: AddressValue): string => formatAddress(family, address);
