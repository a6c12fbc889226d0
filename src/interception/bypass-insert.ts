import { chainOf, type RuleSet, type TableName } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { bypassRules } from './bypass-rules.ts';
import { lessened } from './bypass-undo.ts';
import { bypassesOf } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { leadingVirtualRules } from './intercepted.ts';
import { bothPorts, joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { leadsToProxy } from './proxy-ports.ts';
import { withRules } from './rule-changes.ts';

/**
 * The rule set with a bypass at the top of a built-in chain, or right before the rule that catches, for those ports that have none of
 * ours there yet. One that is there and lets nothing pass, because a rule that came later catches before it, is moved.
 *
 * @param caught the ports that are turned now, whatever bypasses are there
 */
export function inserted(
  rules: RuleSet,
  table: TableName,
  chain: 'PREROUTING' | 'OUTPUT',
  { ports, caught }: { readonly ports: Ports; readonly caught: Ports },
  { until, now, behind }: BypassRequest,
): RuleSet {
  const present = bypassesOf(rules, now).filter((one) => one.table === table && one.chain === chain && !one.expired);
  const there = joinedPorts(...present.map((one) => one.ports));
  const missing = withoutPorts(ports, withoutPorts(there, caught));
  const lost = bothPorts(bothPorts(there, caught), ports);
  const own = (chainOf(rules, table, chain)?.rules ?? []).flatMap((rule) =>
    isBypass(rule) && lost.length > 0 ? lessened(rule, lost, rules, table) : [rule],
  );
  const top = table === 'nat' && chain === 'PREROUTING' ? leadingVirtualRules(rules).length : 0;
  const catching = behind ? own.findIndex((rule) => !isBypass(rule) && leadsToProxy(rule, rules, table)) : -1;
  const at = Math.max(top, catching);
  const added = bypassRules(missing, { family: rules.family, table, self: chain === 'OUTPUT', until });
  return withRules(rules, table, chain, own.toSpliced(at, 0, ...added));
}
