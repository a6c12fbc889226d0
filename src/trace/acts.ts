import type { Condition, Effect } from '../netfilter/index.ts';
import { perform } from './effects.ts';
import type { CompiledAct, CompiledRule } from './program.ts';
import type { RuleStep } from './result.ts';
import { settleRule, stepOf } from './rule.ts';
import { snapshotOf, type Walk } from './state.ts';

/** What a native rule's acts came to so far. */
interface Progress {
  readonly effects: Effect[];
  note?: string;
  /** The first condition that could not be decided. */
  open?: Condition;
  /** This walk has taken one of several ways. */
  settled?: true;
}

/**
 * Carries out what a native rule does, act by act. Gives the alternative that ends it with a verdict, which is still to be
 * carried out; undefined where the next rule is looked at: an act found nothing that holds, or the rule ran out.
 */
export function runActs(
  walk: Walk,
  rule: CompiledRule,
  acts: readonly CompiledAct[],
  depth: number,
): CompiledRule | undefined {
  const step = walk.steps && stepOf(walk, rule, depth);
  const progress: Progress = { effects: [] };
  for (const [at, act] of acts.entries()) {
    const as = chosen(walk, rule, act, at > (rule.lastDeed ?? at), progress);
    if (!as) return write(walk, step, progress, act.condition);
    const { effect } = as;
    if (effect.kind !== 'continue' && effect.kind !== 'tproxy') return write(walk, step, progress, undefined, as);
    const { verdict, note } = perform(walk, as);
    if (note !== undefined) progress.note = note;
    if (verdict === 'break') return write(walk, step, progress, act.condition);
    if (effect.kind === 'tproxy' || effect.assign.length > 0) progress.effects.push(effect);
  }
  const through = write(walk, step, progress);
  // It matched, and the next rule is looked at.
  walk.witness?.matched(walk, rule, true);
  return through;
}

/** The first alternative that holds. `idle`: neither it nor what follows in the rule does anything, so that it may stay open. */
function chosen(
  walk: Walk,
  rule: CompiledRule,
  { alternatives, condition }: CompiledAct,
  idle: boolean,
  progress: Progress,
): CompiledRule | undefined {
  for (const [index, { test, predicate, as }] of alternatives.entries()) {
    const answer = test(walk.packet);
    if (answer === true) return as;
    if (answer === false) continue;
    // Where one of several is always taken, the condition holds, and which of them is open.
    progress.open ??= condition.predicate.kind === 'always' ? { ...condition, predicate } : condition;
    const seen = walk.witness?.saw?.(rule, as);
    if (seen === undefined && idle) return undefined;
    progress.settled = true;
    const which = alternatives.length > 1 ? wordOf(as.effect, index) : undefined;
    if (seen ?? settleRule(walk, rule, predicate, which)) return as;
  }
  return undefined;
}

/** Which of several alternatives it is: by the verdict that it leads to, else by its place among them. */
function wordOf(effect: Effect, index: number): string {
  switch (effect.kind) {
    case 'jump':
    case 'goto':
      return `${effect.kind} ${effect.chain}`;
    case 'accept':
    case 'drop':
    case 'return':
      return effect.kind;
    default:
      return `value ${index + 1}`;
  }
}

/** Writes the rule down: `missing` is the condition on which it ended, `as` the verdict that it came to. */
function write(
  walk: Walk,
  step: Omit<RuleStep, 'answer'> | undefined,
  { effects, note, open, settled }: Progress,
  missing?: Condition,
  as?: CompiledRule,
): CompiledRule | undefined {
  if (!step || !walk.steps) return as;
  const all = as ? [...effects, as.effect] : effects;
  const decisive = open ?? missing;
  const last = all.at(-1) ?? (missing ? undefined : ({ kind: 'continue', assign: [] } as const));
  const after = walk.copy === step.packet ? undefined : snapshotOf(walk);
  walk.steps.push({
    ...step,
    answer: open ? 'undecided' : missing ? 'passed by' : 'matched',
    ...(decisive ? { decisive } : {}),
    ...(settled ? { taken: missing === undefined } : {}),
    ...(last ? { effect: last } : {}),
    ...(all.length > 1 ? { effects: all } : {}),
    ...(after ? { changed: after } : {}),
    ...(note === undefined ? {} : { note }),
  });
  return as;
}
