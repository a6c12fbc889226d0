import { chainOf, effectOf, type Rule, type RuleSet, type TableName } from '../netfilter/index.ts';
import type { Entrance } from './bypass-insert.ts';
import type { BypassRequest } from './bypass-request.ts';
import { bypassRules, disarmed } from './bypass-rules.ts';
import { isDisarmed, portsOf } from './bypasses.ts';
import { isBypass } from './comments.ts';
import { interceptedPorts } from './intercepted.ts';
import { chainOfTarget } from './own.ts';
import { ALL_PORTS, bothPorts, holdsPorts, joinedPorts, type Ports, withoutPorts } from './port-sets.ts';
import { withRules } from './rule-changes.ts';

/**
 * The rule set with these ports taken out of the mesh's own list of inbound ports. An entry of an include list that
 * holds nothing but these ports is turned into a RETURN in its place, so that undoing it puts it back exactly where it
 * was; what is caught otherwise (all ports, a range) gets a RETURN before it, which is how the mesh excludes a port.
 * With an expiry nothing is turned: the kernel ends a rule, it does not bring one back; nor where an entry catches own calls as well,
 * which are not asked for.
 */
export function edited(
  rules: RuleSet,
  { table, scope }: Pick<Entrance, 'table' | 'scope'>,
  ports: Ports,
  { until, now }: BypassRequest,
): RuleSet {
  let result = rules;
  for (const name of inboundChains(rules, table)) {
    const before = chainOf(result, table, name)?.rules ?? [];
    if (until === undefined && scope === 'any') {
      const next = before.map((rule) =>
        isEntry(rule, rules) && holdsPorts(ports, portsOf(rule, rules.family))
          ? disarmed(rule, rules.family, table)
          : rule,
      );
      result = withRules(result, table, name, next);
    }
    const left = bothPorts(interceptedPorts(result, 'inbound', now).get(table) ?? [], ports);
    if (left.length === 0) return result;
    const own = chainOf(result, table, name)?.rules ?? [];
    const at = own.findIndex((rule) => catches(rule, rules) && bothPorts(portsOf(rule, rules.family), left).length > 0);
    if (at < 0) continue;
    // What another rule catches, too, is let pass here already.
    const there = own.slice(0, at).filter((rule) => isBypass(rule) && !isDisarmed(rule));
    const missing = withoutPorts(left, joinedPorts(...there.map((rule) => portsOf(rule, rules.family))));
    const wanted = ports.filter((range) => bothPorts([range], missing).length > 0);
    const added = bypassRules(wanted, { family: rules.family, table, scope, until });
    result = withRules(result, table, name, own.toSpliced(at, 0, ...added));
  }
  return result;
}

/** The mesh's chains that PREROUTING sends inbound connections to. */
const inboundChains = (rules: RuleSet, table: TableName): readonly string[] => [
  ...new Set(
    (chainOf(rules, table, 'PREROUTING')?.rules ?? []).flatMap((rule) => {
      // A rule for one interface is not the mesh's gate for what comes in.
      return rule.header.in === undefined ? (chainOfTarget(rule) ?? []) : [];
    }),
  ),
];

/** Whether a rule hands packets on to a redirect: neither lets them pass nor only marks them. */
function catches(rule: Rule, { family }: RuleSet): boolean {
  const { kind } = effectOf(rule.target, family);
  return kind === 'jump' || kind === 'goto' || kind === 'nat' || kind === 'tproxy';
}

/** Whether a rule is an entry of an include list: it names ports, and catches them. */
const isEntry = (rule: Rule, rules: RuleSet): boolean =>
  !isBypass(rule) && catches(rule, rules) && !holdsPorts(portsOf(rule, rules.family), ALL_PORTS);
