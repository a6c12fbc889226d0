import { type CompiledChain, chainsAt, type Program } from '../trace/parts.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export function chainsOf(program: Program): readonly CompiledChain[] {
  const known = chainsByProgram.get(program);
  if (known) return known;
  const chains = chainsAt(program);
  chainsByProgram.set(program, chains);
  return chains;
}

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();
