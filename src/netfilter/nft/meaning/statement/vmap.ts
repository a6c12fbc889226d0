import type { NftExpression, NftVerdict } from '../../expression.ts';
import { type Act, unfollowed } from '../act.ts';
import type { NftContext } from '../context.ts';
import { lookUp } from '../lookup.ts';
import { verdictEffect } from './verdict.ts';

/** `KEY vmap { … }`: the verdict that the key leads to; without one the rule ends. */
export function vmapAct(key: NftExpression, data: NftExpression, context: NftContext): Act {
  const lookup = lookUp(key, data, context);
  if ('because' in lookup) return unfollowed('vmap', lookup.because);
  return {
    part: 'vmap',
    alternatives: lookup.found.map(({ when, data: to }) => ({
      when,
      effect: isVerdict(to) ? verdictEffect(to) : { kind: 'unknown', because: 'what the map leads to is not followed' },
    })),
  };
}

const VERDICTS: ReadonlySet<string> = new Set(['accept', 'drop', 'continue', 'return', 'jump', 'goto']);

const isVerdict = (data: NftExpression | NftVerdict): data is NftVerdict => VERDICTS.has(data.kind);
