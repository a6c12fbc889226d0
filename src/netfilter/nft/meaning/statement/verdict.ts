import type { Effect } from '../../../effect.ts';
import type { NftVerdict } from '../../expression.ts';

/** A verdict. `accept` ends its base chain only: what is hooked in later is still asked. */
export function verdictEffect(verdict: NftVerdict): Effect {
  switch (verdict.kind) {
    case 'jump':
    case 'goto':
      return { kind: verdict.kind, chain: verdict.chain };
    case 'continue':
      return { kind: 'continue', assign: [] };
    default:
      return { kind: verdict.kind };
  }
}
