import { type AddressValue, complement, type Family, highest, type Range, union } from '../address/index.ts';
import { field as describe, fieldWidth, type NameField, type ValueField } from '../netfilter/index.ts';

/**
 * Interface names: those that the pattern `within` covers (absent: all), but none that a pattern of `except` covers.
 * A pattern is a name, a beginning with `+`, or '' for "no interface".
 */
export interface Names {
  readonly within?: string;
  readonly except: readonly string[];
}

/**
 * A set of packets that is a product of one set per field. A field that is not named may have any value. Splitting a
 * box by a condition on one field gives boxes again, which is all that the rules of an interception need.
 */
export interface Box {
  readonly values: Readonly<Partial<Record<ValueField, readonly Range[]>>>;
  readonly names: Readonly<Partial<Record<NameField, Names>>>;
}

export const EVERYTHING: Box = { values: {}, names: {} };

const zero = (sample: AddressValue): AddressValue => (typeof sample === 'bigint' ? 0n : 0);

/** The highest value that a field can have. */
export function topOf(field: ValueField, family: Family): AddressValue {
  return describe(field).kind === 'address' ? highest(family) : 2 ** fieldWidth(field, family) - 1;
}

/** All values of a field as ranges. */
export function allOf(field: ValueField, family: Family): readonly Range[] {
  const top = topOf(field, family);
  return [[zero(top), top]];
}

/** The values of a field that the box allows. */
export const valuesOf = (box: Box, field: ValueField, family: Family): readonly Range[] =>
  box.values[field] ?? allOf(field, family);

/** The values of a field that the ranges leave out. */
export function outside(ranges: readonly Range[], field: ValueField, family: Family): readonly Range[] {
  const top = topOf(field, family);
  return complement(ranges, zero(top), top);
}

/** The values that both lists hold. Both are sorted and disjoint, as `union` leaves them. */
export function intersection(a: readonly Range[], b: readonly Range[]): Range[] {
  const common: Range[] = [];
  for (const [lowA, highA] of a) {
    for (const [lowB, highB] of b) {
      const low = lowA > lowB ? lowA : lowB;
      const high = highA < highB ? highA : highB;
      if (low <= high) common.push([low, high]);
    }
  }
  return common;
}

export const sameRanges = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length && a.every(([low, high], index) => low === b[index]?.[0] && high === b[index]?.[1]);

/** Whether the first ranges hold all values of the second. */
export const holdsRanges = (a: readonly Range[], b: readonly Range[]): boolean => sameRanges(intersection(a, b), b);

/** How many values the ranges hold, up to a bound that is of interest. */
export function countOf(ranges: readonly Range[], bound: number): number {
  let count = 0;
  for (const [low, high] of ranges) {
    count += Number(high) - Number(low) + 1;
    if (count > bound) return count;
  }
  return count;
}

/** The box with a field held to these values, or undefined when that leaves nothing. */
export function narrowed(box: Box, field: ValueField, ranges: readonly Range[], family: Family): Box | undefined {
  const left = box.values[field] ? intersection(box.values[field], ranges) : ranges;
  if (left.length === 0) return undefined;
  if (sameRanges(left, valuesOf(box, field, family))) return box;
  return { ...box, values: { ...box.values, [field]: left } };
}

/** The box with a field whose values are now these, whatever they were. */
export const assigned = (box: Box, field: ValueField, ranges: readonly Range[]): Box => ({
  ...box,
  values: { ...box.values, [field]: ranges },
});

/** Whether every name that `narrow` stands for is one that `wide` stands for. */
export const covers = (wide: string, narrow: string): boolean =>
  wide.endsWith('+') ? narrow.startsWith(wide.slice(0, -1)) : wide === narrow;

/** The names that a pattern covers too, or undefined when there is none. */
export function namesWithin(names: Names, pattern: string): Names | undefined {
  const { within } = names;
  const narrow =
    within === undefined || covers(within, pattern) ? pattern : covers(pattern, within) ? within : undefined;
  if (narrow === undefined || names.except.some((other) => covers(other, narrow))) return undefined;
  return { within: narrow, except: names.except.filter((other) => covers(narrow, other)) };
}

