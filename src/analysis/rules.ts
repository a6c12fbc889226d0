import { type CompiledChain, chainsAt, type Program } from '../trace/parts.ts';
import { kept } from './kept.ts';

/** All chains that any hook leads to, those that are called before those that call. */
export const chainsOf = (program: Program): readonly CompiledChain[] =>
  kept(chainsByProgram, program, () => chainsAt(program));

const chainsByProgram = new WeakMap<Program, readonly CompiledChain[]>();
