import type { Family } from '../../address/index.ts';
import { familyWord } from '../../explain/index.ts';
import { type HeldRules, heldFor, predicateOf, type Table, type TableName, tableOf } from '../../netfilter/index.ts';
import { type Audited, exampleOf, exampleWords, holdsRules } from '../audited.ts';
import type { Example, Finding, PlacedRule } from '../finding.ts';
import { askedFor } from '../undecided.ts';
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
      const shown = shownIn(audited, family, shared);
      return [
        {
          level: 'medium',
          family,
          says: `both back ends hold ${familyWord(family)} rules (${tables}): both run, and iptables shows only its own${shown ? `: ${exampleWords(shown.example)} ${shown.does}` : ''}.`,
          ...(shown ? { example: shown.example } : {}),
          rules,
          mend: `see both: ${command('list')}; then take away those of the back end that is not in use`,
        },
      ];
    }),
};

interface Shown {
  readonly example: Example;
  readonly does: string;
}

/** A packet that meets rules of both back ends; where none is found, one that both look at, or that they ask for at least. */
function shownIn(audited: Audited, family: Family, shared: readonly Table[]): Shown | undefined {
  const meets = exampleOf(audited, family, (one) => isOfBoth(one, true));
  if (meets) return { example: meets, does: 'meets rules of both' };
  const named = namedBy(audited, family, shared);
  const met = named.find((one) => isOfBoth(one, true));
  if (met) return { example: met, does: 'meets rules of both' };
  const asked = named.find((one) => isOfBoth(one, false)) ?? exampleOf(audited, family, (one) => isOfBoth(one, false));
  if (asked) return { example: asked, does: 'is looked at by rules of both' };
  // nat is not asked where nothing switches connection tracking on.
  const [first] = named;
  return first && { example: first, does: 'is one that these rules ask for' };
}

/** Whether rules of more than one back end look at a packet, or match it. */
function isOfBoth({ trace }: Example, matched: boolean): boolean {
  const met = new Set<string>();
  let backend: string | undefined;
  for (const step of trace.steps) {
    if (step.kind === 'table') backend = step.backend;
    else if (step.kind === 'rule' && backend !== undefined && (!matched || step.answer === 'matched')) met.add(backend);
  }
  return met.size > 1;
}

/** More rules do not say what packets to look for. */
const MOST_RULES = 8;

/** Packets that the first rules of these tables ask for. */
const namedBy = (audited: Audited, family: Family, tables: readonly Table[]) =>
  tables
    .flatMap(({ chains }) => chains.flatMap(({ rules }) => rules))
    .slice(0, MOST_RULES)
    .flatMap((rule) => {
      const predicate = predicateOf(rule, family, audited.snapshot.sets);
      const lanes = audited.lanes.filter((lane) => lane.family === family);
      return lanes.flatMap((lane) => askedFor(audited, lane.all, predicate) ?? []);
    });

/** Where the rules begin that one back end holds in a table. */
function firstRule({ backend, rules }: HeldRules, table: TableName): readonly PlacedRule[] {
  const chains = tableOf(rules, table)?.chains ?? [];
  const chain = chains.find((one) => one.rules.length > 0);
  const line = chain?.rules[0]?.line;
  return chain
    ? [{ family: rules.family, table, backend, chain: chain.name, number: 1, ...(line === undefined ? {} : { line }) }]
    : [];
}
