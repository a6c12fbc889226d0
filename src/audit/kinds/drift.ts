import { compareAsWritten, type DriftFound, familyWord, ruleWords } from '../../explain/index.ts';
import { bypassesIn } from '../../interception/index.ts';
import type { Audited } from '../audited.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import type { Kind } from './kind.ts';

/** Rules of others that change what becomes of intercepted connections. */
export const foreignRule: Kind = {
  name: 'foreign-rule',
  about: 'A rule of somebody else sends intercepted connections elsewhere.',
  look: (audited) =>
    driftsIn(audited).flatMap((drift) =>
      drift.foreign && !drift.bypass
        ? [
            found(drift, 'medium', (means) => `${placeWords(drift)} is not the mesh's${means}`, {
              mend: 'if nobody meant that, take the rule away',
            }),
          ]
        : [],
    ),
};

/** Bypasses of Sidestep's. */
export const bypassed: Kind = {
  name: 'bypass',
  about: 'A bypass lets connections pass the proxy by, as it was made to.',
  look: (audited) =>
    driftsIn(audited).flatMap((drift) =>
      drift.bypass
        ? [
            found(drift, 'info', (means) => `${placeWords(drift)} is ${drift.bypass}${means}`, {
              mend: `${audited.name} bypass ${portsOf(audited, drift)} --undo`,
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
    driftsIn(audited).flatMap((drift) =>
      drift.foreign || drift.bypass
        ? []
        : [
            found(drift, drift.means ? 'high' : 'medium', (means) => `${placeWords(drift)}: ${whatOf(drift)}${means}`, {
              mend: `${audited.name} verify`,
            }),
          ],
    ),
};

/** The ports that a bypass names, as the command takes them. */
function portsOf({ snapshot, now }: Audited, { backend, family, table, chain, number }: DriftFound): string {
  const its = bypassesIn(snapshot, now).find(
    (one) =>
      one.backend === backend &&
      one.family === family &&
      one.table === table &&
      one.chain === chain &&
      one.number === number,
  );
  return (its?.ports ?? []).map(([low, high]) => (low === high ? low : `${low}-${high}`)).join(' ');
}

const KEPT = new WeakMap<Audited, readonly DriftFound[]>();

/** What differs from what the mesh would have written; nothing where no dialect of Sidestep's wrote it. */
function driftsIn(audited: Audited): readonly DriftFound[] {
  const known = KEPT.get(audited);
  if (known) return known;
  const { snapshot, written, now } = audited;
  const found = written ? compareAsWritten(snapshot, written.program, now).drifts : [];
  KEPT.set(audited, found);
  return found;
}

function found(
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

const placeWords = ({ family, table, chain, number, rule, kind }: DriftFound): string => {
  const place = `${familyWord(family)} ${table} ${chain}${number === undefined ? '' : ` ${number}`}`;
  return rule && kind !== 'missing' ? `${place} (${ruleWords(rule, family)})` : place;
};

const whatOf = ({ kind, rule, family, message }: DriftFound): string =>
  kind === 'missing' && rule ? `${ruleWords(rule, family)} is missing` : message;
