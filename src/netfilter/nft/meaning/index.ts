import { apart } from '../../apart.ts';
import { NEVER } from '../../predicate.ts';
import type { NftRule } from '../table.ts';
import { type Act, condition } from './act.ts';
import type { NftContext } from './context.ts';
import { statementActs } from './statement/index.ts';

export type { Act, Alternative } from './act.ts';
export { anyOf } from './compare.ts';
export { contextOf, type NftContext, type NftMachine } from './context.ts';
export { nftSymbols } from './datatype.ts';
export { needsConntrack as nftNeedsConntrack } from './needs-conntrack.ts';

/** What a rule does, statement by statement: they are carried out from left to right. */
export function actsOf({ statements }: NftRule, context: NftContext): readonly Act[] {
  if (reads(statements, OF_OTHER[context.family])) return [condition('meta nfproto', NEVER)];
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

/**
 * What only packets of the other family have. nft asks for the family at the head of the rule, wherever in it that stands, and does
 * not show it where a header is asked for first. Found by experiment (1.0.6): `nft --debug=netlink`.
 */
const OF_OTHER = { ipv4: 'exthdr', ipv6: 'ip option' } as const;

/** Whether an expression of a kind stands anywhere in it. */
function reads(part: unknown, kind: string): boolean {
  if (typeof part !== 'object' || part === null) return false;
  return (part as { readonly kind?: unknown }).kind === kind || Object.values(part).some((inner) => reads(inner, kind));
}
