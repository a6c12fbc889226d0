import type { AddressValue } from '../address/index.ts';
import { fieldWidth, type Predicate, type ValueField } from '../netfilter/index.ts';

/** Sorts the places at which an answer may change. */
export const sortedSplits = (splits: Iterable<AddressValue>): readonly AddressValue[] =>
  [...splits].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

/** In which part of a split field a value lies: how many of the splits are not above it. */
export function partOf(splits: readonly AddressValue[], value: AddressValue): number {
  let low = 0;
  let high = splits.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (splits[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The value after so many others. */
export const beyond = (value: AddressValue, count: AddressValue): AddressValue =>
  typeof value === 'bigint' ? value + BigInt(count) : value + Number(count);

/**
 * Adds the values of a field at which a predicate's answer may change. False where it does not go by ranges of values: a mask
 * with holes, single bits.
 */
export function addSplits(predicate: Predicate, field: ValueField, splits: Set<AddressValue>): boolean {
  switch (predicate.kind) {
    case 'in':
      if (predicate.field !== field) return true;
      for (const [low, high] of predicate.ranges) splits.add(low).add(beyond(high, 1));
      return true;
    case 'bits': {
      if (predicate.field !== field) return true;
      const { value, mask } = predicate;
      const size = sizeUnder(mask, field);
      if (size !== undefined) splits.add(value).add(beyond(value, size));
      return size !== undefined;
    }
    case 'any-bit':
      return predicate.field !== field;
    case 'member':
      return addSplits(predicate.meaning, field, splits);
    case 'not':
      return addSplits(predicate.of, field, splits);
    case 'all':
    case 'some':
      return predicate.of.map((part) => addSplits(part, field, splits)).every(Boolean);
    case 'name':
    case 'always':
    case 'never':
    case 'choice':
    case 'unknown':
      return true;
  }
}

/** How many values have the same bits under a mask, where those values are neighbours. */
function sizeUnder(mask: AddressValue, field: ValueField): bigint | undefined {
  const width = fieldWidth(field, typeof mask === 'bigint' ? 'ipv6' : 'ipv4');
  const bits = BigInt(mask);
  const size = bits & -bits;
  return bits + size === 1n << BigInt(width) ? size : undefined;
}
