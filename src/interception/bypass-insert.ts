import { chainOf, type Rule, type RuleSet, type TableName } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { type BypassScope, bypassRules, scopeOf } from './bypass-rules.ts';
import { lessened } from './bypass-undo.ts';
import { bypassesOf } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { leadingVirtualRules } from './intercepted.ts';
import { joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { leadsToProxy, proxyPortsIn } from './proxy-ports.ts';
import { withRules } from './rule-changes.ts';

/** Where a bypass goes: a built-in chain, and what its rules are for. */
export interface Entrance {
  readonly table: TableName;
  readonly chain: 'PREROUTING' | 'OUTPUT';
  readonly scope: BypassScope;
}

/** Where what comes from elsewhere is let pass. Own calls come in again by `lo`: mangle is asked of them, nat is not. */
export const inboundEntrance = (table: TableName, { self, narrow }: Own): Entrance => ({
  table,
  chain: 'PREROUTING',
  scope: table === 'mangle' && (!self || narrow) ? 'arriving' : 'any',
});

type Own = Pick<BypassRequest, 'self' | 'narrow'>;

/** Where the pod's calls to its own address are turned: as they leave by `lo`, and by a TPROXY as they come in again. */
export const ownEntrances = (transparent: boolean, { narrow }: Own): readonly Entrance[] => [
  { table: 'nat', chain: 'OUTPUT', scope: transparent ? 'own addresses' : 'own' },
  { table: 'mangle', chain: 'PREROUTING', scope: narrow ? 'returning' : 'any' },
];

/**
 * The rule set with a bypass at the top of a built-in chain, or right before the rule that catches, for those ports that have none of
 * ours there yet. One that is there and lets nothing pass, because a rule that came later catches before it, is moved; one that
 * is for less is replaced.
 *
 * @param caught the ports that are turned now, whatever bypasses are there
 */
export function inserted(
  rules: RuleSet,
  { table, chain, scope }: Entrance,
  { ports, caught }: { readonly ports: Ports; readonly caught: Ports },
  { until, now, behind }: BypassRequest,
): RuleSet {
  const present = bypassesOf(rules, now).filter(
    (one) => one.table === table && one.chain === chain && !one.expired && covers(scopeOf(one.rule), scope),
  );
  const there = joinedPorts(...present.map((one) => one.ports));
  const missing = withoutPorts(ports, withoutPorts(there, caught));
  // One that lets too little pass, or nothing, makes room.
  const own = (chainOf(rules, table, chain)?.rules ?? []).flatMap((rule) =>
    isBypass(rule) && isAkin(scopeOf(rule), scope) ? lessened(rule, missing, rules, table) : [rule],
  );
  const top = table === 'nat' && chain === 'PREROUTING' ? leadingVirtualRules(rules).length : 0;
  // Somebody else's that turns the same ports to a program of his own is none that catches for the mesh.
  const proxyPorts = proxyPortsIn(rules);
  const catches = (rule: Rule): boolean => !isBypass(rule) && leadsToProxy(rule, rules, table, proxyPorts);
  const catching = behind ? own.findIndex(catches) : -1;
  const at = Math.max(top, catching);
  const added = bypassRules(missing, { family: rules.family, table, scope, until });
  return withRules(rules, table, chain, own.toSpliced(at, 0, ...added));
}

/** Whether a rule that is for the one lets pass what the other is for. */
const covers = (one: BypassScope, other: BypassScope): boolean =>
  one === other || one === 'any' || (one === 'own' && other === 'own addresses');

const isAkin = (one: BypassScope, other: BypassScope): boolean => covers(one, other) || covers(other, one);
