import { familyWord } from '../../explain/index.ts';
import { type HeldRules, heldFor, type TableName, tableOf } from '../../netfilter/index.ts';
import { exampleOf, exampleWords, holdsRules } from '../audited.ts';
import type { Example, Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Both back ends hold rules in the same table. */
export const bothBackends: Kind = {
  name: 'both-backends',
  about: 'Both back ends of iptables hold rules of the same table: each of its tools shows one half of them.',
  look: (audited) =>
    audited.families.flatMap((family): readonly Finding[] => {
      const { snapshot, command } = audited;
      const [one, other] = heldFor(snapshot, family);
      if (!one || !other) return [];
      const shared = one.rules.tables.filter(
        (table) => holdsRules(table) && other.rules.tables.some((each) => each.name === table.name && holdsRules(each)),
      );
      if (shared.length === 0) return [];
      const tables = shared.map((table) => table.name).join(', ');
      const rules = [one, other].flatMap((held) => shared.slice(0, 1).flatMap(({ name }) => firstRule(held, name)));
      const example = exampleOf(audited, family, goesThroughBoth);
      return [
        {
          level: 'medium',
          family,
          says: `both back ends hold ${familyWord(family)} rules (${tables}): both run, and iptables shows only its own${example ? `: ${exampleWords(example)} meets rules of both` : ''}.`,
          ...(example ? { example } : {}),
          rules,
          mend: `see both: ${command('list')}; then take away those of the back end that is not in use`,
        },
      ];
    }),
};

/** Whether a packet meets rules of more than one back end. */
function goesThroughBoth({ trace }: Example): boolean {
  const met = new Set<string>();
  let backend: string | undefined;
  for (const step of trace.steps) {
    if (step.kind === 'table') backend = step.backend;
    else if (step.kind === 'rule' && step.answer === 'matched' && backend !== undefined) met.add(backend);
  }
  return met.size > 1;
}

/** Where the rules begin that one back end holds in a table. */
function firstRule({ backend, rules }: HeldRules, table: TableName): readonly PlacedRule[] {
  const chains = tableOf(rules, table)?.chains ?? [];
  const chain = chains.find((one) => one.rules.length > 0);
  const line = chain?.rules[0]?.line;
  return chain
    ? [{ family: rules.family, table, backend, chain: chain.name, number: 1, ...(line === undefined ? {} : { line }) }]
    : [];
}
