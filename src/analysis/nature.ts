import { type Effect, eachPart, type FieldName } from '../netfilter/index.ts';
import { type CompiledChain, type CompiledRule, contentsOfChain, onlyCounts, predicatesOf } from '../trace/parts.ts';
import { kept } from './kept.ts';

/** What a chain is like, and all that it leads to. */
export interface Nature {
  /** It changes the packet, or what the walk remembers of it. */
  readonly changes: boolean;
  /** The kernel chooses in it, or Sidestep does not know: each visit is one of its own. */
  readonly open: boolean;
  readonly reads: ReadonlySet<FieldName>;
  /** Its rules that can do anything to a packet. */
  readonly active: readonly CompiledRule[];
}

/** What chains are like, found out once each. */
export class Natures {
  readonly #known = new Map<CompiledChain, Nature>();

  of(chain: CompiledChain): Nature {
    return kept(this.#known, chain, () => this.#find(chain));
  }

  #find(chain: CompiledChain): Nature {
    const { reads: own, effects, targets, open: chooses } = contentsOfChain(chain);
    const reads = new Set(own);
    let changes = false;
    let open = chooses;
    for (const effect of effects) changes ||= changesPackets(effect);
    for (const target of targets) {
      const inner = this.of(target);
      for (const field of inner.reads) reads.add(field);
      changes ||= inner.changes;
      open ||= inner.open;
    }
    return { changes, open, reads, active: chain.rules.filter((rule) => !onlyCounts(rule)) };
  }
}

const changesPackets = (effect: Effect): boolean =>
  effect.kind === 'nat' || effect.kind === 'tproxy' || (effect.kind === 'continue' && effect.assign.length > 0);

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
