import {
  checkBypass,
  faint,
  isAsAsked,
  isExact,
  line,
  type Proof,
  paragraph,
  placed,
  planScreen,
  proveBypass,
  refusalBy,
  type Told,
  toldBlocks,
  withoutEnd,
} from '../explain/index.ts';
import { afterBypass, type BypassPlan, type BypassRequest, planBypass, proxyPortsOf } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { EXIT, type ExitStatus } from './status.ts';
import type { Terminal } from './terminal.ts';

/** The best plan for rules as they are, and what is known of it. */
export interface Planned {
  readonly plan: BypassPlan;
  readonly told: Told;
}

/**
 * Plans a bypass and proves it.
 *
 * @throws RequestRefused as planBypass does.
 */
export function planned(snapshot: Snapshot, request: BypassRequest): Planned {
  const { request: best, proof, why } = placed(snapshot, request, proxyPortsOf(snapshot));
  const plan = planBypass(snapshot, best);
  return { plan, told: { ...toldOf(snapshot, afterBypass(snapshot, plan), best, proof), why } };
}

/** What a bypass does to packets. Where it ends, what holds until then is proved, by the rules as they would be without an end. */
export function toldOf(before: Snapshot, after: Snapshot, request: BypassRequest, known?: Proof): Told {
  const proxyPorts = proxyPortsOf(before);
  const endless = withoutEnd(request);
  const proved = request.until === undefined ? after : afterBypass(before, { request: endless });
  const proof = known ?? proveBypass(before, proved, endless, proxyPorts);
  return { check: checkBypass(before, after, request, proxyPorts), proof, refused: refusalBy(proof) };
}

/** How a command ends that shows a plan, in whatever form. */
export const exitOf = (told: Told): ExitStatus => (isAsAsked(told) && !told.refused ? EXIT.done : EXIT.finding);

/**
 * Says on the way what a form that is not for people leaves out: that the plan is refused, with all of it, or what is not proved.
 *
 * @param therefore what is not done because of a refusal: "No rules are printed"
 */
export async function sayDoubts({ plan, told }: Planned, therefore: string, terminal: Terminal): Promise<void> {
  const { refused, proof } = told;
  if (refused !== undefined) {
    const closing = paragraph(line(faint(`${therefore}: ${refused}.`)));
    await terminal.say(planScreen(plan, told, [closing]), 'error');
  } else if (!isExact(proof) || !isAsAsked(told)) await terminal.say(toldBlocks({ ...told, why: undefined }), 'warn');
}
