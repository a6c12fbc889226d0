import { type AddressValue, masked, next, previous, type Range, union } from '../address/index.ts';
import type { Leaf } from '../netfilter/index.ts';
import { ALL, type Diagram, type Edge, NONE, type Numbers } from './diagram.ts';

/** A condition that asks for numbers. */
export type NumberLeaf = Exclude<Leaf, { readonly kind: 'name' }>;

/** A value of a field: a number, an address or a name. */
export type Value = AddressValue | string;

/**
 * How the values of a field stand in the diagram.
 *
 * - `intervals`: values that no rule tells apart are one number, their interval's; `starts` are the intervals' first values.
 * - `values`: there are these only (names, states).
 * - `raw`: a variable for each bit, the highest first, for fields that are asked for under masks with holes, or rewritten bit by bit
 *   (marks).
 */
export type Code =
  | { readonly kind: 'intervals'; readonly starts: readonly AddressValue[]; readonly top: AddressValue }
  | { readonly kind: 'values'; readonly values: readonly Value[] }
  | { readonly kind: 'raw'; readonly width: number };

export type Intervals = Extract<Code, { readonly kind: 'intervals' }>;

export const sizeOf = (code: Code): number =>
  code.kind === 'intervals' ? code.starts.length : code.kind === 'values' ? code.values.length : 2 ** code.width;

/** How many variables a field has. */
export const levelsFor = (code: Code): number => (code.kind === 'raw' ? code.width : 1);

/** The interval that a value lies in; it is not before `least`. */
export function intervalOf(starts: readonly AddressValue[], value: AddressValue, least = 0): number {
  let low = least;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The last value of an interval. */
export function endOf({ starts, top }: Pick<Intervals, 'starts' | 'top'>, at: number): AddressValue {
  const beyond = starts[at + 1];
  return beyond === undefined ? top : previous(beyond);
}

/** Where intervals start, sorted: at the lowest value, at the first of each range, and behind its last. */
export function startsOf(ranges: readonly Range[], zero: AddressValue, top: AddressValue): readonly AddressValue[] {
  const all: AddressValue[] | Float64Array =
    typeof zero === 'number' ? new Float64Array(2 * ranges.length + 1) : new Array<bigint>(2 * ranges.length + 1);
  all[0] = zero;
  for (let at = 0; at < ranges.length; at += 1) {
    const range = ranges[at]!;
    all[2 * at + 1] = range[0];
    all[2 * at + 2] = range[1] < top ? next(range[1]) : zero;
  }
  // Sorted first and looked through for equal ones then: a set of numbers this long is slow.
  const sorted = all instanceof Float64Array ? all.sort() : all.sort(byValue);
  const starts: AddressValue[] = [];
  let last: AddressValue | undefined;
  for (let at = 0; at < sorted.length; at += 1) {
    const value = sorted[at]!;
    if (value !== last) starts.push(value);
    last = value;
  }
  return starts;
}

const byValue = (a: AddressValue, b: AddressValue): number => (a < b ? -1 : a > b ? 1 : 0);

/** The intervals that make up these ranges. Every end of a range is the end of an interval. */
export const intervalsIn = (starts: readonly AddressValue[], ranges: readonly Range[]): Numbers =>
  (ranges.length > 1 ? union(ranges) : ranges).map((range) => {
    const low = intervalOf(starts, range[0]);
    return [low, lastIntervalIn(starts, low, range[1])];
  });

/** The interval that a range ends with which begins with another. Most ranges are one interval. */
export function lastIntervalIn(starts: readonly AddressValue[], first: number, end: AddressValue): number {
  const beyond = starts[first + 1];
  return beyond === undefined || beyond > end ? first : intervalOf(starts, end, first + 1);
}

/** The numbers whose bits, highest first, are these sets: those that meet a condition. */
export function rawSet(diagram: Diagram, bits: readonly Edge[], leaf: NumberLeaf): Edge {
  const width = bits.length;
  const isSet = (value: AddressValue, at: number): boolean =>
    masked(value, typeof value === 'bigint' ? 1n << BigInt(width - 1 - at) : 2 ** (width - 1 - at)) !== nothing(value);
  switch (leaf.kind) {
    case 'bits': {
      let set = ALL;
      for (let at = width - 1; at >= 0; at -= 1) {
        if (isSet(leaf.mask, at)) set = diagram.and(bits[at]! ^ (isSet(leaf.value, at) ? 0 : 1), set);
      }
      return masked(leaf.value, leaf.mask) === leaf.value ? set : NONE;
    }
    case 'any-bit': {
      let set = NONE;
      for (let at = width - 1; at >= 0; at -= 1) if (isSet(leaf.mask, at)) set = diagram.or(bits[at]!, set);
      return set;
    }
    case 'in': {
      let set = NONE;
      for (const [low, high] of leaf.ranges) {
        if (low > high) continue;
        let [least, most] = [ALL, ALL];
        for (let at = width - 1; at >= 0; at -= 1) {
          const bit = bits[at]!;
          least = isSet(low, at) ? diagram.and(bit, least) : diagram.or(bit, least);
          most = isSet(high, at) ? diagram.or(bit ^ 1, most) : diagram.and(bit ^ 1, most);
        }
        set = diagram.or(set, diagram.and(least, most));
      }
      return set;
    }
  }
}

const nothing = (value: AddressValue): AddressValue => (typeof value === 'bigint' ? 0n : 0);
