import type { Effect, HookName, Predicate } from '../netfilter/index.ts';
import { contentsOfChain } from './contents.ts';
import type { CompiledChain, CompiledRule, Program } from './program.ts';

/** All chains that these hooks lead to, or any hook; those that are called before those that call. */
export function chainsAt(
  { plan }: Pick<Program, 'plan'>,
  hooks: readonly HookName[] = Object.keys(plan) as HookName[],
): readonly CompiledChain[] {
  const found = new Set<CompiledChain>();
  for (const hook of hooks) {
    for (const part of plan[hook].first) {
      if (part.kind === 'conntrack') continue;
      const all = part.kind === 'native' ? [part.asked] : [...part.held, ...part.beside, ...part.before, ...part.after];
      for (const { base } of all) if (base) visit(base, found);
    }
  }
  return [...found];
}

/** Without calling itself: a text may hold chains that call one another more often than functions here can. */
function visit(base: CompiledChain, found: Set<CompiledChain>): void {
  const waiting = [base];
  const begun = new Set<CompiledChain>();
  for (let chain = waiting.at(-1); chain; chain = waiting.at(-1)) {
    if (!begun.has(chain) && !found.has(chain)) {
      begun.add(chain);
      // The first one called is the first one found.
      for (const target of [...contentsOfChain(chain).targets].reverse()) if (!begun.has(target)) waiting.push(target);
    } else {
      found.add(chain);
      waiting.pop();
    }
  }
}

/** The chains that a rule leads to. */
export const targetsOf = ({ target, acts }: CompiledRule): readonly CompiledChain[] =>
  acts
    ? acts.flatMap(({ alternatives }) => alternatives.flatMap(({ as }) => (as.target ? [as.target] : [])))
    : target
      ? [target]
      : [];

/** What a rule asks, act by act. */
export const predicatesOf = ({ predicate, acts }: CompiledRule): readonly Predicate[] =>
  acts ? acts.flatMap(({ alternatives }) => alternatives.map((alternative) => alternative.predicate)) : [predicate];

/** What a rule does, act by act. */
export const effectsOf = ({ effect, acts }: CompiledRule): readonly Effect[] =>
  acts ? acts.flatMap(({ alternatives }) => alternatives.map(({ as }) => as.effect)) : [effect];
