import { chainOf, effectOf, type Rule, type RuleSet, type TableName } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { bypassRules } from './bypass-rules.ts';
import { bypassesOf } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { leadingVirtualRules } from './intercepted.ts';
import { chainOfTarget } from './own.ts';
import { joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { turnsToProxy } from './proxy-ports.ts';
import { withRules } from './rule-changes.ts';

/**
 * The rule set with a bypass at the top of a built-in chain, or right before the rule that catches, for those ports that have none of
 * ours there yet.
 */
export function inserted(
  rules: RuleSet,
  table: TableName,
  chain: 'PREROUTING' | 'OUTPUT',
  ports: Ports,
  { until, now, behind }: BypassRequest,
): RuleSet {
  const own = chainOf(rules, table, chain)?.rules ?? [];
  const present = bypassesOf(rules, now).filter((one) => one.table === table && one.chain === chain && !one.expired);
  const missing = withoutPorts(ports, joinedPorts(...present.map((one) => one.ports)));
  const top = table === 'nat' && chain === 'PREROUTING' ? leadingVirtualRules(rules).length : 0;
  const catching = behind ? own.findIndex((rule) => !isBypass(rule) && turns(rule, rules, table)) : -1;
  const at = Math.max(top, catching);
  const added = bypassRules(missing, { family: rules.family, table, self: chain === 'OUTPUT', until });
  return withRules(rules, table, chain, own.toSpliced(at, 0, ...added));
}

/** Whether a rule turns connections to a socket of this host, or leads to one that does. */
function turns(rule: Rule, rules: RuleSet, table: TableName, been: readonly string[] = []): boolean {
  const chain = chainOfTarget(rule);
  if (chain === undefined) return turnsToProxy(effectOf(rule.target, rules.family), rules.family);
  if (been.includes(chain)) return false;
  return (chainOf(rules, table, chain)?.rules ?? []).some((one) => turns(one, rules, table, [...been, chain]));
}
