import { FAMILIES } from '../../address/index.ts';
import { count, type DriftFound, familyWord } from '../../explain/index.ts';
import { chainOf, heldFor } from '../../netfilter/index.ts';
import { sameRule } from '../../text/index.ts';
import { type Audited, exampleOf, exampleWords, meets } from '../audited.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/** The mesh's set-up has run again over its own rules: they stand there twice. */
export const repeated: Kind = {
  name: 'repeated',
  about: "The mesh's rules stand there twice, as after a second run of its set-up.",
  look: (audited) =>
    FAMILIES.flatMap((family): readonly Finding[] => {
      const ofFamily = audited.drifts.filter((drift) => drift.family === family);
      const again = ofFamily.flatMap((drift) => twinOf(audited, drift) ?? []);
      if (again.length === 0) return [];
      const rules = again.map(({ rule }) => rule);
      const example = exampleOf(audited, family, (one) => again.some(({ first }) => meets(one, first)));
      const many = `${count(again.length, 'rule')} of the mesh's ${again.length === 1 ? 'stands' : 'stand'}`;
      return [
        {
          level: 'medium',
          family,
          says: `${many} in ${familyWord(family)} once more, behind the same: ${placesWords(rules)}. Its set-up may have run twice${example ? `: ${exampleWords(example)} meets the first of them` : ''}.`,
          ...(example ? { example } : {}),
          rules,
          ...(audited.reconcile === undefined ? {} : { mend: audited.reconcile }),
        },
      ];
    }),
};

/** Whether a rule that should not be there is like one that stands before it in the same chain. */
export const isRepeated = (audited: Pick<Audited, 'snapshot'>, drift: DriftFound): boolean =>
  twinOf(audited, drift) !== undefined;

/** Two rules that are alike. */
interface Twins {
  readonly first: PlacedRule;
  readonly rule: PlacedRule;
}

/** A rule that should not be there, and the one before it that it is like. */
function twinOf(
  { snapshot }: Pick<Audited, 'snapshot'>,
  { kind, family, backend, table, chain, number, rule, ...drift }: DriftFound,
): Twins | undefined {
  if (kind !== 'extra' || drift.foreign || drift.bypass || !rule || number === undefined) return undefined;
  const held = heldFor(snapshot, family).find((one) => one.backend === backend);
  const rules = (held && chainOf(held.rules, table, chain)?.rules) ?? [];
  const at = rules.slice(0, number - 1).findIndex((before) => sameRule(before, rule, family));
  if (at < 0) return undefined;
  const place = { family, table, backend, chain };
  return {
    first: { ...place, number: at + 1 },
    rule: { ...place, number, ...(rule.line === undefined ? {} : { line: rule.line }) },
  };
}

function placesWords(rules: readonly PlacedRule[]): string {
  const chains = [...new Set(rules.map(({ table, chain }) => `${table} ${chain}`))];
  return chains
    .map((chain) => {
      const numbers = rules.flatMap((one) => (`${one.table} ${one.chain}` === chain ? [one.number] : []));
      return `${chain} ${numbers.join(', ')}`;
    })
    .join('; ');
}
