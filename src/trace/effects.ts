import { type Assignment, CTSTATE, type Effect } from '../netfilter/index.ts';
import { handOver } from './handover.ts';
import { mapConnection } from './nat.ts';
import type { CompiledRule } from './program.ts';
import type { Outcome, RuleStep } from './result.ts';
import { changed, nameOf, snapshotOf, type Walk } from './state.ts';

/** What happens after a rule: the next rule, the end of the table, or the end of the packet. */
export type Verdict = 'continue' | 'accept' | Outcome;

/** Carries out what a matching rule does; jumps and returns are the chain's own. */
export function act(walk: Walk, rule: CompiledRule): Verdict {
  const { effect } = rule;
  switch (effect.kind) {
    case 'continue':
      if (effect.assign.length > 0) annotate(walk, assign(walk, effect.assign));
      return 'continue';
    case 'accept':
      return 'accept';
    case 'drop':
      return { kind: 'dropped', because: `${nameOf(rule)} drops it` };
    case 'reject':
      return { kind: 'rejected', with: effect.with, because: `${nameOf(rule)} rejects it with ${effect.with}` };
    case 'queue':
      return { kind: 'unknown', because: `${nameOf(rule)} hands it to a program` };
    case 'unknown':
      return { kind: 'unknown', because: `${nameOf(rule)}: ${effect.because}` };
    case 'nat':
      return annotated(walk, mapConnection(walk, rule, effect));
    case 'tproxy':
      return annotated(walk, handOver(walk, rule, effect));
    case 'return':
    case 'jump':
    case 'goto':
      return { kind: 'unknown', because: `${nameOf(rule)}: ${strayJump(effect)}` };
  }
}

const strayJump = (effect: Effect): string => `${effect.kind} without a chain to go to`;

/** A verdict, and what to say beside the rule. */
export interface Done {
  readonly verdict: Verdict;
  readonly note?: string;
}

function annotated(walk: Walk, { verdict, note }: Done): Verdict {
  annotate(walk, note);
  return verdict;
}

/** Adds what came of it to the rule that was recorded last. */
function annotate(walk: Walk, note: string | undefined): void {
  const { steps } = walk;
  const last = steps?.at(-1);
  if (!steps || last?.kind !== 'rule') return;
  // Recording the rule copied the packet: no copy now means that the packet has changed since.
  const after = walk.copy === undefined ? { changed: snapshotOf(walk) } : {};
  steps[steps.length - 1] = { ...last, ...after, ...(note === undefined ? {} : { note }) } satisfies RuleStep;
}

/** Makes assignments in order. Returns a note where the kernel ignores one. */
function assign(walk: Walk, assignments: readonly Assignment[]): string | undefined {
  let note: string | undefined;
  for (const assignment of assignments) note = assignOne(walk, assignment) ?? note;
  return note;
}

function assignOne(walk: Walk, { field, keep, xor }: Assignment): string | undefined {
  if (field === 'ctstate' || field === 'ctzone') {
    // `-j CT` acts on packets that hold nothing yet: not after another CT, not in the second pass (facts 11).
    if (walk.connection !== 'none') return 'ignored: the packet already has its connection';
    if (field === 'ctstate' && xor === CTSTATE.UNTRACKED) walk.connection = 'untracked';
    else walk.connection = 'template';
  } else if (
    (field === 'ctmark' || (typeof xor === 'object' && xor.field === 'ctmark')) &&
    walk.connection !== 'tracked'
  ) {
    return 'ignored: the packet has no connection';
  }
  const packet = walk.packet as Record<typeof field, unknown>;
  const before = packet[field] as number | undefined;
  const operand = typeof xor === 'number' ? xor : maskedField(walk, xor);
  const kept = keep === 0 ? 0 : before === undefined ? undefined : before & keep;
  const after = kept === undefined || operand === undefined ? undefined : (kept ^ operand) >>> 0;
  if (after === before && after !== undefined) return undefined;
  packet[field] = after;
  if (field === 'mark') walk.marked = true;
  changed(walk);
  return undefined;
}

function maskedField(walk: Walk, { field, mask }: { readonly field: Assignment['field']; readonly mask: number }) {
  const value = walk.packet[field];
  return value === undefined ? undefined : (Number(value) & mask) >>> 0;
}
