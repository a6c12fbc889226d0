import { isNftRule, TCP } from '../netfilter/index.ts';
import type { RuleStep, Trace } from '../trace/index.ts';

/** A command that goes on from here, and when one would want it. The caller adds where the rules come from. */
export interface Next {
  readonly why: string;
  /** Without the program's name: `bypass 8888`. */
  readonly command: string;
}

/** What one would do next after following a packet, or undefined where nothing suggests itself. */
export function nextAfter({ question, outcome, steps }: Trace): Next | undefined {
  const { direction, packet } = question;
  if (direction !== 'in' || packet.protocol !== TCP || packet.destinationPort === undefined) return undefined;
  const port = packet.destinationPort;
  if (outcome.kind === 'proxy' && outcome.port !== port) {
    return { why: 'To let this port pass the proxy by', command: `bypass ${port}` };
  }
  const stepsAside = steps.some(
    (step) =>
      step.kind === 'rule' &&
      step.answer === 'matched' &&
      step.effect?.kind === 'return' &&
      step.depth === 0 &&
      isOwn(step.rule),
  );
  return outcome.kind === 'app' && stepsAside
    ? { why: 'To give this port back to the proxy', command: `bypass ${port} --undo` }
    : undefined;
}

/** A rule that Sidestep wrote says so in its comment. */
const isOwn = (rule: RuleStep['rule']): boolean =>
  isNftRule(rule)
    ? rule.comment?.startsWith('sidestep') === true
    : rule.matches.some(
        (use) =>
          use.kind === 'known' &&
          use.name === 'comment' &&
          String((use.options as { readonly comment?: string }).comment).startsWith('sidestep'),
      );
