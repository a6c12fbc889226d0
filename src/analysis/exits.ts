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

/** All exits, and for which packets. The sets are apart from each other; packets that are in none are dropped. */
export type Exits = ReadonlyMap<string, Way>;

export const NOWHERE: Exits = new Map();

const keyOf = (exit: Exit): string =>
  exit.kind === 'end' ? `end ${exit.end.key}` : `${exit.kind} ${exit.environment.id}`;

/** All packets of a set go one way. */
export const only = (exit: Exit, when: Edge = ALL): Exits =>
  when === NONE ? NOWHERE : new Map([[keyOf(exit), { exit, when }]]);

/** The exits of the packets of a set alone. */
export const within = (diagram: Diagram, set: Edge, exits: Exits): Exits => choose(diagram, set, exits, NOWHERE);

/** `inside` for the packets of a set, `outside` for the others: one step for each exit, where taking both apart would be three. */
export function choose(diagram: Diagram, set: Edge, inside: Exits, outside: Exits): Exits {
  if (set === ALL) return inside;
  if (set === NONE) return outside;
  const chosen = new Map<string, Way>();
  for (const [key, { exit, when }] of outside) {
    const part = diagram.ite(set, inside.get(key)?.when ?? NONE, when);
    if (part !== NONE) chosen.set(key, { exit, when: part });
  }
  for (const [key, { exit, when }] of inside) {
    if (outside.has(key)) continue;
    const part = diagram.and(set, when);
    if (part !== NONE) chosen.set(key, { exit, when: part });
  }
  return chosen;
}

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
  for (const group of groups) all = choose(diagram, group.when, exitsOf(group), all);
  return all;
}
