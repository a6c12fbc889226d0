import { ALL, type Diagram, type Edge, NONE } from './diagram.ts';
import type { End } from './end.ts';
import type { Environment } from './environment.ts';

/**
 * How packets come out of a part of a chain: on to the rules after it (`break`: out of the midst of a native rule), accepted, back
 * to whoever called the chain, or at their end.
 */
export type Exit =
  | { readonly kind: 'on' | 'break' | 'accept' | 'return'; readonly environment: Environment }
  | { readonly kind: 'end'; readonly end: End };

export interface Way {
  readonly exit: Exit;
  readonly when: Edge;
}

/** All exits, each once, and for which packets. The sets are apart from each other; packets that are in none are dropped. */
export type Exits = readonly Way[];

export const NOWHERE: Exits = [];

/** All packets of a set go one way. */
export const only = (exit: Exit, when: Edge = ALL): Exits => (when === NONE ? NOWHERE : [{ exit, when }]);

/** The exits of the packets of a set alone. */
export const within = (diagram: Diagram, set: Edge, exits: Exits): Exits => choose(diagram, set, exits, NOWHERE);

/** `inside` for the packets of a set, `outside` for the others: one step for each exit, where taking both apart would be three. */
export function choose(diagram: Diagram, set: Edge, inside: Exits, outside: Exits): Exits {
  if (set === ALL) return inside;
  if (set === NONE) return outside;
  diagram.spend(inside.length + outside.length);
  if (inside.length > FEW || outside.length > FEW) return chooseAmongMany(diagram, set, inside, outside);
  // Made for every rule: a list that grows makes room for seventeen, and most have one or two.
  const chosen = new Array<Way>(outside.length + inside.length);
  let length = 0;
  for (let at = 0; at < outside.length; at += 1) {
    const { exit, when } = outside[at]!;
    const part = diagram.ite(set, whenBy(exit, inside), when);
    if (part !== NONE) chosen[length++] = { exit, when: part };
  }
  for (let at = 0; at < inside.length; at += 1) {
    const { exit, when } = inside[at]!;
    if (whenBy(exit, outside) !== NONE) continue;
    const part = diagram.and(set, when);
    if (part !== NONE) chosen[length++] = { exit, when: part };
  }
  chosen.length = length;
  return chosen;
}

/** Among so many exits or fewer the right one is looked for, among more it is looked up. */
const FEW = 8;

/** The packets that go by an exit. */
function whenBy(exit: Exit, exits: Exits): Edge {
  for (let at = 0; at < exits.length; at += 1) {
    const way = exits[at]!;
    if (isSame(way.exit, exit)) return way.when;
  }
  return NONE;
}

const isSame = (one: Exit, other: Exit): boolean =>
  one.kind === 'end'
    ? other.kind === 'end' && one.end.key === other.end.key
    : one.kind === other.kind && one.environment === other.environment;

function chooseAmongMany(diagram: Diagram, set: Edge, inside: Exits, outside: Exits): Exits {
  const chosen = new Map<string, Way>();
  const within = new Map(inside.map((way) => [keyOf(way.exit), way]));
  for (const { exit, when } of outside) {
    const key = keyOf(exit);
    const part = diagram.ite(set, within.get(key)?.when ?? NONE, when);
    within.delete(key);
    if (part !== NONE) chosen.set(key, { exit, when: part });
  }
  for (const [key, { exit, when }] of within) {
    const part = diagram.and(set, when);
    if (part !== NONE) chosen.set(key, { exit, when: part });
  }
  return [...chosen.values()];
}

const keyOf = (exit: Exit): string =>
  exit.kind === 'end' ? `end ${exit.end.key}` : `${exit.kind} ${exit.environment.id}`;

/** Packets that have come to their end. */
export const ends = (end: End): Exits => only({ kind: 'end', end });

/** Lets packets that leave by exits of one kind go on from there. */
export function followed(
  diagram: Diagram,
  exits: Exits,
  kind: 'on' | 'break' | 'return',
  goOn: (environment: Environment) => Exits,
): Exits {
  let all = without(exits, kind);
  for (let at = 0; at < exits.length; at += 1) {
    const { exit, when } = exits[at]!;
    if (exit.kind === kind) all = beside(diagram, when, goOn(exit.environment), all);
  }
  return all;
}

/** The other exits. Nearly always that is one, or none. */
function without(exits: Exits, kind: Exit['kind']): Exits {
  let count = 0;
  let last: Way | undefined;
  for (let at = 0; at < exits.length; at += 1) {
    const way = exits[at]!;
    if (way.exit.kind === kind) continue;
    count += 1;
    last = way;
  }
  if (last === undefined) return NOWHERE;
  return count === 1 ? [last] : count === exits.length ? exits : exits.filter(({ exit }) => exit.kind !== kind);
}

/** `choose` where no packet of the set has an exit of `outside`: those that `inside` has not as well stay as they are. */
function beside(diagram: Diagram, set: Edge, inside: Exits, outside: Exits): Exits {
  if (set === ALL || set === NONE || outside.length === 0 || inside.length === 0 || outside.length <= FEW)
    return choose(diagram, set, inside, outside);
  diagram.spend(inside.length);
  const places = new Map(outside.map(({ exit }, at) => [keyOf(exit), at]));
  const all = [...outside];
  for (const { exit, when } of inside) {
    const at = places.get(keyOf(exit));
    const before = at === undefined ? NONE : all[at]!.when;
    const part = diagram.ite(set, when, before);
    if (part === NONE) continue;
    if (at === undefined) all.push({ exit, when: part });
    else all[at] = { exit, when: part };
  }
  return all;
}

/** Puts together what becomes of groups of packets that are apart from each other. */
export function gathered<G extends { readonly when: Edge }>(
  diagram: Diagram,
  groups: Iterable<G>,
  exitsOf: (group: G) => Exits,
): Exits {
  let all = NOWHERE;
  for (const group of groups) all = choose(diagram, group.when, exitsOf(group), all);
  return all;
}
