import { familyWord } from '../../explain/index.ts';
import { type HeldRules, heldFor, type TableName, tableOf } from '../../netfilter/index.ts';
import { holdsRules } from '../audited.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Both back ends hold rules in the same table. */
export const bothBackends: Kind = {
  name: 'both-backends',
  about: 'Both back ends of iptables hold rules of the same table: each of its tools shows one half of them.',
  look: ({ snapshot, families, command }) =>
    families.flatMap((family): readonly Finding[] => {
      const [one, other] = heldFor(snapshot, family);
      if (!one || !other) return [];
      const shared = one.rules.tables.filter(
        (table) => holdsRules(table) && other.rules.tables.some((each) => each.name === table.name && holdsRules(each)),
      );
      if (shared.length === 0) return [];
      const tables = shared.map((table) => table.name).join(', ');
      return [
        {
          level: 'medium',
          family,
          says: `both back ends hold ${familyWord(family)} rules (${tables}): both run, and iptables shows only its own.`,
          rules: [one, other].flatMap((held) => shared.slice(0, 1).flatMap(({ name }) => firstRule(held, name))),
          mend: `see both: ${command('list')}; then take away those of the back end that is not in use`,
        },
      ];
    }),
};

/** Where the rules begin that one back end holds in a table. */
function firstRule({ backend, rules }: HeldRules, table: TableName): readonly PlacedRule[] {
  const chains = tableOf(rules, table)?.chains ?? [];
  const chain = chains.find((one) => one.rules.length > 0);
  const line = chain?.rules[0]?.line;
  return chain
    ? [{ family: rules.family, table, backend, chain: chain.name, number: 1, ...(line === undefined ? {} : { line }) }]
    : [];
}
