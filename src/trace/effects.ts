import {
  type Assignment,
  bitsOf,
  CTSTATE,
  CTSTATUS,
  type Effect,
  type FieldBits,
  fieldWidth,
} from '../netfilter/index.ts';
import { refresh } from './arrival.ts';
import { handOver } from './handover.ts';
import { mapConnection } from './nat.ts';
import type { CompiledRule } from './program.ts';
import type { Outcome, RuleStep } from './result.ts';
import { changed, nameOf, snapshotOf, type Walk } from './state.ts';

/**
 * What happens after a rule: the next rule, the end of the table, or the end of the packet. `break`: a native rule ends here,
 * and the next one is looked at.
 */
export type Verdict = 'continue' | 'break' | 'accept' | Outcome;

/** Carries out what a matching rule does, and adds what came of it to the rule's step. */
export function act(walk: Walk, rule: CompiledRule): Verdict {
  const { verdict, note } = perform(walk, rule);
  annotate(walk, note);
  return verdict;
}

/** Carries out what a matching rule does; jumps and returns are the chain's own. */
export function perform(walk: Walk, rule: CompiledRule): Done {
  const { effect } = rule;
  switch (effect.kind) {
    case 'continue':
      return effect.assign.length > 0 ? { verdict: 'continue', note: assign(walk, rule, effect.assign) } : GOES_ON;
    case 'accept':
      return ACCEPTED;
    case 'drop':
      return { verdict: { kind: 'dropped', because: `${nameOf(rule)} drops it` } };
    case 'reject': {
      const because = `${nameOf(rule)} rejects it with ${effect.with}`;
      return { verdict: { kind: 'rejected', with: effect.with, because } };
    }
    case 'queue':
      return effect.bypass && !isListening(walk, rule) ? { verdict: 'accept' } : unknown(rule, 'hands it to a program');
    case 'unknown':
      return { verdict: { kind: 'unknown', because: `${nameOf(rule)}: ${effect.because}` } };
    case 'nat':
      return mapConnection(walk, rule, effect);
    case 'tproxy':
      return handOver(walk, rule, effect);
    case 'return':
    case 'jump':
    case 'goto':
      return { verdict: { kind: 'unknown', because: `${nameOf(rule)}: ${strayJump(effect)}` } };
  }
}

const GOES_ON: Done = { verdict: 'continue' };
export const ACCEPTED: Done = { verdict: 'accept' };

const unknown = (rule: CompiledRule, what: string): Done => ({
  verdict: { kind: 'unknown', because: `${nameOf(rule)} ${what}` },
});

/** Whether a program listens on the queue: not known, so both are followed. */
function isListening(walk: Walk, rule: CompiledRule): boolean {
  const where = nameOf(rule);
  return walk.decide(`${walk.looked} queue`, {
    where,
    because: 'whether a program listens on the queue is not known',
    yes: `a program listens on the queue of ${where}`,
    no: `no program listens on the queue of ${where}`,
  });
}

const strayJump = (effect: Effect): string => `${effect.kind} without a chain to go to`;

/** A verdict, and what to say beside the rule. */
export interface Done {
  readonly verdict: Verdict;
  readonly note?: string | undefined;
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
function assign(walk: Walk, rule: CompiledRule, assignments: readonly Assignment[]): string | undefined {
  let note: string | undefined;
  for (const assignment of assignments) note = assignOne(walk, rule, assignment) ?? note;
  return note;
}

function assignOne(walk: Walk, rule: CompiledRule, assignment: Assignment): string | undefined {
  const ignored = ignoredBecause(walk, rule, assignment);
  if (ignored !== undefined) return ignored;
  const { field, keep, xor, add = 0 } = assignment;
  const packet = walk.packet as Record<typeof field, unknown>;
  const before = packet[field] as number | undefined;
  const operand = typeof xor === 'number' ? xor : xor === 'unknown' ? undefined : bitsIn(walk, xor);
  const kept = keep === 0 ? 0 : before === undefined ? undefined : before & keep;
  const highest = 2 ** fieldWidth(field, walk.packet.family) - 1;
  const after =
    kept === undefined || operand === undefined
      ? undefined
      : Math.min(highest, Math.max(0, ((kept ^ operand) >>> 0) + add));
  if (after === before && after !== undefined) return undefined;
  packet[field] = after;
  if (field === 'mark') {
    walk.marked = true;
    refresh(walk);
  }
  changed(walk);
  return undefined;
}

/** What connection tracking makes of an assignment before it is made: why it is ignored, or undefined where it is not. */
export function ignoredBecause(walk: Walk, rule: CompiledRule, { field, xor }: Assignment): string | undefined {
  if (field === 'ctstate' || field === 'ctzone') {
    // `-j CT` acts on packets that hold nothing yet: not after another CT, not in the second pass (facts 11). nft's zone
    // also takes a packet that was to stay untracked, and so has it tracked (nft_ct.c, nft_ct_set_zone_eval).
    const taken = rule.chain.backend === 'native' && field === 'ctzone' && walk.connection === 'untracked';
    if (walk.connection !== 'none' && !(taken && walk.pass === 1))
      return 'ignored: the packet already has its connection';
    if (field === 'ctstate' && xor === CTSTATE.UNTRACKED) walk.connection = 'untracked';
    else leaveTemplate(walk);
    return undefined;
  }
  const ofConnection = field === 'ctmark' || (typeof xor === 'object' && xor.field === 'ctmark');
  const has = walk.connection === 'tracked' || walk.connection === 'template';
  return ofConnection && !has ? 'ignored: the packet has no connection' : undefined;
}

/**
 * Until connection tracking looks at the packet it belongs to a connection that says nothing but its zone: a NEW one, from
 * nobody to nobody. Source: net/netfilter/xt_CT.c; nf_conntrack_core.c, nf_ct_tmpl_alloc.
 */
function leaveTemplate(walk: Walk): void {
  const { packet, ground } = walk;
  const nobody = packet.family === 'ipv4' ? 0 : 0n;
  walk.connection = 'template';
  packet.ctstate = CTSTATE.NEW;
  packet.ctstatus = CTSTATUS.CONFIRMED;
  packet.ctmark = ground.program.marksTemplates ? undefined : 0;
  packet.ctorigsrc = packet.ctorigdst = packet.ctreplsrc = packet.ctrepldst = nobody;
  packet.ctorigsrcport = packet.ctorigdstport = packet.ctreplsrcport = packet.ctrepldstport = 0;
  changed(walk);
}

function bitsIn(walk: Walk, of: FieldBits): number | undefined {
  const value = walk.packet[of.field];
  return value === undefined ? undefined : bitsOf(Number(value), of);
}
