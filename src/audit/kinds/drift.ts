import { type DriftFound, familyWord, ruleWords } from '../../explain/index.ts';
import { type Audited, deciding } from '../audited.ts';
import { isPassing } from '../dodgers.ts';
import type { Example, Finding, PlacedRule } from '../finding.ts';
import { shownByRouting } from '../routing.ts';
import { type Shown, shownBy } from '../shown.ts';
import { lineOf } from '../without.ts';
import { unlessMeant } from './dodge.ts';
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
            found(
              audited,
              drift,
              () => 'medium',
              (means) => `${placeWords(drift)} is not the mesh's${means}`,
              {
                mend: unlessMeant(audited, drift, drift.rule),
              },
            ),
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
              (isShown) => (isShown ? 'high' : 'medium'),
              (means) => `${placeWords(drift)}: ${whatOf(drift)}${means}`,
              mending(audited),
            ),
          ],
    ),
    ...audited.routing.map((words) => routed(audited, words)),
  ],
};

/** Routing that is not as it should be: a packet that goes by it, and the rule that sends it so. */
function routed(audited: Audited, words: string): Finding {
  const shown = shownByRouting(audited, /ip -6 /.test(words) ? 'ipv6' : 'ipv4');
  return {
    level: shown?.moves ? 'high' : 'medium',
    says: `routing: ${words}${shown ? `: ${shown.words}` : ''}.`,
    ...(shown ? { example: shown.example, rules: deciding(shown.example.trace) } : { rules: [] }),
    ...mending(audited),
  };
}

const mending = ({ reconcile }: Audited): Pick<Finding, 'mend'> => (reconcile === undefined ? {} : { mend: reconcile });

/** A finding of what differs; its level may hang on whether a packet shows it. */
export function found(
  audited: Audited,
  drift: DriftFound,
  level: (isShown: boolean) => Finding['level'],
  says: (means: string) => string,
  rest: Pick<Finding, 'mend'>,
): Finding {
  const { family, table, chain, number, backend, rule, means, question } = drift;
  const at = rule && lineOf(rule);
  const line = at === undefined ? {} : { line: at };
  const rules: readonly PlacedRule[] = number === undefined ? [] : [{ family, table, backend, chain, number, ...line }];
  const inWords = question && audited.followed(question);
  const searched = isShownBy(inWords) ? undefined : shownOnce(audited, drift);
  // One that goes the same way shows less than one that may go another.
  const shown = inWords && !searched?.moves ? undefined : searched;
  const example = shown?.example ?? inWords;
  const words = shown?.words ?? means;
  return {
    level: level(means !== undefined || shown?.moves === true),
    family,
    says: `${says(words ? `: ${words}` : '')}.`,
    ...(example ? { example } : {}),
    rules,
    ...rest,
  };
}

/** Each asks for a comparison of all packets: of more of them no packet is looked for. */
const MOST = 6;

const shownOnce = (audited: Audited, drift: DriftFound): Shown | undefined =>
  audited.drifts
    .filter(({ question }) => !isShownBy(question && audited.followed(question)))
    .slice(0, MOST)
    .includes(drift)
    ? shownBy(audited, drift)
    : undefined;

/** Of a packet in words not all is known that a rule may ask for: the address of a card. */
const isShownBy = (example: Example | undefined): boolean =>
  example !== undefined && example.trace.outcome.kind !== 'unknown';

/** Where it stands, and the rule there. */
export const placeWords = ({ family, table, chain, number, rule, kind }: DriftFound): string => {
  const place = `${familyWord(family)} ${table} ${chain}${number === undefined ? '' : ` ${number}`}`;
  return rule && kind !== 'missing' ? `${place} (${ruleWords(rule, family)})` : place;
};

const whatOf = ({ kind, rule, family, message }: DriftFound): string =>
  kind === 'missing' && rule ? `${ruleWords(rule, family)} is missing` : message;
