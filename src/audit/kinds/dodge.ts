import { conditionWords, familyWord, listed, outcomePhrase, ruleWords, takenAway } from '../../explain/index.ts';
import type { Rule } from '../../netfilter/index.ts';
import { type Audited, exampleWords } from '../audited.ts';
import { dodgersIn, isSamePlace, type Passing, passingBy, passingDrifts } from '../dodgers.ts';
import type { Finding, PlacedRule } from '../finding.ts';
import { appExempt } from './app-exempt.ts';
import { interfaceOpen } from './interface-open.ts';
import type { Kind } from './kind.ts';
import { rootExempt } from './root-exempt.ts';

/** Connections pass the proxy by, because of a rule that names them. */
export const dodge: Kind = {
  name: 'dodge',
  about:
    "A rule that is not the mesh's lets connections pass the proxy by: those of a source, a port, an interface or a user.",
  look: (audited) => (audited.written ? ofDrifts(audited) : ofOthers(audited)),
};

/** Rules more than the mesh writes. */
const ofDrifts = (audited: Audited): readonly Finding[] =>
  passingDrifts(audited).map(({ drift: { foreign }, place, rule, all }) => ({
    level: foreign ? 'medium' : 'high',
    family: place.family,
    ...told(all, place, rule, NOT_ITS),
    rules: [place],
    mend: foreign || audited.reconcile === undefined ? unlessMeant(audited, place, rule) : audited.reconcile,
  }));

/** Each asks for a comparison of all packets: more of them are not looked at. */
const MOST = 6;

/** What a product or somebody wrote whose ways Sidestep does not know; what other kinds tell is left to them. */
function ofOthers(audited: Audited): readonly Finding[] {
  const dodgers = dodgersIn(audited);
  if (dodgers.length === 0) return [];
  const others = [appExempt, rootExempt, interfaceOpen]
    .flatMap((kind) => kind.look(audited))
    .flatMap(({ rules }) => rules);
  const left = dodgers.filter(({ place }) => !others.some((other) => isSamePlace(other, place)));
  return left.slice(0, MOST).flatMap((dodger): readonly Finding[] => {
    const { held, place, rule, byHand } = dodger;
    const all = passingBy(audited, held, rule);
    if (all.length === 0) return [];
    return [
      {
        level: byHand ? 'info' : 'medium',
        family: place.family,
        ...told(all, place, rule, byHand ? '' : NOT_ITS),
        rules: [place],
        mend: unlessMeant(audited, place, rule),
      },
    ];
  });
}

const NOT_ITS = ", and is not the mesh's";

function told(
  all: readonly Passing[],
  { family, table, chain, number }: PlacedRule,
  rule: Rule,
  whose: string,
): Pick<Finding, 'says' | 'example'> {
  const lanes = listed(all.map(({ lane }) => lane));
  const asked = conditionWords(rule, family);
  const example = all[0]?.example;
  const shown = example ? `: ${exampleWords(example)} → ${outcomePhrase(example.trace.outcome)}` : '';
  return {
    says:
      `${lanes} ${familyWord(family)}${asked === '' ? '' : ` ${asked}`} ${all.length > 1 ? 'pass' : 'passes'} the proxy by: ` +
      `${table} ${chain} ${number} (${ruleWords(rule, family)}) lets it${whose}${shown}.`,
    ...(example ? { example } : {}),
  };
}

/** What takes away a rule that somebody may have meant; nft's own rules go by a handle, which is not known. */
export function unlessMeant(
  { enter }: Pick<Audited, 'enter'>,
  { family, backend, table, chain }: Pick<PlacedRule, 'family' | 'backend' | 'table' | 'chain'>,
  rule: Rule | undefined,
): string {
  const what = `if nobody meant that, ${rule ? 'take the rule away' : 'let the chain accept again'}`;
  return backend === 'native' ? what : `${what}: ${takenAway({ family, backend, table, chain, rule }, { enter })}`;
}
