import { chainOf, isBuiltIn, type Rule, type RuleSet, type TableName } from '../netfilter/index.ts';
import { printRule } from '../text/index.ts';
import { isCommented, uncommented } from './commented.ts';
import { isBypass } from './comments.ts';
import type { Command } from './interception.ts';

/**
 * Whose is a rule? The chains of both Istio generations begin with ISTIO_, and so do the jumps into them. A few rules,
 * though, both generations write straight into built-in chains, and nothing in such a rule says whose it is. They are
 * told by their exact shape, and only where the interception's own chains prove that it is there:
 *
 * - `-i X -j RETURN` in PREROUTING is an excluded interface if `-o X -j RETURN` stands in OUTPUT, both before the last
 *   rule that Istio appends behind them. It is a virtual interface if another rule sends `-i X` to ISTIO_REDIRECT. Where
 *   nothing outbound is redirected, a virtual interface has no such rule: then those at the very top of PREROUTING are,
 *   under nothing but bypasses of Sidestep's;
 * - the rules of TPROXY in mangle, with whatever mark;
 * - in ip6tables' filter INPUT, ESTABLISHED ACCEPT and REJECT, one behind the other, beside an IPv4 rule set in the
 *   2018 form.
 *
 * A rule with anything more to it (somebody's comment, another match) is never taken for one of these; one with a comment
 * of `init --comment` always is. The limit: a rule of exactly such a shape and place that somebody made by hand counts as
 * the interception's. With a comment it does not.
 */
export type Ownership = ReadonlyMap<Rule, Placement>;

/** How a rule of the interception's got where it is. */
export type Placement = 'appended' | 'inserted';

/** Whether a chain's name is one of an Istio interception's. */
export const isOwnChain = (name: string): boolean => name.startsWith('ISTIO_');

/** The chain that a rule jumps or goes to. */
export const chainOfTarget = ({ target }: Rule): string | undefined =>
  target?.kind === 'jump' || target?.kind === 'goto' ? target.chain : undefined;

/**
 * The interception's own rules in the built-in chains, and how each got there.
 *
 * @param together all rule sets of the same network namespace: the 2018 form's IPv6 rules are proved by the IPv4 ones.
 * @param wanted what is about to be written: a virtual interface's rule that is asked for again is one already.
 */
export function ownership(
  rules: RuleSet,
  together: readonly RuleSet[] = [rules],
  wanted: readonly Command[] = [],
): Ownership {
  const own = new Map<Rule, Placement>();
  for (const { name, chains } of rules.tables) {
    for (const chain of chains) {
      if (!isBuiltIn(name, chain.name)) continue;
      for (const rule of chain.rules) {
        const isOwn = isOwnChain(chainOfTarget(rule) ?? '') || isCommented(rule);
        if (isOwn) own.set(rule, isFromInterface(rule) ? 'inserted' : 'appended');
      }
    }
  }
  const mark = (found: readonly Rule[], placement: Placement): void => {
    for (const rule of found) own.set(rule, placement);
  };
  const excluded = [...excludedInterfaces(rules, 'nat'), ...excludedInterfaces(rules, 'mangle')];
  mark(excluded, 'appended');
  mark(virtualInterfaces(rules, excluded, wanted), 'inserted');
  mark(transparentRules(rules), 'appended');
  mark(blockedIpv6(rules, together), 'appended');
  return own;
}

/** `-i V … -j ISTIO_REDIRECT`, which only a virtual interface has. */
const isFromInterface = (rule: Rule): boolean =>
  rule.header.in !== undefined && chainOfTarget(rule) === 'ISTIO_REDIRECT';

const rulesOf = (rules: RuleSet, table: TableName, chain: string): readonly Rule[] =>
  chainOf(rules, table, chain)?.rules ?? [];

const hasOwnChains = (rules: RuleSet, table: TableName): boolean =>
  rules.tables.some(({ name, chains }) => name === table && chains.some((chain) => isOwnChain(chain.name)));

/** Whether mangle takes part in catching, and not in dropping invalid packets only. */
const isTransparent = (rules: RuleSet): boolean => chainOf(rules, 'mangle', 'ISTIO_INBOUND') !== undefined;

/** The interface of a rule that is nothing but `-i X -j RETURN` or `-o X -j RETURN`. */
function returnedInterface(rule: Rule, direction: 'in' | 'out'): string | undefined {
  const { header, matches, target } = uncommented(rule);
  const option = header[direction];
  if (!option || option.negated || matches.length > 0 || Object.keys(header).length > 1) return undefined;
  return target?.kind === 'known' && target.name === 'RETURN' ? option.value : undefined;
}

