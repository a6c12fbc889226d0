import { type Effect, eachPart, type FieldName, type Leaf, type Predicate } from '../netfilter/index.ts';
import type { CompiledChain, CompiledRule } from './program.ts';

/** What the rules of a chain ask and do; not those of the chains that it leads to. What rules have in common is there once. */
export interface ChainContents {
  readonly leaves: ReadonlySet<Leaf>;
  readonly reads: ReadonlySet<FieldName>;
  readonly effects: ReadonlySet<Effect>;
  /** The chains that it leads to. */
  readonly targets: ReadonlySet<CompiledChain>;
  /** Whether any rule that does anything is undecided on some packet, whatever is known of it. */
  readonly open: boolean;
}

const CONTENTS = new WeakMap<CompiledChain, ChainContents>();

/** Gone through once, when somebody asks first: then all rules of the chain are there. */
export function contentsOfChain(chain: CompiledChain): ChainContents {
  let contents = CONTENTS.get(chain);
  if (!contents) {
    contents = find(chain);
    CONTENTS.set(chain, contents);
  }
  return contents;
}

function find({ rules }: CompiledChain): ChainContents {
  const leaves = new Set<Leaf>();
  const reads = new Set<FieldName>();
  const effects = new Set<Effect>();
  const targets = new Set<CompiledChain>();
  let open = false;
  let undecided = false;
  const seen = (part: Predicate): void => {
    if ('field' in part) {
      leaves.add(part);
      reads.add(part.field);
    } else if (part.kind === 'choice' || part.kind === 'unknown') undecided = true;
  };
  const add = (predicate: Predicate, effect: Effect, target: CompiledChain | undefined): void => {
    eachPart(predicate, seen);
    effects.add(effect);
    if (target) targets.add(target);
  };
  for (let at = 0; at < rules.length; at += 1) {
    const rule = rules[at]!;
    undecided = rule.effect.kind === 'queue' || rule.mayDrop !== undefined;
    if (rule.acts) {
      for (const { alternatives } of rule.acts)
        for (const { predicate, as } of alternatives) add(predicate, as.effect, as.target);
    } else add(rule.predicate, rule.effect, rule.target);
    if (undecided && !onlyCounts(rule)) open = true;
  }
  return { leaves, reads, effects, targets, open };
}

/** Whether a rule does nothing to packets: it counts them, or writes them into a log. */
export const onlyCounts = ({ effect, acts, mayDrop }: CompiledRule): boolean =>
  effect.kind === 'continue' && effect.assign.length === 0 && !acts && !mayDrop;
