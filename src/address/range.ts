import type { AddressValue } from './family.ts';

/** An inclusive range of field values. */
export type Range = readonly [low: AddressValue, high: AddressValue];

/** A range that holds one value. */
export const only = (value: AddressValue): Range => [value, value];

/** Whether any of the ranges holds the value. */
export function holds(ranges: readonly Range[], value: AddressValue): boolean {
  for (const [low, high] of ranges) if (value >= low && value <= high) return true;
  return false;
}

/** The same question for many ranges, sorted and apart from each other as `union` gives them. */
export function holdsSorted(ranges: readonly Range[]): (value: AddressValue) => boolean {
  return (value) => {
    let low = 0;
    let high = ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const [from, to] = ranges[middle]!;
      if (value < from) high = middle;
      else if (value > to) low = middle + 1;
      else return true;
    }
    return false;
  };
}

/** The value after another. */
export const next = (value: AddressValue): AddressValue => (typeof value === 'bigint' ? value + 1n : value + 1);

/** The value before another. */
export const previous = (value: AddressValue): AddressValue => (typeof value === 'bigint' ? value - 1n : value - 1);

/** Sorts ranges and joins those that touch or overlap. */
export function union(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const joined: Range[] = [];
  for (const range of sorted) {
    const last = joined.at(-1);
    if (last && range[0] <= next(last[1])) {
      if (range[1] > last[1]) joined[joined.length - 1] = [last[0], range[1]];
    } else joined.push(range);
  }
  return joined;
}

/** The values from `low` to `high` that none of the ranges holds. */
export function complement(ranges: readonly Range[], low: AddressValue, high: AddressValue): Range[] {
  const gaps: Range[] = [];
  let from = low;
  for (const range of union(ranges)) {
    if (range[0] > from) gaps.push([from, previous(range[0])]);
    if (range[1] >= high) return gaps;
    if (range[1] >= from) from = next(range[1]);
  }
  gaps.push([from, high]);
  return gaps;
}
