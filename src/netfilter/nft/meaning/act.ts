import type { Effect } from '../../effect.ts';
import { ALWAYS, type Predicate, unknown } from '../../predicate.ts';

/** One way in which a statement may go on: when `when` holds, `effect` happens. */
export interface Alternative {
  readonly when: Predicate;
  readonly effect: Effect;
}

/**
 * One thing that a native rule does, in its place among the others. The first alternative that holds happens; where none
 * does, the rule ends there and the next one is looked at, but what earlier acts did stays done. A match has one alternative
 * that goes on, a verdict one that always holds, a lookup in a map one for each of its elements.
 */
export interface Act {
  /** What it is called in the rule's words: `tcp dport`, `vmap`. */
  readonly part: string;
  readonly alternatives: readonly Alternative[];
}

/** An act that has no condition. */
export const always = (part: string, effect: Effect): Act => ({ part, alternatives: [{ when: ALWAYS, effect }] });

/** An act of which it is not known whether it happens, nor what it does then. */
export const unfollowed = (part: string, because: string): Act => ({
  part,
  alternatives: [{ when: unknown(because), effect: { kind: 'unknown', because } }],
});

/** An act that the rule goes on after, if the predicate holds. */
export const condition = (part: string, when: Predicate): Act => ({
  part,
  alternatives: [{ when, effect: { kind: 'continue', assign: [] } }],
});
