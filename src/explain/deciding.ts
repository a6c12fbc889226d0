import { contentOf } from '../netfilter/index.ts';
import type { RuleStep, Trace } from '../trace/index.ts';

/** The rules on a packet's way that did more than send it on, in order. */
const decisions = ({ steps }: Trace): readonly RuleStep[] =>
  steps.filter((step): step is RuleStep => step.kind === 'rule' && step.answer === 'matched' && decides(step));

const decides = ({ effect }: RuleStep): boolean =>
  effect !== undefined && !['jump', 'goto', 'continue'].includes(effect.kind);

/** The rule that decided where a packet went: the last that did more than send it on; none where no rule did. */
export const decidingStep = (trace: Trace): RuleStep | undefined => decisions(trace).at(-1);

/**
 * The rules that decided where a packet goes by each of two rule sets: the last that the other does not have on the packet's way.
 * None where no rule of its own did: it is the want of the other's.
 */
export function decidingApart(
  before: Trace,
  after: Trace,
): { readonly before: RuleStep | undefined; readonly after: RuleStep | undefined } {
  const [was, is] = [before, after].map(decisions) as [readonly RuleStep[], readonly RuleStep[]];
  const last = (own: readonly RuleStep[], other: readonly RuleStep[]): RuleStep | undefined => {
    const shared = new Set(other.map(keyOf));
    return own.findLast((step) => !shared.has(keyOf(step)));
  };
  return { before: last(was, is), after: last(is, was) };
}

/** What a rule says, and where it is asked: not its number, nor the name of its chain. */
const keyOf = ({ hook, table, rule }: RuleStep): string => `${hook} ${table} ${contentOf(rule)}`;
