import type { Effect, Predicate } from '../netfilter/index.ts';
import type { Doubt } from './decisions.ts';
import type { CompiledRule } from './program.ts';
import type { RuleStep } from './result.ts';
import { settle } from './settle.ts';
import { nameOf, snapshotOf, type Walk } from './state.ts';

/**
 * Which way this walk goes where a rule's predicate is undecided on its packet. `which`: it is one of several of the rule's, in a
 * word, "drop".
 */
export const settleRule = (walk: Walk, rule: CompiledRule, predicate: Predicate, which?: string): boolean =>
  settle(predicate, {
    packet: walk.packet,
    // The kernel may answer anew each time it is asked.
    choice: (because, id, turned) =>
      walk.decide(`${walk.looked} ${id}`, { ...doubt(rule, because, turned, which), looked: walk.looked }),
    field: (because, id, turned) =>
      walk.decide(`${walk.marked ? 'marked ' : ''}${id}`, {
        ...doubt(rule, because, turned, which),
        looked: walk.looked,
      }),
  });

/** Whether the packet goes on as it was: it is logged, or counted. */
export const doesNothing = (effect: Effect): boolean => effect.kind === 'continue' && effect.assign.length === 0;

function doubt(rule: CompiledRule, because: string, turned: boolean, which: string | undefined): Doubt {
  const where = nameOf(rule);
  const matches = `${where} matches${which === undefined ? '' : ` (${which})`}`;
  const not = `${where} does not match`;
  return turned ? { where, because, yes: not, no: matches } : { where, because, yes: matches, no: not };
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
