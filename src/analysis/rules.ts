import type { Predicate } from '../netfilter/index.ts';
import type { CompiledChain, CompiledRule, Program } from '../trace/parts.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export function chainsOf(program: Program): readonly CompiledChain[] {
  const known = chainsByProgram.get(program);
  if (known) return known;
  const found = new Set<CompiledChain>();
  for (const { first } of Object.values(program.plan)) {
    for (const part of first) {
      if (part.kind === 'conntrack') continue;
      const all = part.kind === 'native' ? [part.asked] : [...part.held, ...part.beside, ...part.before, ...part.after];
      for (const { base } of all) if (base) visit(base, found);
    }
  }
  const chains = [...found];
  chainsByProgram.set(program, chains);
  return chains;
}

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();

function visit(chain: CompiledChain, found: Set<CompiledChain>): void {
  if (found.has(chain)) return;
  for (const rule of chain.rules) for (const target of targetsOf(rule)) visit(target, found);
  found.add(chain);
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
