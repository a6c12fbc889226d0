import type { Family } from '../address/index.ts';
import type { ValueField } from '../netfilter/index.ts';
import { assigned, type Box, countOf, holdsRanges, merged, valuesOf } from './box.ts';
import { describeBox, turnedOf } from './caught.ts';
import type { Fate } from './fate.ts';
import type { Caught } from './interception.ts';
import { baseOf, type World } from './world.ts';

/** One line about what is caught. `other`: of what the lines before it have left over. */
export interface Told {
  readonly caught: Caught;
  readonly other: boolean;
}

/**
 * What is caught of one kind of connection, in lines to be read from the top: the proxy ports that get the fewest kinds
 * of traffic come first, and what they get is left out of the later lines only by the word "other", where that makes one
 * line out of several. (DNS goes to one port and "other tcp" to another.)
 */
export function toldOf(fates: readonly Fate[], world: World, family: Family, now: number | undefined): readonly Told[] {
  const base = baseOf(world, family, now);
  const groups = [...turnedOf(fates, family)].sort((a, b) => breadth(a.boxes, family) - breadth(b.boxes, family));
  const told: Told[] = [];
  const before: Box[] = [];
  for (const { turned, boxes } of groups) {
    const wider = widened(boxes, before, family);
    const other = wider.length < boxes.length;
    for (const box of other ? wider : boxes)
      told.push({ caught: describeBox(box, base, world, family, turned), other });
    before.push(...boxes.flatMap((box) => oneProtocolEach(box, family)));
  }
  return told;
}

const breadth = (boxes: readonly Box[], family: Family): number =>
  Math.max(...boxes.map((box) => countOf(valuesOf(box, 'destinationPort', family), 65_536)));

/** The boxes, grown by what was told before as far as that joins them. */
function widened(boxes: readonly Box[], before: readonly Box[], family: Family): readonly Box[] {
  if (boxes.length < 2 || before.length === 0) return boxes;
  return merged([...boxes, ...before], family).filter((wide) => boxes.some((box) => isWithin(box, wide, family)));
}

/** Traffic of several protocols as a box for each, so that each may be joined with its like. */
function oneProtocolEach(box: Box, family: Family): readonly Box[] {
  const ranges = valuesOf(box, 'protocol', family);
  return ranges.every(([low, high]) => low === high)
    ? ranges.map((range) => assigned(box, 'protocol', [range]))
    : [box];
}

const isWithin = (inner: Box, outer: Box, family: Family): boolean =>
  (Object.keys(outer.values) as ValueField[]).every((field) =>
    holdsRanges(valuesOf(outer, field, family), valuesOf(inner, field, family)),
  );
