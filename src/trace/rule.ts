import type { Effect, Predicate } from '../netfilter/index.ts';
import type { Doubt } from './decisions.ts';
import type { CompiledRule } from './program.ts';
import type { RuleStep } from './result.ts';
import { settle } from './settle.ts';
import { nameOf, snapshotOf, type Walk } from './state.ts';

/** Which way this walk goes where a rule's predicate is undecided on its packet. */
export const settleRule = (walk: Walk, rule: CompiledRule, predicate: Predicate): boolean =>
  settle(predicate, {
    packet: walk.packet,
    // The kernel may answer anew each time it is asked.
    choice: (because, id, turned) => walk.decide(`${walk.looked} ${id}`, doubt(rule, because, turned)),
    field: (because, id, turned) => walk.decide(`${walk.marked ? 'marked ' : ''}${id}`, doubt(rule, because, turned)),
  });

/** Whether the packet goes on as it was: it is logged, or counted. */
export const doesNothing = (effect: Effect): boolean => effect.kind === 'continue' && effect.assign.length === 0;

function doubt(rule: CompiledRule, because: string, turned: boolean): Doubt {
  const where = nameOf(rule);
  const [yes, no] = turned ? (['does not match', 'matches'] as const) : (['matches', 'does not match'] as const);
  return { where, because, yes: `${where} ${yes}`, no: `${where} ${no}` };
}

/** What is written down of a rule before anything is known of it. */
export const stepOf = (walk: Walk, { chain, number, rule }: CompiledRule, depth: number): Omit<RuleStep, 'answer'> => ({
  kind: 'rule',
  hook: walk.hook,
  table: chain.table,
  chain: chain.name,
  number,
  depth,
  rule,
  ...(chain.of ? { native: chain.of } : {}),
  packet: snapshotOf(walk),
});
