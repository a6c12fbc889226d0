import { type DriftFound, familyWord, ruleWords } from '../../explain/index.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Rules of others that change what becomes of intercepted connections. */
export const foreignRule: Kind = {
  name: 'foreign-rule',
  about: 'A rule of somebody else sends intercepted connections elsewhere.',
  look: (audited) =>
    audited.drifts.flatMap((drift) =>
      drift.foreign && !drift.bypass
        ? [
            found(drift, 'medium', (means) => `${placeWords(drift)} is not the mesh's${means}`, {
              mend: 'if nobody meant that, take the rule away',
            }),
          ]
        : [],
    ),
};

/** The mesh's own rules are not as it writes them. */
export const drifted: Kind = {
  name: 'drift',
  about: "The mesh's own rules are not as it writes them: one is missing, changed, or in another order.",
  look: (audited) =>
    audited.drifts.flatMap((drift) =>
      drift.foreign || drift.bypass
        ? []
        : [
            found(drift, drift.means ? 'high' : 'medium', (means) => `${placeWords(drift)}: ${whatOf(drift)}${means}`, {
              mend: audited.command('verify'),
            }),
          ],
    ),
};

/** A finding of what differs. */
export function found(
  drift: DriftFound,
  level: Finding['level'],
  says: (means: string) => string,
  rest: Pick<Finding, 'mend'>,
): Finding {
  const { family, table, chain, number, backend, rule, means } = drift;
  const line = rule?.line === undefined ? {} : { line: rule.line };
  const rules: readonly PlacedRule[] = number === undefined ? [] : [{ family, table, backend, chain, number, ...line }];
  return { level, family, says: `${says(means ? `: ${means}` : '')}.`, rules, ...rest };
}

/** Where it stands, and the rule there. */
export const placeWords = ({ family, table, chain, number, rule, kind }: DriftFound): string => {
  const place = `${familyWord(family)} ${table} ${chain}${number === undefined ? '' : ` ${number}`}`;
  return rule && kind !== 'missing' ? `${place} (${ruleWords(rule, family)})` : place;
};

const whatOf = ({ kind, rule, family, message }: DriftFound): string =>
  kind === 'missing' && rule ? `${ruleWords(rule, family)} is missing` : message;
