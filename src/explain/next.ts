import { isNftRule, TCP } from '../netfilter/index.ts';
import type { RuleStep, Trace } from '../trace/index.ts';
import { type Block, faint, line, paragraph, typed } from './screen.ts';

/** A command that goes on from here, and when one would want it: "To let this port pass the proxy by", `bypass 8888`. */
export interface Next {
  readonly why: string;
  readonly command: string;
}

/** As it stands at the end of a screen. */
export const nextBlock = ({ why, command }: Next): Block => paragraph(line(faint(`${why}: `), typed(command)));

/**
 * What one would do next after following a packet, or undefined where nothing suggests itself. The caller puts the program's
 * name before the command, and where the rules come from behind it.
 */
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
