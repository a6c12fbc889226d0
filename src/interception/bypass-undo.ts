import type { Rule, RuleSet, TableName } from '../netfilter/index.ts';
import { type BypassRequest, inUtc, isWantedEnd } from './bypass-request.ts';
import { bypassRules, isOfOwn, rearmed, scopeOf } from './bypass-rules.ts';
import { isDisarmed, portsOf, untilOf } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { ALL_PORTS, bothPorts, holdsPorts, type Ports, withoutPorts } from './port-sets.ts';
import { withRules } from './rule-changes.ts';

/** What becomes of one bypass of Sidestep's. */
type Future = 'stays' | { readonly lose: Ports };

/** The rule set with every bypass of Sidestep’s kept or taken out. Others' rules are never touched. */
function settled(rules: RuleSet, futureOf: (rule: Rule) => Future): RuleSet {
  let result = rules;
  for (const { name: table, chains } of rules.tables) {
    for (const { name: chain, rules: own } of chains) {
      if (!own.some(isBypass)) continue;
      const next = own.flatMap((rule) => (isBypass(rule) ? left(rule, table) : [rule]));
      if (next.some((rule, index) => rule !== own[index]) || next.length !== own.length)
        result = withRules(result, table, chain, next);
    }
  }
  return result;

  function left(rule: Rule, table: TableName): readonly Rule[] {
    const future = futureOf(rule);
    return future === 'stays' ? [rule] : lessened(rule, future.lose, rules, table);
  }
}

/** What is left of a bypass that these ports are taken from. A rule of the mesh's own comes back whole, or not at all. */
export function lessened(rule: Rule, lose: Ports, rules: RuleSet, table: TableName): readonly Rule[] {
  const ports = portsOf(rule, rules.family);
  if (bothPorts(ports, lose).length === 0) return [rule];
  if (isDisarmed(rule)) return [(holdsPorts(lose, ports) && rearmed(rule, rules, table)) || rule];
  const kept = withoutPorts(ports, lose);
  return bypassRules(kept, { family: rules.family, table, scope: scopeOf(rule), until: untilOf(rule) });
}

/** The rule set without Sidestep's bypasses of these ports (of all ports, where the request names none). */
export function unbypassed(before: RuleSet, { ports, families }: BypassRequest): RuleSet {
  if (families && !families.includes(before.family)) return before;
  const lose = ports.length === 0 ? ALL_PORTS : ports;
  return settled(before, () => ({ lose }));
}

/** The rule set without those bypasses of Sidestep's that no longer hold. `now`: seconds since 1970. */
export function withoutExpired(before: RuleSet, now: number): RuleSet {
  return settled(before, (rule) => {
    const until = untilOf(rule);
    return until !== undefined && until < now ? { lose: ALL_PORTS } : 'stays';
  });
}

/**
 * The rule set without those bypasses of the request's ports that hold for another time than it asks for: they make room
 * for new ones. A bypass that is as it should be stays.
 */
export const withoutOutdated = (before: RuleSet, request: BypassRequest): RuleSet =>
  settled(before, (rule) => {
    if (isWantedEnd(untilOf(rule), request)) return 'stays';
    // A bypass of own calls is another one's business, unless own calls are asked for.
    return isOfOwn(rule) && !request.self ? 'stays' : { lose: request.ports };
  });

/** "until 2026-11-23 19:30:00 UTC", or nothing. */
export const untilWords = (rule: Rule): string => {
  const until = untilOf(rule);
  return until === undefined ? '' : `, until ${inUtc(until)}`;
};