/** The names that a pattern does not cover, or undefined when there is none. */
export function namesWithout(names: Names, pattern: string): Names | undefined {
  const { within } = names;
  if (within !== undefined && covers(pattern, within)) return undefined;
  if (within !== undefined && !covers(within, pattern)) return names;
  if (names.except.some((other) => covers(other, pattern))) return names;
  return { ...names, except: [...names.except.filter((other) => !covers(pattern, other)), pattern].sort() };
}

/** The packets that both boxes hold, or undefined when there are none. */
export function common(a: Box, b: Box, family: Family): Box | undefined {
  let both: Box | undefined = a;
  for (const [field, ranges] of Object.entries(b.values)) {
    both = both && narrowed(both, field as ValueField, ranges, family);
  }
  for (const [field, { within, except }] of Object.entries(b.names)) {
    let names: Names | undefined = both?.names[field as NameField] ?? { except: [] };
    if (within !== undefined) names = names && namesWithin(names, within);
    for (const other of except) names = names && namesWithout(names, other);
    both = both && names && { ...both, names: { ...both.names, [field]: names } };
  }
  return both;
}

const sameNames = (a: Names | undefined, b: Names | undefined): boolean =>
  (a?.within ?? undefined) === (b?.within ?? undefined) &&
  (a?.except ?? []).join('\n') === (b?.except ?? []).join('\n');

/** Two sets of names as one set, where one set can say it. */
function joinedNames(a: Names, b: Names): Names | undefined {
  if (sameNames(a, b)) return a;
  for (const [inner, outer] of [
    [a, b],
    [b, a],
  ] as const) {
    const { within } = inner;
    if (within === undefined) continue;
    const inside = outer.within === undefined || covers(outer.within, within);
    if (!inside) continue;
    // `eth0` and "all but eth0" are all; `eth0` beside a set that holds it already adds nothing.
    if (outer.except.includes(within) && inner.except.length === 0)
      return { ...outer, except: outer.except.filter((other) => other !== within) };
    if (!outer.except.some((other) => covers(other, within) || covers(within, other))) return outer;
  }
  return undefined;
}

const fieldsOf = (boxes: readonly Box[]): ValueField[] => [
  ...new Set(boxes.flatMap(({ values }) => Object.keys(values) as ValueField[])),
];

/** Two boxes as one, when they differ in one field only. */
function joined(a: Box, b: Box, family: Family): Box | undefined {
  const different = fieldsOf([a, b]).filter(
    (field) => !sameRanges(valuesOf(a, field, family), valuesOf(b, field, family)),
  );
  const names = (['in', 'out'] as const).filter((field) => !sameNames(a.names[field], b.names[field]));
  if (different.length + names.length === 0) return a;
  if (different.length + names.length > 1) return undefined;
  const [field] = different;
  if (field) {
    const { [field]: _, ...rest } = a.values;
    const both = union([...valuesOf(a, field, family), ...valuesOf(b, field, family)]);
    return sameRanges(both, allOf(field, family)) ? { ...a, values: rest } : assigned(a, field, both);
  }
  const [name = 'in'] = names;
  const both = joinedNames(a.names[name] ?? { except: [] }, b.names[name] ?? { except: [] });
  return both && { ...a, names: { ...a.names, [name]: both } };
}

/** The same packets in as few boxes as pairwise joining finds. */
export function merged(boxes: readonly Box[], family: Family): Box[] {
  const left = [...boxes];
  for (let again = true; again; ) {
    again = false;
    for (let first = 0; first < left.length; first += 1) {
      for (let second = first + 1; second < left.length; second += 1) {
        const both = joined(left[first] as Box, left[second] as Box, family);
        if (!both) continue;
        left[first] = both;
        left.splice(second, 1);
        second -= 1;
        again = true;
      }
    }
  }
  return left;
}
