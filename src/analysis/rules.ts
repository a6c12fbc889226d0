import type { Effect, Leaf } from '../netfilter/index.ts';
import { type CompiledChain, chainsAt, contentsOfChain, type Program } from '../trace/parts.ts';
import { kept } from './kept.ts';
import { TooComplex } from './too-complex.ts';

/**
 * All chains that any hook leads to, those that are called before those that call. Throws TooComplex where they call one another more
 * often than is followed.
 */
export const chainsOf = (program: Program): readonly CompiledChain[] =>
  kept(chainsByProgram, program, () => {
    const chains = chainsAt(program);
    const depths = new Map<CompiledChain, number>();
    for (const chain of chains) {
      let depth = 0;
      for (const target of contentsOfChain(chain).targets) depth = Math.max(depth, 1 + (depths.get(target) ?? 0));
      if (depth > DEEPEST) throw new TooComplex(`chains call one another more than ${DEEPEST} times in a row`);
      depths.set(chain, depth);
    }
    return chains;
  });

/** nft's chains go 16 deep; those of the legacy back end as deep as there are chains. Source: NFT_JUMP_STACK_SIZE; x_tables.c. */
const DEEPEST = 256;

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();

/** What all rules of several rule sets ask. Rules share what they have in common, and rule sets chains: it is there once. */
export function leavesOf(programs: readonly Program[]): ReadonlySet<Leaf> {
  const leaves = new Set<Leaf>();
  for (const chain of new Set(programs.flatMap(chainsOf)))
    contentsOfChain(chain).leaves.forEach((leaf) => {
      leaves.add(leaf);
    });
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
