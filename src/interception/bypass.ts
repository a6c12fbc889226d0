import { FAMILIES, type Family } from '../address/index.ts';
import { chainOf, type RuleSet, type Snapshot, type TableName } from '../netfilter/index.ts';
import { edited } from './bypass-edit.ts';
import { notCoveredBy } from './bypass-notes.ts';
import { reasonsOf, type Unchanged } from './bypass-reasons.ts';
import { type BypassRequest, checkRequest } from './bypass-request.ts';
import { bypassRules } from './bypass-rules.ts';
import { withoutOutdated } from './bypass-undo.ts';
import { bypassesOf } from './bypasses.ts';
import { interceptedPorts, leadingVirtualRules } from './intercepted.ts';
import type { Notice } from './interception.ts';
import { bothPorts, joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { changesBetween, type RuleChange, withRules } from './rule-changes.ts';

/** What a bypass would change, and what it would not. */
export interface BypassPlan {
  readonly request: BypassRequest;
  /** None: there is nothing to do. */
  readonly changes: readonly RuleChange[];
  /** Ports that pass the proxy by already, and by which rule. */
  readonly already: readonly Unchanged[];
  /** Ports that a family does not intercept, and why. */
  readonly unneeded: readonly Unchanged[];
  /** What it does not cover, where that applies here. */
  readonly notCovered: readonly Notice[];
}

/**
 * Plans a bypass: the fewest rules after which inbound tcp to the ports is no longer turned to the proxy, in each family
 * and back end that turns it, and in the table that does: nat for a REDIRECT, mangle for TPROXY. Rules of a bypass that
 * is there already are kept; one that ends at another time than asked for is replaced.
 *
 * @throws RequestRefused for no ports, or an expiry that is over or beyond what the kernel's tools can name.
 */
export function planBypass(snapshot: Snapshot, request: BypassRequest): BypassPlan {
  checkRequest(request);
  const changes = snapshot.held.flatMap(({ rules, backend }) =>
    changesBetween(rules, bypassed(rules, { request }), backend),
  );
  const reasons = wanted(request).flatMap((family) => reasonsOf(snapshot, family, request, changes));
  return {
    request,
    changes,
    already: reasons.filter(({ kind }) => kind === 'already'),
    unneeded: reasons.filter(({ kind }) => kind === 'unneeded'),
    notCovered: notCoveredBy(snapshot, request, changes),
  };
}

/** The rule set (of one family and back end) after a plan: the same function of the request whenever it is asked. */
export function bypassed(before: RuleSet, { request }: Pick<BypassPlan, 'request'>): RuleSet {
  const { ports, now } = request;
  if (!wanted(request).includes(before.family)) return before;
  let rules = withoutOutdated(before, request);
  // mangle is asked before nat: what passes by a TPROXY may still meet a REDIRECT.
  for (const table of ['mangle', 'nat'] as const) {
    const caught = bothPorts(interceptedPorts(rules, 'inbound', now).get(table) ?? [], ports);
    if (caught.length === 0) continue;
    rules = request.edit
      ? edited(rules, table, touched(ports, caught), request.until, now)
      : inserted(rules, table, 'PREROUTING', touched(ports, caught), request);
  }
  return request.self ? selfBypassed(rules, request) : rules;
}

/** The rule sets of a snapshot after a plan: what a proof compares with the snapshot before. */
export const afterBypass = (snapshot: Snapshot, plan: Pick<BypassPlan, 'request'>): Snapshot => ({
  ...snapshot,
  held: snapshot.held.map((one) => ({ ...one, rules: bypassed(one.rules, plan) })),
});

const wanted = ({ families }: BypassRequest): readonly Family[] => families ?? FAMILIES;

/** Of the ports as they were asked for, those ranges of which anything is caught: whole, so that they stay few. */
const touched = (ports: Ports, caught: Ports): Ports => ports.filter((range) => bothPorts([range], caught).length > 0);

/** The pod's calls to its own address leave by `lo` and are turned in nat OUTPUT; a TPROXY waits where they come back. */
function selfBypassed(rules: RuleSet, request: BypassRequest): RuleSet {
  let result = rules;
  for (const [table, chain] of [
    ['nat', 'OUTPUT'],
    ['mangle', 'PREROUTING'],
  ] as const) {
    const caught = bothPorts(interceptedPorts(result, 'self', request.now).get(table) ?? [], request.ports);
    if (caught.length > 0) result = inserted(result, table, chain, touched(request.ports, caught), request);
  }
  return result;
}

/** The rule set with a bypass at the top of a built-in chain, for those ports that have none of ours there yet. */
function inserted(
  rules: RuleSet,
  table: TableName,
  chain: 'PREROUTING' | 'OUTPUT',
  ports: Ports,
  { until, now }: BypassRequest,
): RuleSet {
  const own = chainOf(rules, table, chain)?.rules ?? [];
  const present = bypassesOf(rules, now).filter((one) => one.table === table && one.chain === chain && !one.expired);
  const missing = withoutPorts(ports, joinedPorts(...present.map((one) => one.ports)));
  const at = table === 'nat' && chain === 'PREROUTING' ? leadingVirtualRules(rules).length : 0;
  const added = bypassRules(missing, { family: rules.family, table, self: chain === 'OUTPUT', until });
  return withRules(rules, table, chain, own.toSpliced(at, 0, ...added));
}
