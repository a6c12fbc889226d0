import type { Family } from '../address/index.ts';
import type { Backend, Rule, RuleSet, TableName } from '../netfilter/index.ts';

/** One rule that a plan changes. */
export interface RuleChange {
  readonly action: 'insert' | 'remove' | 'replace';
  readonly family: Family;
  readonly backend: Backend;
  readonly table: TableName;
  readonly chain: string;
  /** One-based position: of an inserted or replacing rule afterwards, of a removed one before. */
  readonly number: number;
  /** The rule that is there afterwards; the removed one for `remove`. */
  readonly rule: Rule;
  /** `replace`: the rule that was there. */
  readonly was?: Rule;
}

/** The rule set with other rules in a chain. */
export const withRules = (rules: RuleSet, table: TableName, chain: string, next: readonly Rule[]): RuleSet => ({
  ...rules,
  tables: rules.tables.map((one) =>
    one.name === table
      ? { ...one, chains: one.chains.map((each) => (each.name === chain ? { ...each, rules: next } : each)) }
      : one,
  ),
});

/**
 * What differs between a rule set and one that was made from it, in which rules that stay are the same objects in the
 * same order.
 */
export function changesBetween(before: RuleSet, after: RuleSet, backend: Backend): readonly RuleChange[] {
  return after.tables.flatMap(({ name: table, chains }) =>
    chains.flatMap(({ name: chain, rules }) => {
      const old =
        before.tables.find(({ name }) => name === table)?.chains.find(({ name }) => name === chain)?.rules ?? [];
      const where = { family: after.family, backend, table, chain };
      return rules === old ? [] : chainChanges(old, rules).map((change) => ({ ...where, ...change }));
    }),
  );
}

type ChainChange = Pick<RuleChange, 'action' | 'number' | 'rule' | 'was'>;

function chainChanges(old: readonly Rule[], now: readonly Rule[]): readonly ChainChange[] {
  const changes: ChainChange[] = [];
  let [at, to] = [0, 0];
  while (at < old.length || to < now.length) {
    const [was, is] = [old[at], now[to]];
    if (was && was === is) {
      at += 1;
      to += 1;
      continue;
    }
    const leaves = was !== undefined && !now.includes(was);
    const comes = is !== undefined && !old.includes(is);
    if (leaves && comes) changes.push({ action: 'replace', number: to + 1, rule: is, was });
    else if (leaves) changes.push({ action: 'remove', number: at + 1, rule: was });
    else if (comes) changes.push({ action: 'insert', number: to + 1, rule: is });
    if (leaves) at += 1;
    if (comes) to += 1;
    if (!leaves && !comes) throw new TypeError('the rules that stay have changed places');
  }
  return changes;
}
