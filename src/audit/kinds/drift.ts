import { type DriftFound, familyWord, ruleWords } from '../../explain/index.ts';
import type { Audited } from '../audited.ts';
import { isPassing } from '../dodgers.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';
import { isRepeated } from './repeated.ts';

/** Rules of others that change what becomes of intercepted connections; those that let them pass are `dodge`'s. */
export const foreignRule: Kind = {
  name: 'foreign-rule',
  about: 'A rule of somebody else drops intercepted connections, or sends them elsewhere.',
  look: (audited) =>
    audited.drifts.flatMap((drift) =>
      drift.foreign && !drift.bypass && !isPassing(audited, drift)
        ? [
            found(audited, drift, 'medium', (means) => `${placeWords(drift)} is not the mesh's${means}`, {
              mend: 'if nobody meant that, take the rule away',
            }),
          ]
        : [],
    ),
};

/** The mesh's own rules, or the routing beside them, are not as it writes them. */
export const drifted: Kind = {
  name: 'drift',
  about:
    "The mesh's own rules or routing are not as it writes them: something is missing, changed, or in another order.",
  look: (audited) => [
    ...audited.drifts.flatMap((drift) =>
      drift.foreign || drift.bypass || isRepeated(audited, drift) || isPassing(audited, drift)
        ? []
        : [
            found(
              audited,
              drift,
              drift.means ? 'high' : 'medium',
              (means) => `${placeWords(drift)}: ${whatOf(drift)}${means}`,
              mending(audited),
            ),
          ],
    ),
    ...audited.routing.map(
      (words): Finding => ({ level: 'medium', says: `routing: ${words}.`, rules: [], ...mending(audited) }),
    ),
  ],
};

const mending = ({ reconcile }: Audited): Pick<Finding, 'mend'> => (reconcile === undefined ? {} : { mend: reconcile });

/** A finding of what differs. */
export function found(
  { followed }: Audited,
  drift: DriftFound,
  level: Finding['level'],
  says: (means: string) => string,
  rest: Pick<Finding, 'mend'>,
): Finding {
  const { family, table, chain, number, backend, rule, means, question } = drift;
  const line = rule?.line === undefined ? {} : { line: rule.line };
  const rules: readonly PlacedRule[] = number === undefined ? [] : [{ family, table, backend, chain, number, ...line }];
  return {
    level,
    family,
    says: `${says(means ? `: ${means}` : '')}.`,
    ...(question ? { example: followed(question) } : {}),
    rules,
    ...rest,
  };
}

/** Where it stands, and the rule there. */
export const placeWords = ({ family, table, chain, number, rule, kind }: DriftFound): string => {
  const place = `${familyWord(family)} ${table} ${chain}${number === undefined ? '' : ` ${number}`}`;
  return rule && kind !== 'missing' ? `${place} (${ruleWords(rule, family)})` : place;
};

const whatOf = ({ kind, rule, family, message }: DriftFound): string =>
  kind === 'missing' && rule ? `${ruleWords(rule, family)} is missing` : message;
