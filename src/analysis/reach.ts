import type { Family } from '../address/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { type Ground, type Grounds, grounds } from '../trace/parts.ts';
import { Decisions } from './decisions.ts';
import { Diagram } from './diagram.ts';
import { type Cut, type Direction, domainOf, maySendOn } from './domain.ts';
import { DROPPED, type End } from './end.ts';
import type { Ends } from './flow.ts';
import { kept } from './kept.ts';
import { isOneMachine, Machine } from './machine.ts';
import { type Weighed, weighed } from './packets.ts';
import { contentsOf } from './rules.ts';
import { Space } from './space.ts';
import { followAll, followFar } from './way.ts';

/** What is asked about: a rule set on its machine, and the ports that the mesh's proxy listens on. */
export interface Side {
  readonly snapshot: Snapshot;
  readonly proxyPorts: readonly number[];
}

/** Packets that end in the same place: surely, and possibly. */
export interface Reached extends Weighed {
  readonly end: End;
}

/**
 * Where all packets of a family and a direction end: each place, and exactly which packets come to it. No packet is left out; those
 * that are dropped stand last, and may be none.
 *
 * Where that is too complex, the ends that were found stand with the packets that were found to come to them, and one that is unknown,
 * because of that, with all others.
 *
 * @param cuts conditions that `where` of the sets is to hold to exactly
 * @example reach(side, 'ipv4', 'in').find(({ end }) => end.kind === 'proxy')?.surely.witness()
 */
export function reach(side: Side, family: Family, direction: Direction, cuts: readonly Cut[] = []): readonly Reached[] {
  const [space] = spacesOf([side], family, direction, cuts);
  return space ? reachedBy(space, followFar(space)) : [];
}

const GROUNDS = new WeakMap<Snapshot, WeakMap<Snapshot, Map<string, Grounds>>>();

/** Rules, compiled once for both directions. `like`: those that they are compared with; what is alike in both is compiled once. */
const groundsOf = ({ snapshot, proxyPorts }: Side, like?: Side): Grounds => {
  const compared = kept(GROUNDS, snapshot, () => new WeakMap<Snapshot, Map<string, Grounds>>());
  const made = kept(compared, like?.snapshot ?? snapshot, () => new Map<string, Grounds>());
  return kept(made, proxyPorts.join(), () =>
    grounds(snapshot, proxyPorts, like && { snapshot: like.snapshot, grounds: groundsOf(like) }),
  );
};

/** Those of rule sets that are compared. */
const groundsFor = (sides: readonly Side[], family: Family): readonly Ground[] =>
  sides.map((side, at) => groundsOf(side, at === 0 ? undefined : sides[0])(family));

/** Whether packets from elsewhere may be sent on by any of these rule sets. */
export const sendsOn = (sides: readonly Side[], family: Family): boolean => groundsFor(sides, family).some(maySendOn);

/** About so many nodes are made for a rule. */
const NODES_A_RULE = 44;

/** The spaces of several rule sets, so that their sets can be compared. */
export function spacesOf(
  sides: readonly Side[],
  family: Family,
  direction: Direction,
  cuts: readonly Cut[] = [],
): readonly Space[] {
  const given = groundsFor(sides, family);
  const domain = domainOf(given, direction, cuts);
  const rules = given.reduce((sum, { program }) => sum + contentsOf(program).rules, 0);
  const diagram = new Diagram(rules * NODES_A_RULE);
  const decisions = new Decisions(diagram, domain.variables);
  const machines = given.map(() => new Machine());
  const spaces: Space[] = [];
  for (const [at, ground] of given.entries()) {
    const first = given.findIndex((other, n) => n === at || isOneMachine([sides[n]!, other], [sides[at]!, ground]));
    const valid = spaces[0]?.valid;
    spaces.push(new Space({ diagram, domain, ground, decisions, machine: machines[first]!, valid }));
  }
  return spaces;
}

/** Where all packets of a space end. Throws TooComplex. */
export const reachIn = (space: Space): readonly Reached[] => reachedBy(space, followAll(space).ends);

function reachedBy(space: Space, ends: Ends): readonly Reached[] {
  const reached: Reached[] = [...ends.all.values()].map(({ end, when }) => ({ end, ...weighed(space, when) }));
  // What is dropped is the rest: found out when somebody asks.
  let rest: Weighed | undefined;
  const dropped = (): Weighed => {
    rest ??= weighed(space, ends.dropped(space.valid));
    return rest;
  };
  reached.push({
    end: DROPPED,
    get surely() {
      return dropped().surely;
    },
    get possibly() {
      return dropped().possibly;
    },
  });
  return reached;
}
