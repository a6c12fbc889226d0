import { apart } from '../../apart.ts';
import type { NftRule } from '../table.ts';
import type { Act } from './act.ts';
import type { NftContext } from './context.ts';
import { statementActs } from './statement/index.ts';

export type { Act, Alternative } from './act.ts';
export { anyOf } from './compare.ts';
export { contextOf, type NftContext, type NftMachine } from './context.ts';
export { nftSymbols } from './datatype.ts';
export { needsConntrack as nftNeedsConntrack } from './needs-conntrack.ts';

/** What a rule does, statement by statement: they are carried out from left to right. */
export function actsOf({ statements }: NftRule, context: NftContext): readonly Act[] {
  const ofEach = apart();
  return statements
    .flatMap((statement) => statementActs(statement, context))
    .map((act): Act => {
      const whens = act.alternatives.map(({ when }) => when);
      const kept = ofEach(whens);
      if (kept === whens) return act;
      return { ...act, alternatives: act.alternatives.map((one, index) => ({ ...one, when: kept[index]! })) };
    });
}
