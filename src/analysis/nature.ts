import type { FieldName } from '../netfilter/index.ts';
import { type CompiledChain, type CompiledRule, predicatesOf, targetsOf } from '../trace/parts.ts';
import { eachLeaf, eachPart } from './leaf.ts';

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
    const known = this.#known.get(chain);
    if (known) return known;
    const reads = new Set<FieldName>();
    let changes = false;
    let open = false;
    const active = chain.rules.filter((rule) => !isIdle(rule));
    for (const rule of active) {
      for (const predicate of predicatesOf(rule)) eachLeaf(predicate, ({ field }) => reads.add(field));
      changes ||= changesPackets(rule);
      open ||= isOpen(rule);
      for (const target of targetsOf(rule)) {
        const inner = this.of(target);
        for (const field of inner.reads) reads.add(field);
        changes ||= inner.changes;
        open ||= inner.open;
      }
    }
    const nature = { changes, open, reads, active };
    this.#known.set(chain, nature);
    return nature;
  }
}

/** It only counts, or writes into a log. */
const isIdle = ({ effect, acts, mayDrop }: CompiledRule): boolean =>
  !acts && !mayDrop && effect.kind === 'continue' && effect.assign.length === 0;

function changesPackets({ effect, acts }: CompiledRule): boolean {
  const effects = acts ? acts.flatMap(({ alternatives }) => alternatives.map(({ as }) => as.effect)) : [effect];
  return effects.some(
    (each) => each.kind === 'nat' || each.kind === 'tproxy' || (each.kind === 'continue' && each.assign.length > 0),
  );
}

/** Whether a rule is undecided on some packet, whatever is known of it. */
export function isOpen(rule: CompiledRule): boolean {
  let open = rule.effect.kind === 'queue' || rule.mayDrop !== undefined;
  for (const predicate of predicatesOf(rule))
    eachPart(predicate, ({ kind }) => {
      open ||= kind === 'choice' || kind === 'unknown';
    });
  return open;
}
