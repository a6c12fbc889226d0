import type { Effect, Leaf } from '../netfilter/index.ts';
import { type CompiledChain, chainsAt, contentsOfChain, type Program } from '../trace/parts.ts';
import { kept } from './kept.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export const chainsOf = (program: Program): readonly CompiledChain[] =>
  kept(chainsByProgram, program, () => chainsAt(program));

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();

/** What all rules of several rule sets ask. Rules share what they have in common, and rule sets chains: it is there once. */
export function leavesOf(programs: readonly Program[]): ReadonlySet<Leaf> {
  const leaves = new Set<Leaf>();
  for (const chain of new Set(programs.flatMap(chainsOf)))
    for (const leaf of contentsOfChain(chain).leaves) leaves.add(leaf);
  return leaves;
}

/** What all rules do. */
export interface Contents {
  readonly effects: readonly Effect[];
  readonly rules: number;
}

export const contentsOf = (program: Program): Contents =>
  kept(contentsByProgram, program, () => {
    const effects = new Set<Effect>();
    let rules = 0;
    for (const chain of chainsOf(program)) {
      rules += chain.rules.length;
      for (const effect of contentsOfChain(chain).effects) effects.add(effect);
    }
    return { effects: [...effects], rules };
  });

const contentsByProgram = new WeakMap<Program, Contents>();
