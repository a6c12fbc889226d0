import { type Effect, eachLeaf, type Leaf } from '../netfilter/index.ts';
import { type CompiledChain, chainsAt, effectsOf, type Program, predicatesOf } from '../trace/parts.ts';
import { kept } from './kept.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export const chainsOf = (program: Program): readonly CompiledChain[] =>
  kept(chainsByProgram, program, () => chainsAt(program));

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();

/** What all rules ask and do. Rules share what they have in common: it is there once. */
export interface Contents {
  readonly leaves: ReadonlySet<Leaf>;
  readonly effects: ReadonlySet<Effect>;
  readonly rules: number;
}

export const contentsOf = (program: Program): Contents =>
  kept(contentsByProgram, program, () => {
    const leaves = new Set<Leaf>();
    const effects = new Set<Effect>();
    let rules = 0;
    for (const chain of chainsOf(program)) {
      rules += chain.rules.length;
      for (const rule of chain.rules) {
        for (const predicate of predicatesOf(rule)) eachLeaf(predicate, (leaf) => leaves.add(leaf));
        for (const effect of effectsOf(rule)) effects.add(effect);
      }
    }
    return { leaves, effects, rules };
  });

const contentsByProgram = new WeakMap<Program, Contents>();
