import { type Condition, compile, type Test } from '../netfilter/index.ts';
import { runActs } from './acts.ts';
import { MANY } from './candidates.ts';
import { act } from './effects.ts';
import type { CompiledChain, CompiledRule } from './program.ts';
import type { Outcome, RuleStep } from './result.ts';
import { doesNothing, settleRule, stepOf } from './rule.ts';
import { nameOf, type Walk } from './state.ts';

/** More rules than any packet meets; a set that doubles itself in every chain would never end. */
const MOST_RULES = 500_000;
const tooMany: Outcome = { kind: 'unknown', because: `more than ${MOST_RULES} rules were looked at` };

/** A place to come back to, and where one comes back to from there. */
interface Frame {
  readonly chain: CompiledChain;
  readonly at: number;
  readonly depth: number;
  readonly behind: Frame | undefined;
}

/**
 * Runs the packet through a built-in chain and all it leads to. Undefined: it passes on to the next table.
 *
 * RETURN in a built-in chain gives the policy. A goto leaves no place to come back to, so its end resumes in the caller
 * of the chain that went, or at the policy (netfilter-semantics 3).
 */
export function runChain(walk: Walk, base: CompiledChain): Outcome | undefined {
  let back: Frame | undefined;
  let chain = base;
  let at = 0;
  let depth = 0;
  walk.witness?.asked(walk, base);
  for (;;) {
    // Where the walk is written down every rule is looked at: why it did not match is said.
    if (chain.rules.length >= MANY && !walk.steps) {
      const next = chain.find(walk.packet, at);
      walk.looked += next - at;
      at = next;
      if (walk.looked > MOST_RULES) return tooMany;
    }
    const rule = chain.rules[at];
    if (!rule) {
      if (!back) return policy(walk, base);
      ({ chain, at, depth, behind: back } = back);
      continue;
    }
    at += 1;
    walk.looked += 1;
    if (walk.looked > MOST_RULES) return tooMany;
    const overflow = rule.mayDrop && overflows(walk, rule, rule.mayDrop, depth);
    if (overflow) return overflow;
    const done = rule.acts ? runActs(walk, rule, rule.acts, depth) : matches(walk, rule, depth) ? rule : undefined;
    if (!done) continue;
    const { effect, target } = done;
    if (target) {
      walk.witness?.matched(walk, rule, true);
      if (effect.kind === 'jump') back = { chain, at, depth, behind: back };
      chain = target;
      at = 0;
      depth += 1;
      continue;
    }
    if (effect.kind === 'return') {
      walk.witness?.matched(walk, rule, true);
      if (!back) return policy(walk, base);
      ({ chain, at, depth, behind: back } = back);
      continue;
    }
    const verdict = act(walk, done);
    walk.witness?.matched(walk, rule, typeof verdict === 'string' || verdict.kind !== 'unknown');
    if (verdict === 'accept') return undefined;
    if (verdict !== 'continue' && verdict !== 'break') return verdict;
  }
}

function policy(walk: Walk, base: CompiledChain): Outcome | undefined {
  const { table, name, policy = 'ACCEPT' } = base;
  walk.witness?.ranOut(walk, base);
  walk.steps?.push({ kind: 'policy', table, chain: name, policy });
  switch (policy) {
    case 'ACCEPT':
      return undefined;
    case 'DROP':
      return { kind: 'dropped', because: `the policy of ${table} ${name} is DROP` };
    case 'QUEUE':
      return { kind: 'unknown', because: `the policy of ${table} ${name} hands it to a program` };
  }
}

/** Where a match that the packet comes to has no room for it, it is dropped there. */
function overflows(
  walk: Walk,
  rule: CompiledRule,
  mayDrop: NonNullable<CompiledRule['mayDrop']>,
  depth: number,
): Outcome | undefined {
  for (const { condition, full, before } of mayDrop) {
    if (before(walk.packet) === false) continue;
    const where = nameOf(rule);
    const room = walk.decide(`${walk.looked} room ${condition.part}`, {
      where,
      because: `whether ${full} is full is not known: then it drops the packet`,
      yes: `${full} has room`,
      no: `${full} is full`,
    });
    if (room) continue;
    // The legacy back end counts only what the whole rule matches.
    if (rule.chain.backend !== 'legacy') walk.witness?.matched(walk, rule, true);
    const step = { ...stepOf(walk, rule, depth), answer: 'undecided', decisive: condition } as const;
    walk.steps?.push({ ...step, taken: true, effect: { kind: 'drop' } });
    return { kind: 'dropped', because: `${full} is full at ${where}` };
  }
  return undefined;
}

/** Whether the rule matches; where that is open, this walk takes one of the two ways. */
function matches(walk: Walk, rule: CompiledRule, depth: number): boolean {
  const answer = rule.test(walk.packet);
  if (answer !== 'undecided') {
    walk.steps?.push(answer ? matchedStep(walk, rule, depth) : passedByStep(walk, rule, depth));
    return answer;
  }
  const seen = walk.witness?.saw?.(rule);
  // Both ways go on alike: it stays open, and no other way is followed for it.
  const idle = seen === undefined && doesNothing(rule.effect);
  const taken = seen ?? (!idle && settleRule(walk, rule, rule.predicate));
  if (walk.steps) {
    const step = stepOf(walk, rule, depth);
    const decisive = rule.conditions.find((condition) => testOf(condition)(walk.packet) === 'undecided');
    walk.steps.push({
      ...step,
      answer: 'undecided',
      ...(decisive ? { decisive } : {}),
      ...(idle ? {} : { taken }),
      ...(taken ? { effect: rule.effect } : {}),
    });
  }
  return taken;
}

const matchedStep = (walk: Walk, rule: CompiledRule, depth: number): RuleStep => ({
  ...stepOf(walk, rule, depth),
  answer: 'matched',
  effect: rule.effect,
});

function passedByStep(walk: Walk, rule: CompiledRule, depth: number): RuleStep {
  const decisive = rule.conditions.find((condition) => testOf(condition)(walk.packet) === false);
  return { ...stepOf(walk, rule, depth), answer: 'passed by', ...(decisive ? { decisive } : {}) };
}

const TESTS = new WeakMap<Condition, Test>();

/** A condition's own test, made ready when it is first asked. */
function testOf(condition: Condition): Test {
  let test = TESTS.get(condition);
  if (!test) {
    test = compile(condition.predicate);
    TESTS.set(condition, test);
  }
  return test;
}