/** Pairs in PREROUTING and OUTPUT. The last of several in PREROUTING: the earlier ones are virtual interfaces'. */
function excludedInterfaces(rules: RuleSet, table: 'nat' | 'mangle'): readonly Rule[] {
  if (!(table === 'nat' ? hasOwnChains(rules, table) : isTransparent(rules)) || isIstio2018(rules)) return [];
  const outgoing = beforeLast(rulesOf(rules, table, 'OUTPUT'), (rule) =>
    table === 'nat' ? chainOfTarget(rule) === 'ISTIO_OUTPUT' : isTransparentRule(rule, 'OUTPUT', rules),
  );
  const incoming = beforeLast(
    rulesOf(rules, table, 'PREROUTING'),
    (rule) => chainOfTarget(rule) === 'ISTIO_INBOUND' || isTransparentRule(rule, 'PREROUTING', rules),
  );
  const found: Rule[] = [];
  for (const out of [...outgoing].reverse()) {
    const name = returnedInterface(out, 'out');
    const partner = incoming.findLast((rule) => name === returnedInterface(rule, 'in') && !found.includes(rule));
    if (name !== undefined && partner) found.push(out, partner);
  }
  return found;
}

/** The rules before the last one of a kind; all where there is none. The real tool leaves copies: hence the last. */
function beforeLast(rules: readonly Rule[], is: (rule: Rule) => boolean): readonly Rule[] {
  const last = rules.findLastIndex(is);
  return last < 0 ? rules : rules.slice(0, last);
}

function virtualInterfaces(rules: RuleSet, excluded: readonly Rule[], wanted: readonly Command[]): readonly Rule[] {
  if (!hasOwnChains(rules, 'nat') || isIstio2018(rules)) return [];
  const incoming = rulesOf(rules, 'nat', 'PREROUTING');
  const names = new Set([
    ...incoming.filter(isFromInterface).map(({ header }) => header.in?.value),
    ...wanted.flatMap(({ at, rule }) => (at === 'append' ? [] : [returnedInterface(rule, 'in')])),
  ]);
  const returned = incoming.filter((rule) => returnedInterface(rule, 'in') !== undefined && !excluded.includes(rule));
  // A bypass of Sidestep's may have been put over them.
  const isAbove = (rule: Rule): boolean => isBypass(rule) || returnedInterface(rule, 'in') !== undefined;
  const end = redirectsOutbound(rules) ? 0 : incoming.findIndex((rule) => !isAbove(rule));
  const top = new Set(incoming.slice(0, end < 0 ? incoming.length : end));
  return returned.filter((rule) => top.has(rule) || names.has(rule.header.in?.value));
}

/** Whether ISTIO_OUTPUT redirects by destination: then every virtual interface is redirected as well. */
const redirectsOutbound = (rules: RuleSet): boolean =>
  ['ISTIO_OUTPUT', 'ISTIO_OUTPUT_GROUPS'].some((chain) =>
    rulesOf(rules, 'nat', chain).some(
      (rule) => chainOfTarget(rule) === 'ISTIO_REDIRECT' && rule.header.protocol === undefined,
    ),
  );

/** What `iptables-save` prints of TPROXY's rules in built-in chains, whatever the mark and the proxy's identity. */
const TRANSPARENT: Readonly<Record<'PREROUTING' | 'OUTPUT', readonly RegExp[]>> = {
  PREROUTING: [/^-p tcp -m mark --mark 0x[0-9a-f]+ -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff$/],
  OUTPUT: [
    /^-o lo -p tcp -m mark --mark 0x[0-9a-f]+ -j RETURN$/,
    /^! -d \S+ -o lo -p tcp -m owner --[ug]id-owner \S+ -j MARK --set-xmark 0x53a\/0xffffffff$/,
    /^! -d \S+ -o lo -p tcp -m mark --mark 0x[0-9a-f]+ -j MARK --set-xmark 0x53a\/0xffffffff$/,
    /^-p tcp -m connmark --mark 0x[0-9a-f]+ -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff$/,
  ],
};

function transparentRules(rules: RuleSet): readonly Rule[] {
  if (!isTransparent(rules)) return [];
  return (['PREROUTING', 'OUTPUT'] as const).flatMap((chain) =>
    rulesOf(rules, 'mangle', chain).filter((rule) => isTransparentRule(rule, chain, rules)),
  );
}

function isTransparentRule(rule: Rule, chain: 'PREROUTING' | 'OUTPUT', { family }: RuleSet): boolean {
  const text = printRule(uncommented(rule), family);
  return TRANSPARENT[chain].some((shape) => shape.test(text));
}

const BLOCKED_IPV6 = [
  '-m state --state ESTABLISHED -j ACCEPT',
  '-j REJECT --reject-with icmp6-port-unreachable',
] as const;

function blockedIpv6(rules: RuleSet, together: readonly RuleSet[]): readonly Rule[] {
  if (rules.family !== 'ipv6' || !together.some(isIstio2018)) return [];
  const incoming = rulesOf(rules, 'filter', 'INPUT');
  const texts = incoming.map((rule) => printRule(uncommented(rule), 'ipv6'));
  return texts.flatMap((text, index) =>
    text === BLOCKED_IPV6[0] && texts[index + 1] === BLOCKED_IPV6[1] ? incoming.slice(index, index + 2) : [],
  );
}

/** The 2018 form looks at outgoing tcp only; today's at everything. */
const isIstio2018 = (rules: RuleSet): boolean =>
  rules.family === 'ipv4' &&
  rulesOf(rules, 'nat', 'OUTPUT').some(
    (rule) => chainOfTarget(rule) === 'ISTIO_OUTPUT' && rule.header.protocol !== undefined,
  );
