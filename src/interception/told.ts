import { type Family, type Range, union } from '../address/index.ts';
import type { ValueField } from '../netfilter/index.ts';
import { assigned, type Box, countOf, holdsRanges, merged, narrowed, outside, valuesOf } from './box.ts';
import { describeBox, turnedOf } from './caught.ts';
import type { Fate } from './fate.ts';
import type { Caught, ProxyIdentity } from './interception.ts';
import { baseOf, type World } from './world.ts';

/** One line about what is caught. `other`: of what the lines before it have left over. */
export interface Told {
  readonly caught: Caught;
  readonly other: boolean;
  /** `self`: whose calls they are, where that makes a difference. */
  readonly caller?: Caller;
}

/** Who calls this host from within: the proxy, with all that it is known by, or anybody who has nothing of it. */
export type Caller = 'the proxy' | 'others';

/** What is caught of the calls of this host to itself, by who makes them. */
export function toldOfSelf(
  fates: readonly Fate[],
  family: Family,
  now: number | undefined,
  proxy: ProxyIdentity,
): readonly Told[] {
  const by = (caller: Caller): readonly Told[] => toldOf(callsOf(caller, fates, family, proxy), 'self', family, now);
  const [own, others] = [by('the proxy'), by('others')];
  if (JSON.stringify(own, bigintAsText) === JSON.stringify(others, bigintAsText)) return own;
  return [
    ...own.map((told) => ({ ...told, caller: 'the proxy' }) as const),
    ...others.map((told) => ({ ...told, caller: 'others' }) as const),
  ];
}

const bigintAsText = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** The fates of one caller's calls, without a word on who it is. */
function callsOf(caller: Caller, fates: readonly Fate[], family: Family, proxy: ProxyIdentity): readonly Fate[] {
  const known = [
    { field: 'uid', ranges: proxy.uids.flatMap(rangeOf) },
    { field: 'gid', ranges: proxy.gids.flatMap(rangeOf) },
    { field: 'mark', ranges: proxy.marks.map((mark): Range => [mark, mark]) },
  ] as const;
  return fates.flatMap((fate) => {
    let sent: Box | undefined = fate.sent;
    for (const { field, ranges } of known) {
      const meant = caller === 'the proxy' ? ranges : outside(union(ranges), field, family);
      // Who is known by nothing of a kind may have any; a mark is only what a process puts there on purpose.
      const held: readonly Range[] =
        field === 'mark' && (caller === 'others' || ranges.length === 0) ? [[0, 0]] : meant;
      if (held.length > 0) sent = sent && narrowed(sent, field, held, family);
    }
    if (!sent) return [];
    const { uid: _uid, gid: _gid, mark: _mark, ...values } = sent.values;
    return [{ ...fate, sent: { ...sent, values } }];
  });
}

/** `1337` or `1500-1599`; a name cannot be told. */
function rangeOf(word: string): readonly Range[] {
  const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
  return low === undefined ? [] : [[Number(low), Number(high)]];
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
