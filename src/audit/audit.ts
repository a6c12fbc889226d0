import { TooComplex } from '../analysis/index.ts';
import type { Interception } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type Audited, auditedOf } from './audited.ts';
import { type Finding, LEVELS } from './finding.ts';
import { KINDS, type Kind } from './kinds/index.ts';

/** A finding, and its kind. */
export interface Named extends Finding {
  readonly kind: Kind['name'];
}

/** What an audit found. */
export interface Audit extends Pick<Audited, 'lanes' | 'tooComplex' | 'families' | 'proxyPorts'> {
  readonly origin: string;
  /** Whether it is known which interfaces and addresses the machine has, and who listens. */
  readonly read: { readonly interfaces: boolean; readonly listeners: boolean };
  /** Kinds of findings that were not looked for, or not to the end: it was too complex. */
  readonly leftOut: readonly Kind['name'][];
  /** The worst first. */
  readonly findings: readonly Named[];
}

/**
 * Looks at all packets at once: where the connections of each family and way go, and what is the matter with the rules.
 *
 * @param now seconds since 1970, for rules that end
 * @param command makes of its words a command that mends something there, as it is typed
 * @param asked what the rules were written from, where that is known; else they tell it themselves
 * @param enter the words that put another command there: `ip netns exec node`
 * @example audit(snapshot, Date.now() / 1000).findings // [{ kind: 'family-open', level: 'high', … }]
 */
export function audit(
  snapshot: Snapshot,
  now: number,
  command: Audited['command'] = (words) => `sidestep ${words}`,
  asked?: Interception,
  enter: readonly string[] = [],
): Audit {
  const audited = auditedOf(snapshot, now, { command, enter }, asked);
  const leftOut: Kind['name'][] = [];
  const findings = KINDS.flatMap((kind): readonly Named[] => {
    try {
      return kind.look(audited).map((finding) => ({ ...finding, kind: kind.name }));
    } catch (error) {
      if (!(error instanceof TooComplex)) throw error;
      leftOut.push(kind.name);
      return [];
    }
  });
  const { lanes, tooComplex, families, proxyPorts } = audited;
  return {
    origin: snapshot.origin,
    lanes,
    tooComplex,
    families,
    proxyPorts,
    leftOut,
    read: { interfaces: snapshot.interfaces !== undefined, listeners: snapshot.listeners !== undefined },
    findings: findings.sort((a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level)),
  };
}
