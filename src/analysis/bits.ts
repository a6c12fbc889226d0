import type { AddressValue } from '../address/index.ts';
import { bitsOf } from '../netfilter/index.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import type { Current } from './environment.ts';
import type { Space } from './space.ts';

/** A field's value after what has been done to it. */
export function changedBy(
  value: AddressValue,
  { shift, keep, xor, add }: Extract<Current, { readonly kind: 'of' }>,
): AddressValue {
  if (keep === undefined && xor === undefined && add === undefined) return value;
  const moved = shift ? bitsOf(Number(value), { mask: -1, shift }) : Number(value);
  return (((moved & (keep ?? -1)) ^ (xor ?? 0)) >>> 0) + (add ?? 0);
}

/** What the bits of a field that is kept bit by bit have become, the highest first. */
export function bitSetsOf(space: Space, current: Current): readonly Edge[] {
  if (current.kind === 'open' || current.kind === 'case') throw new Error('nothing is known of these bits');
  if (current.kind === 'const') return ofNumber(Number(current.value));
  const { field, shift = 0, keep = -1, xor = 0 } = current;
  const placed = space.domain.fields.get(field);
  if (!placed) return ofNumber(Number(changedBy(Number(space.usual[field] ?? 0), current)));
  const bits = space.bits(placed);
  return bits.map((_, at) => {
    const bit = bits[at + shift] ?? NONE;
    const mask = 2 ** (placed.levels - 1 - at);
    const turned = (xor & mask) !== 0 ? 1 : 0;
    return (keep & mask) !== 0 ? bit ^ turned : NONE ^ turned;
  });
}

const ofNumber = (value: number): readonly Edge[] =>
  Array.from({ length: 32 }, (_, at) => ((value >>> (31 - at)) & 1 ? ALL : NONE));
