import type { CompiledChain, CompiledRule } from './program.ts';
import type { Walk } from './state.ts';

/**
 * Goes along with a walk and is told what happens, as it happens: for those who hold another account of the same packet (the
 * kernel's own) beside it. `steps` write the same walk down in full; a witness costs next to nothing.
 */
export interface Witness {
  /** A built-in chain is asked; the packet is as it comes there. */
  asked(walk: Walk, base: CompiledChain): void;
  /** A rule matched and has been carried out; not `known`: what it does is not known. */
  matched(walk: Walk, rule: CompiledRule, known: boolean): void;
  /** A built-in chain ran out: its policy decides. */
  ranOut(walk: Walk, base: CompiledChain): void;
  /**
   * Whether a rule that is undecided matched, where the other account tells; undefined leaves it to the walk. Of a native rule,
   * `as` is what it would do in this alternative.
   */
  saw?(rule: CompiledRule, as?: CompiledRule): boolean | undefined;
}
