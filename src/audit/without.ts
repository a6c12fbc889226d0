import { nativeOf, withNativeSets } from '../interception/index.ts';
import type { HeldRules, Rule, Snapshot } from '../netfilter/index.ts';

/**
 * A snapshot in a form in which rules of iptables can be taken from it or changed: Istio's native tables as those that mean the same,
 * where the rule is not one of iptables' own.
 */
export const inRules = (snapshot: Snapshot, rule: Rule | undefined): Snapshot =>
  snapshot.held.some(({ rules }) => rule && holds(rules, rule)) ? snapshot : withNativeSets(snapshot);

const holds = ({ tables }: HeldRules['rules'], rule: Rule): boolean =>
  tables.some(({ chains }) => chains.some(({ rules }) => rules.includes(rule)));

/** A snapshot that lacks one rule: what hangs on it is what the two do differently. */
export const without = (snapshot: Snapshot, held: HeldRules, rule: Rule): Snapshot => ({
  ...snapshot,
  held: snapshot.held.map((one) => (one === held ? { ...held, rules: withoutRule(held.rules, rule) } : one)),
});

const withoutRule = (rules: HeldRules['rules'], rule: Rule): HeldRules['rules'] => ({
  ...rules,
  tables: rules.tables.map((table) => ({
    ...table,
    chains: table.chains.map((chain) =>
      chain.rules.includes(rule) ? { ...chain, rules: chain.rules.filter((one) => one !== rule) } : chain,
    ),
  })),
});

/** The line from which a rule was read, be it one that stands for one of nftables' own; undefined where it came from no text. */
export const lineOf = (rule: Rule): number | undefined => rule.line ?? nativeOf(rule)?.line;
