import type { Range } from '../address/index.ts';
import type { ValueField } from '../netfilter/index.ts';
import { numbersIn, shadow } from './boxes.ts';
import { endOf, sizeOf } from './code.ts';
import { NONE } from './diagram.ts';
import type { PacketSet } from './packets.ts';

/**
 * The values that packets of a set have in a field whose values are told apart as intervals (ports, addresses, owners), sorted;
 * undefined where nothing asks for the field, or only for bits of it.
 *
 * @example valuesOf(caught, 'destinationPort') // [[0, 8887], [8889, 65535]]
 */
export function valuesOf(
  { space: { diagram, domain }, edge }: PacketSet,
  field: ValueField,
): readonly Range[] | undefined {
  const placed = domain.fields.get(field);
  if (placed?.code.kind !== 'intervals') return undefined;
  const { code } = placed;
  if (edge === NONE) return [];
  return numbersIn(diagram, shadow(diagram, placed, edge), sizeOf(code)).map(
    ([low, high]) => [code.starts[low]!, endOf(code, high)] as const,
  );
}
