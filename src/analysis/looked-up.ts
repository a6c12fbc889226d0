import type { FieldName } from '../netfilter/index.ts';
import { lookUpSocket, LOOKED_UP as ROUTED, type Walk } from '../trace/parts.ts';
import { type Environment, fieldKey } from './environment.ts';

type Routed = keyof typeof ROUTED;
export type LookedUp = Routed | 'socketLookup';

/** Fields that the walk finds out where a rule asks for them, and the packet's own that they hang on. */
export const LOOKED_UP: ReadonlyMap<FieldName, readonly FieldName[]> = new Map<FieldName, readonly FieldName[]>([
  ...Object.entries(ROUTED).map(([field, { of }]) => [field as Routed, of] as const),
  ['socketLookup', ['protocol', 'destination', 'destinationPort', 'in']],
]);

export const isLookedUp = (field: FieldName): field is LookedUp => LOOKED_UP.has(field);

/** What the walk finds. */
export const lookUp = (walk: Walk, field: LookedUp): number | undefined =>
  field === 'socketLookup' ? lookUpSocket(walk) : ROUTED[field].find(walk);

/** What the answer to such a field can tell of an environment. */
export function lookupKey(environment: Environment, field: LookedUp): string {
  const { state } = environment;
  const keys = LOOKED_UP.get(field)!.map((of) => fieldKey(environment, of));
  return [...keys, state.hook, state.marked, ...(field === 'socketLookup' ? [state.assigned?.port] : [])].join();
}
