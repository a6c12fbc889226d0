import { type Effect, eachPart, type FieldName } from '../netfilter/index.ts';
import { type CompiledChain, type CompiledRule, contentsOfChain, onlyCounts, predicatesOf } from '../trace/parts.ts';
import { madeOf } from './boundaries.ts';
import { kept } from './kept.ts';

/** What a chain is like, and all that it leads to. */
export interface Nature {
  /** It changes the packet, or what the walk remembers of it. */
  readonly changes: boolean;
  /** The kernel chooses in it, or Sidestep does not know: each visit is one of its own. */
  readonly open: boolean;
  readonly reads: ReadonlySet<FieldName>;
  /** By which way packets are to leave may be asked for. */
  readonly routed: boolean;
  /** Its rules that can do anything to a packet. */
  readonly active: readonly CompiledRule[];
}

/** What chains are like, found out once each. */
export class Natures {
  readonly #known = new Map<CompiledChain, Nature>();
  readonly #told = new Map<CompiledChain, ReadonlySet<FieldName>>();

  of(chain: CompiledChain): Nature {
    return kept(this.#known, chain, () => this.#find(chain));
  }

  /** All that a chain can tell of a packet: what it reads, and what that is found out from. */
  tells(chain: CompiledChain): ReadonlySet<FieldName> {
    return kept(
      this.#told,
      chain,
      () => new Set([...this.of(chain).reads].flatMap((field) => [field, ...madeOf(field)])),
    );
  }

  #find(chain: CompiledChain): Nature {
    const { reads: own, effects, targets, open: chooses } = contentsOfChain(chain);
    // Most chains read no more than their own rules do.
    let reads = own;
    let changes = false;
    let routed = false;
    let open = chooses;
    for (const effect of effects) {
      changes ||= changesPackets(effect);
      routed ||= asksRoute(effect);
    }
    for (const target of targets) {
      const inner = this.of(target);
      if (!isWithin(inner.reads, reads)) reads = new Set([...reads, ...inner.reads]);
      changes ||= inner.changes;
      routed ||= inner.routed;
      open ||= inner.open;
    }
    for (const field of own) routed ||= field === 'out' || madeOf(field).includes('out');
    return { changes, open, reads, routed, active: chain.rules.filter((rule) => !onlyCounts(rule)) };
  }
}

function isWithin<T>(part: ReadonlySet<T>, whole: ReadonlySet<T>): boolean {
  for (const one of part) if (!whole.has(one)) return false;
  return true;
}

const changesPackets = (effect: Effect): boolean =>
  effect.kind === 'nat' || effect.kind === 'tproxy' || (effect.kind === 'continue' && effect.assign.length > 0);

/** MASQUERADE takes an address of the device; what TPROXY hands over is looked up. */
const asksRoute = (effect: Effect): boolean =>
  effect.kind === 'tproxy' || (effect.kind === 'nat' && effect.address === 'outgoing');

/** Whether a rule is undecided on some packet, whatever is known of it. */
export function isOpen(rule: CompiledRule): boolean {
  if (!contentsOfChain(rule.chain).open) return false;
  let open = rule.effect.kind === 'queue' || rule.mayDrop !== undefined;
  for (const predicate of predicatesOf(rule))
    eachPart(predicate, ({ kind }) => {
      open ||= kind === 'choice' || kind === 'unknown';
    });
  return open;
}
