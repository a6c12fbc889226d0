import type { Family } from '../address/index.ts';
import { TooComplex } from '../analysis/index.ts';
import { type DriftFound, movedBetween, outcomePhrase, withDrift } from '../explain/index.ts';
import { withNativeSets } from '../interception/index.ts';
import { heldFor, predicateOf, type Rule, type Snapshot } from '../netfilter/index.ts';
import { prepare, type RuleStep } from '../trace/index.ts';
import { type Audited, exampleWords } from './audited.ts';
import type { Example } from './finding.ts';
import { arriving, unionOf } from './lanes.ts';
import { askedFor } from './undecided.ts';
import { inRules } from './without.ts';

/** A packet that shows what a difference from the mesh's rules does, or that it does nothing. */
export interface Shown {
  readonly example: Example;
  /** Where it goes with the difference and without, as the rest of a sentence. */
  readonly words: string;
  /** Whether it goes elsewhere. */
  readonly moves: boolean;
}

/**
 * Of all packets one that goes elsewhere with a difference than without it; where there is none, one that meets the rule, and goes the
 * same way. Undefined where none is found.
 */
export function shownBy(audited: Audited, drift: DriftFound): Shown | undefined {
  const { backend, family, rule } = drift;
  const given = isOfNative(audited, rule) ? withNativeSets(audited.snapshot) : audited.snapshot;
  if (!heldFor(given, family).some((one) => one.backend === backend)) return undefined;
  const mended = withDrift(given, backend, drift, 'mended');
  return moving(audited, drift, given, mended) ?? meeting(audited, drift, given, mended);
}

/** Whether a difference is one of Istio's native tables: what they lack is in no rule that is there. */
const isOfNative = ({ snapshot, written }: Audited, rule: Rule | undefined): boolean =>
  (written?.program.native ?? []).length > 0 && inRules(snapshot, rule) !== snapshot;

function moving(audited: Audited, { family }: DriftFound, given: Snapshot, mended: Snapshot): Shown | undefined {
  const example = movedExample(audited, mended, family, given);
  if (!example) return undefined;
  const { outcome } = prepare(mended, audited.proxyPorts)(example.question);
  return { example, words: `${goes(example)}, and without this difference → ${outcomePhrase(outcome)}`, moves: true };
}

/** A packet from outside to this host, or of its own, that surely goes elsewhere than in another snapshot of it. */
export function movedExample(
  { snapshot: there, proxyPorts, example }: Audited,
  other: Snapshot,
  family: Family,
  snapshot: Snapshot = there,
): Example | undefined {
  try {
    for (const direction of ['in', 'out'] as const) {
      const moved = movedBetween(other, snapshot, proxyPorts, family, direction).filter(({ sure }) => sure);
      const opening = unionOf(moved.map(({ packets }) => packets.opening));
      const found = example(opening && direction === 'in' ? arriving(opening, snapshot, family) : opening);
      if (found) return found;
    }
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
  }
  return undefined;
}

/** A packet that meets the rule as it is, or as it should be; where none does, one that it asks for and that comes to its chain. */
function meeting(audited: Audited, drift: DriftFound, given: Snapshot, mended: Snapshot): Shown | undefined {
  const { family, rule, expected } = drift;
  const wanted = [rule, expected].filter((one) => one !== undefined);
  const both = [given, mended].map((one) => prepare(one, audited.proxyPorts));
  const same = audited.lanes
    .filter((lane) => lane.family === family)
    .flatMap((lane) => wanted.flatMap((one) => askedFor(audited, lane.all, predicateOf(one, family)) ?? []))
    .map((example) => ({ example, traces: both.map((follow) => follow(example.question)) }))
    .filter(({ traces }) => new Set(traces.map(({ outcome }) => outcomePhrase(outcome))).size === 1);
  const where = (holds: (step: RuleStep) => boolean) =>
    same.find(({ traces }) => traces.some(({ steps }) => steps.some((step) => step.kind === 'rule' && holds(step))));
  const one =
    where((step) => step.answer === 'matched' && wanted.some((other) => other === step.rule)) ??
    where(({ table, chain }) => table === drift.table && chain === drift.chain);
  return one && { example: one.example, words: `${goes(one.example)}, with this difference and without`, moves: false };
}

const goes = (example: Example): string => `${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}`;
