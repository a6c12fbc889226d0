import type { Family } from '../address/index.ts';
import { type Diagram, type Edge, NONE } from './diagram.ts';
import type { Cut, Direction } from './domain.ts';
import { DROPPED, type End } from './end.ts';
import type { Ends as Found } from './flow.ts';
import { PacketSet, type Weighed, weighed } from './packets.ts';
import { type Side, spacesOf } from './reach.ts';
import type { Space } from './space.ts';
import { followAll, followFar } from './way.ts';

/** Packets that end in one place by the first rule set, and in another by the second: surely, and possibly. */
export interface Change extends Weighed {
  readonly before: End;
  readonly after: End;
  /** The kernel chooses each time, under one rule set or under both: some of them may also end as under the other one. */
  readonly atTimes: boolean;
}

type Ends = ReadonlyMap<string, { readonly end: End; readonly when: Edge }>;

/**
 * Exactly the packets that two rule sets treat differently, by where each sends them. None: they treat every packet of this
 * family and direction alike. That is not a sample: it is true of all.
 *
 * What the kernel chooses (random, limit) may come out differently under the same rules: it counts as a difference where other ends
 * are possible. What is not known is taken to be the same under both, where the same rule asks for it.
 *
 * Throws TooComplex; not with `far`: then packets of which it was not found out where a rule set sends them count as different, from or
 * to an end that is unknown because of that.
 *
 * @param cuts conditions that `where` of the sets is to hold to exactly
 */
export function difference(
  before: Side,
  after: Side,
  family: Family,
  direction: Direction,
  cuts: readonly Cut[] = [],
  { far = false }: { readonly far?: boolean } = {},
): readonly Change[] {
  const [one, other] = spacesOf([before, after], family, direction, cuts);
  if (!one || !other) return [];
  const follow = (space: Space, by: string) => (far ? followFar(space, by) : followAll(space).ends);
  const [ends, otherEnds] = alike(one, possible(one, follow(one, 'before')), possible(other, follow(other, 'after')));
  const { diagram } = one;
  let different: Edge = NONE;
  for (const key of new Set([...ends.keys(), ...otherEnds.keys()])) {
    const apart = diagram.xor(ends.get(key)?.when ?? NONE, otherEnds.get(key)?.when ?? NONE);
    different = diagram.or(different, apart);
  }
  const changes: Change[] = [];
  for (const [key, { end, when }] of ends) {
    const moved = diagram.and(different, when);
    if (moved === NONE) continue;
    for (const [otherKey, { end: otherEnd, when: otherWhen }] of otherEnds) {
      const part = otherKey === key ? NONE : diagram.and(moved, otherWhen);
      if (part === NONE) continue;
      // Nobody knows that packets end differently where nobody knows how they end.
      const open = end.kind === 'unknown' || otherEnd.kind === 'unknown';
      const { surely, possibly } = weighed(one, part);
      const atTimes = [otherEnds.get(key), ends.get(otherKey)].some(
        (alike) => alike !== undefined && diagram.and(part, alike.when) !== NONE,
      );
      changes.push({
        before: end,
        after: otherEnd,
        surely: open ? new PacketSet(one, NONE) : surely,
        possibly,
        atTimes,
      });
    }
  }
  return changes;
}

/** Where packets may end, whatever the kernel chooses. */
function possible(space: Space, ends: Found): Ends {
  const { diagram, decisions } = space;
  const { all } = ends;
  const dropped = ends.dropped(space.valid);
  if (dropped !== NONE) all.set(DROPPED.key, { end: DROPPED, when: dropped });
  if (!decisions.any) return all;
  return new Map(
    [...all].map(([key, { end, when }]) => [key, { end, when: diagram.exists(when, decisions.isChoice) }]),
  );
}

/** A port that a rule names is the same port where the packet asked for it itself. */
function alike(space: Space, one: Ends, other: Ends): [Ends, Ends] {
  const ports = new Set<number>();
  for (const { end } of [...one.values(), ...other.values()])
    if ('port' in end && typeof end.port === 'number') ports.add(end.port);
  return [named(space, one, ports), named(space, other, ports)];
}

function named(space: Space, ends: Ends, ports: ReadonlySet<number>): Ends {
  const { diagram } = space;
  const all = new Map(ends);
  for (const { end, when } of ends.values()) {
    if (!('port' in end) || end.port !== 'own') continue;
    let left = when;
    for (const port of ports) {
      const part = diagram.and(when, space.original({ kind: 'in', field: 'destinationPort', ranges: [[port, port]] }));
      if (part === NONE) continue;
      left = diagram.minus(left, part);
      const key = `${end.kind} ${port}`;
      all.set(key, added(diagram, all.get(key), { ...end, port, key }, part));
    }
    if (left === NONE) all.delete(end.key);
    else all.set(end.key, { end, when: left });
  }
  return all;
}

const added = (
  diagram: Diagram,
  known: { readonly end: End; readonly when: Edge } | undefined,
  end: End,
  when: Edge,
): { readonly end: End; readonly when: Edge } =>
  known ? { end: known.end, when: diagram.or(known.when, when) } : { end, when };
