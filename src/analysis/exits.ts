import { ALL, type Diagram, type Edge, NONE } from './diagram.ts';
import type { End } from './end.ts';
import type { Environment } from './environment.ts';

/** How packets come out of a chain: accepted, back to whoever called it, or at their end. */
export type Exit =
  | { readonly kind: 'accept' | 'return'; readonly environment: Environment }
  | { readonly kind: 'end'; readonly end: End };

/** All exits of a chain, and for which packets. The sets are apart from each other and together everything. */
export type Exits = ReadonlyMap<string, Way>;

export interface Way {
  readonly exit: Exit;
  readonly when: Edge;
}

export function keyOf(exit: Exit): string {
  return exit.kind === 'end' ? `end ${exit.end.key}` : `${exit.kind} ${exit.environment.id}`;
}

/** Every packet goes one way. */
export const only = (exit: Exit): Exits => new Map([[keyOf(exit), { exit, when: ALL }]]);

/** `then` inside the condition, `otherwise` outside it. */
export function choose(diagram: Diagram, condition: Edge, then: Exits, otherwise: Exits): Exits {
  if (condition === ALL || then === otherwise) return then;
  if (condition === NONE) return otherwise;
  const chosen = new Map<string, Way>();
  for (const [key, { exit, when }] of then) {
    const set = diagram.ite(condition, when, otherwise.get(key)?.when ?? NONE);
    if (set !== NONE) chosen.set(key, { exit, when: set });
  }
  for (const [key, { exit, when }] of otherwise) {
    if (then.has(key)) continue;
    const set = diagram.minus(when, condition);
    if (set !== NONE) chosen.set(key, { exit, when: set });
  }
  return chosen;
}

/** Puts the exits of several groups of packets together. The groups are apart from each other and together everything. */
export function gather(diagram: Diagram, groups: readonly (readonly [when: Edge, exits: Exits])[]): Exits {
  let all: Exits = new Map();
  for (const [when, exits] of groups) all = all.size === 0 ? exits : choose(diagram, when, exits, all);
  return all;
}
