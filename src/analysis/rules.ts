import type { Effect, Leaf } from '../netfilter/index.ts';
import { type CompiledChain, chainsAt, contentsOfChain, type Program } from '../trace/parts.ts';
import { kept } from './kept.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export const chainsOf = (program: Program): readonly CompiledChain[] =>
  kept(chainsByProgram, program, () => chainsAt(program));

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();

/** What all rules ask and do. Rules share what they have in common: it is there once. */
export interface Contents {
  readonly leaves: ReadonlySet<Leaf>;
  readonly effects: readonly Effect[];
  readonly rules: number;
}

export const contentsOf = (program: Program): Contents =>
  kept(contentsByProgram, program, () => {
    const leaves = new Set<Leaf>();
    const effects = new Set<Effect>();
    let rules = 0;
    for (const chain of chainsOf(program)) {
      rules += chain.rules.length;
      const contents = contentsOfChain(chain);
      for (const leaf of contents.leaves) leaves.add(leaf);
      for (const effect of contents.effects) effects.add(effect);
    }
    return { leaves, effects: [...effects], rules };
  });

const contentsByProgram = new WeakMap<Program, Contents>();
