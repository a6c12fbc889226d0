import { ALL, complement, type Diagram, type Edge, NONE } from './diagram.ts';
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

/** All exits, and for which packets. The sets are apart from each other; packets that are in none are dropped. */
export type Exits = ReadonlyMap<string, Way>;

export const NOWHERE: Exits = new Map();

const keyOf = (exit: Exit): string =>
  exit.kind === 'end' ? `end ${exit.end.key}` : `${exit.kind} ${exit.environment.id}`;

/** All packets of a set go one way. */
export const only = (exit: Exit, when: Edge = ALL): Exits =>
  when === NONE ? NOWHERE : new Map([[keyOf(exit), { exit, when }]]);

/** Puts exits together, of which the sets are apart from each other. */
export function joined(diagram: Diagram, one: Exits, other: Exits): Exits {
  if (one.size === 0) return other;
  if (other.size === 0) return one;
  const [large, small] = one.size < other.size ? [other, one] : [one, other];
  const all = new Map(large);
  for (const [key, { exit, when }] of small) {
    const known = all.get(key);
    all.set(key, { exit, when: known ? diagram.or(known.when, when) : when });
  }
  return all;
}

/** The exits of the packets of a set alone. */
export function within(diagram: Diagram, set: Edge, exits: Exits): Exits {
  if (set === ALL) return exits;
  const inside = new Map<string, Way>();
  for (const [key, { exit, when }] of exits) {
    const part = diagram.and(set, when);
    if (part !== NONE) inside.set(key, { exit, when: part });
  }
  return inside;
}

/** `then` for the packets of a set, `otherwise` for the others. */
export const choose = (diagram: Diagram, set: Edge, then: Exits, otherwise: Exits): Exits =>
  joined(diagram, within(diagram, set, then), within(diagram, complement(set), otherwise));

/** Packets that have come to their end. */
export const ends = (end: End): Exits => only({ kind: 'end', end });

/** Lets packets that leave by exits of one kind go on from there. */
export function followed(
  diagram: Diagram,
  exits: Exits,
  kind: 'on' | 'break' | 'return',
  goOn: (environment: Environment) => Exits,
): Exits {
  const left = new Map<string, Way>();
  const going: { readonly environment: Environment; readonly when: Edge }[] = [];
  for (const [key, way] of exits) {
    const { exit, when } = way;
    if (exit.kind === kind) going.push({ environment: exit.environment, when });
    else left.set(key, way);
  }
  return gathered(diagram, going, ({ environment }) => goOn(environment), left);
}

/** Puts together what becomes of groups of packets that are apart from each other, and of those before them. */
export function gathered<G extends { readonly when: Edge }>(
  diagram: Diagram,
  groups: Iterable<G>,
  exitsOf: (group: G) => Exits,
  before: Exits = NOWHERE,
): Exits {
  let all = before;
  for (const group of groups) all = joined(diagram, all, within(diagram, group.when, exitsOf(group)));
  return all;
}
