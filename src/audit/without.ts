import type { HeldRules, Rule, Snapshot } from '../netfilter/index.ts';

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
