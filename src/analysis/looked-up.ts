import type { FieldName } from '../netfilter/index.ts';
import { currentKey, type Environment } from './environment.ts';

/** Fields that the walk finds out where a rule asks for them, and the packet's own that they hang on. */
export const LOOKED_UP = {
  sourceType: ['source'],
  destinationType: ['destination'],
  socketLookup: ['protocol', 'destination', 'destinationPort'],
} as const satisfies Partial<Record<FieldName, readonly FieldName[]>>;

export type LookedUp = keyof typeof LOOKED_UP;

export const isLookedUp = (field: FieldName): field is LookedUp => field in LOOKED_UP;

/** What the answer to such a field can tell of an environment. */
export function lookupKey({ fields, state }: Environment, field: LookedUp): string {
  const keys = LOOKED_UP[field].map((of) => {
    const current = fields.get(of);
    return current ? currentKey(current) : '';
  });
  return [...keys, ...(field === 'socketLookup' ? [state.hook, state.assigned?.port] : [])].join();
}
