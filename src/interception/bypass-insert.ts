import { chainOf, type RuleSet, type TableName } from '../netfilter/index.ts';
import type { BypassRequest } from './bypass-request.ts';
import { bypassRules } from './bypass-rules.ts';
import { bypassesOf } from './bypasses.ts';
import { leadingVirtualRules } from './intercepted.ts';
import { joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { withRules } from './rule-changes.ts';

/** The rule set with a bypass at the top of a built-in chain, for those ports that have none of ours there yet. */
export function inserted(
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
