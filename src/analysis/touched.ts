import { ALWAYS } from '../netfilter/index.ts';
import { type CompiledChain, type CompiledRule, contentsOfChain } from '../trace/parts.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import type { Environment } from './environment.ts';
import { kept } from './kept.ts';
import type { Workshop } from './tables.ts';

/** So few rules are gone through one by one. */
export const FEW = 12;

/** Packets that rules look at more closely: those that none of some rules matches pass them by. */
export class Touched {
  readonly #shop: Workshop;
  readonly #known = new Map<CompiledChain, Map<string, Edge>>();

  constructor(shop: Workshop) {
    this.#shop = shop;
  }

  /** The packets that any rule of a chain from one on up to another matches. */
  between(chain: CompiledChain, environment: Environment, first: number, end: number): Edge {
    // Rules that are undecided may do something to any packet.
    if (contentsOfChain(chain).open) return ALL;
    if (end - first === 1) return this.by(chain.rules[first]!, environment);
    const known = kept(this.#known, chain, () => new Map<string, Edge>());
    return kept(known, `${first} ${end} ${environment.id}`, () => {
      const middle = (first + end) >>> 1;
      return this.#shop.diagram.or(
        this.between(chain, environment, first, middle),
        this.between(chain, environment, middle, end),
      );
    });
  }

  /** The packets that meet what a rule asks; of a native rule, what any of its statements asks first. */
  by(rule: CompiledRule, environment: Environment): Edge {
    const { diagram, folding } = this.#shop;
    const visit = { rule, key: 'dead' };
    if (!rule.acts) return folding.fold(rule.predicate, environment, visit);
    let set: Edge = NONE;
    for (const { predicate } of rule.acts[0]?.alternatives ?? [{ predicate: ALWAYS }])
      set = diagram.or(set, folding.fold(predicate, environment, visit));
    return set;
  }
}
