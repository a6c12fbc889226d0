import type { Family } from '../address/index.ts';
import { CTSTATE, eachLeaf, type FieldName } from '../netfilter/index.ts';
import {
  CONNECTION_ENDS,
  type CompiledChain,
  type CompiledRule,
  type Program,
  predicatesOf,
  targetsOf,
} from '../trace/parts.ts';
import { type Diagram, type Edge, NONE } from './diagram.ts';
import type { Environment } from './environment.ts';
import type { Exits } from './exits.ts';
import { Flow } from './flow.ts';
import { kept } from './kept.ts';
import { isOpen } from './nature.ts';
import { PacketSet } from './packets.ts';
import { type Side, spacesOf } from './reach.ts';
import { chainsOf } from './rules.ts';
import { Sight } from './sight.ts';
import type { Space } from './space.ts';
import type { Workshop } from './tables.ts';
import { FEW, Touched } from './touched.ts';
import { followAll } from './way.ts';

/** Where a rule stands; `number` is one-based. */
export interface RulePlace {
  readonly table: string;
  readonly backend: CompiledChain['backend'];
  readonly chain: string;
  readonly number: number;
}

/** A rule that no packet ever meets. */
export interface DeadRule extends RulePlace {
  /**
   * `unreached`: no packet comes to its chain. `impossible`: no packet that comes to its chain is like that. `shadowed`: those that
   * are, are taken by rules before it.
   */
  readonly because: 'unreached' | 'impossible' | 'shadowed';
  /** Shadowed: the rules that take its packets. */
  readonly by: readonly RulePlace[];
  /** Shadowed: packets that are like that and come to its chain, as far as the chain can tell them from others. */
  readonly packets?: PacketSet;
}

/**
 * The rules that can never match, whatever packet comes. Rules that ask for what is only known of open connections or of fragments
 * are not judged.
 *
 * Throws TooComplex.
 */
export function deadRules(side: Side, family: Family): readonly DeadRule[] {
  const alive = new Set<CompiledRule>();
  const looks: Look[] = [];
  let program: Program | undefined;
  let chains: readonly CompiledChain[] = [];
  for (const direction of ['in', 'out'] as const) {
    const [space] = spacesOf([side], family, direction);
    if (!space) continue;
    // The rules are compiled once for both directions.
    program = space.ground.program;
    chains = chainsOf(program);
    const arrived = new Map<CompiledChain, Flow>();
    const { shop } = followAll(space, (base, environment, when) =>
      kept(arrived, base, () => new Flow(space.diagram)).add(environment, when),
    );
    const look: Look = {
      space,
      shop,
      diagram: space.diagram,
      arrived,
      sight: new Sight(space),
      touched: new Touched(shop),
    };
    looks.push(look);
    for (const chain of [...chains].reverse()) passThrough(look, chain, alive);
  }
  return everyChain(program, chains).flatMap((chain) =>
    chain.rules.flatMap((rule) => (alive.has(rule) || !isJudged(rule) ? [] : [deadRule(looks, chain, rule)])),
  );
}

/** Those that nothing leads to, too. */
const everyChain = (program: Program | undefined, called: readonly CompiledChain[]): readonly CompiledChain[] => [
  ...new Set([
    ...called,
    ...Object.values(program?.tables ?? {}).flatMap((tables) => tables.flatMap(({ chains }) => [...chains.values()])),
  ]),
];

/** The packets of one direction, and which of them come to each chain, as far as it tells them apart. */
interface Look {
  readonly space: Space;
  readonly shop: Workshop;
  readonly diagram: Diagram;
  readonly arrived: Map<CompiledChain, Flow>;
  readonly sight: Sight;
  readonly touched: Touched;
}

/** Takes the packets that come to a chain from rule to rule, and to the chains that they call. */
function passThrough(look: Look, chain: CompiledChain, alive: Set<CompiledRule>): void {
  const { diagram, arrived, sight, shop } = look;
  const flow = new Flow(diagram);
  for (const { environment, when } of arrived.get(chain) ?? [])
    flow.add(shop.chains.general(chain, environment), sight.of(chain, environment, when));
  arrived.set(chain, flow);
  passBetween(look, { chain, first: 0, end: chain.rules.length }, flow, alive);
}

/** Rules of a chain that stand one after the other. */
interface Stretch {
  readonly chain: CompiledChain;
  readonly first: number;
  /** The rule behind the last one. */
  readonly end: number;
}

/** Takes packets through a stretch of rules, the more rules there are, by halves: what none of them matches goes around. */
function passBetween(look: Look, { chain, first, end }: Stretch, flow: Flow, alive: Set<CompiledRule>): Flow {
  const { diagram, touched } = look;
  if (end - first <= FEW) {
    let coming = flow;
    for (const rule of chain.rules.slice(first, end)) coming = passRule(look, rule, coming, alive);
    return coming;
  }
  const inside = new Flow(diagram);
  const after = new Flow(diagram);
  for (const { environment, when } of flow) {
    const set = touched.between(chain, environment, first, end);
    inside.add(environment, diagram.and(when, set));
    after.add(environment, diagram.minus(when, set));
  }
  if (inside.isEmpty) return flow;
  const middle = (first + end) >>> 1;
  const halfway = passBetween(look, { chain, first, end: middle }, inside, alive);
  after.addAll(passBetween(look, { chain, first: middle, end }, halfway, alive));
  return after;
}

function passRule(
  { shop, diagram, arrived, touched }: Look,
  rule: CompiledRule,
  flow: Flow,
  alive: Set<CompiledRule>,
): Flow {
  const next = new Flow(diagram);
  for (const { environment, when } of flow) {
    const hit = diagram.and(when, touched.by(rule, environment));
    if (hit !== NONE) {
      alive.add(rule);
      for (const target of targetsOf(rule)) kept(arrived, target, () => new Flow(diagram)).add(environment, hit);
    }
    passOn(shop, { rule, environment, when, hit }, next);
  }
  return next;
}

/** Packets that come to a rule, and those of them that it matches. */
interface Coming {
  readonly rule: CompiledRule;
  readonly environment: Environment;
  readonly when: Edge;
  readonly hit: Edge;
}

/** Those that go on to the next rule. */
function passOn({ chains, diagram }: Workshop, { rule, environment, when, hit }: Coming, next: Flow): void {
  const { acts, mayDrop, effect, target } = rule;
  if (!acts && !mayDrop && !isOpen(rule)) {
    const ends = effect.kind === 'accept' || effect.kind === 'drop' || effect.kind === 'return';
    const called = effect.kind === 'jump' && target;
    if (hit === NONE || ends || called) {
      next.add(environment, diagram.minus(when, hit));
      if (called && hit !== NONE) goOn(chains.chain(target, environment), 'return', hit);
      return;
    }
  }
  goOn(chains.rule(rule, environment), 'on', when);
  function goOn(exits: Exits, kind: 'on' | 'return', set: Edge): void {
    for (const { exit, when: these } of exits)
      if (exit.kind === kind) next.add(exit.environment, diagram.and(set, these));
  }
}

/** Fields of which only part of what they may be is looked at. */
const UNJUDGED: ReadonlySet<FieldName> = new Set([
  ...(['fragment', 'ctstatus', 'ctreply', 'ctmark', 'ctzone'] as const),
  ...(Object.keys(CONNECTION_ENDS) as (keyof typeof CONNECTION_ENDS)[]),
]);

function isJudged(rule: CompiledRule): boolean {
  let judged = true;
  for (const predicate of predicatesOf(rule)) {
    eachLeaf(predicate, (leaf) => {
      const ofOpen = leaf.kind === 'any-bit' && leaf.field === 'ctstate' && (leaf.mask & CTSTATE.NEW) === 0;
      if (UNJUDGED.has(leaf.field) || ofOpen) judged = false;
    });
  }
  return judged;
}

function deadRule(looks: readonly Look[], chain: CompiledChain, rule: CompiledRule): DeadRule {
  const place = placeOf(rule);
  const by = new Set<CompiledRule>();
  let reached = false;
  let packets: PacketSet | undefined;
  for (const look of looks) {
    for (const { environment, when } of look.arrived.get(chain) ?? []) {
      reached = true;
      const asked = look.diagram.and(when, look.touched.by(rule, environment));
      takeBetween(look, { chain, first: 0, end: rule.number - 1 }, environment, asked, by);
      if (asked !== NONE) packets ??= new PacketSet(look.space, look.diagram.and(asked, look.space.valid));
    }
  }
  if (!reached) return { ...place, because: 'unreached', by: [] };
  if (by.size === 0) return { ...place, because: 'impossible', by: [] };
  return { ...place, because: 'shadowed', by: [...by].map(placeOf), ...(packets ? { packets } : {}) };
}

/** What is left of packets behind a stretch of rules; those that take any are added to `by`. */
function takeBetween(
  look: Look,
  { chain, first, end }: Stretch,
  environment: Environment,
  packets: Edge,
  by: Set<CompiledRule>,
): Edge {
  const { shop, diagram, touched } = look;
  if (first === end || packets === NONE) return packets;
  if (diagram.and(packets, touched.between(chain, environment, first, end)) === NONE) return packets;
  if (end - first > 1) {
    const middle = (first + end) >>> 1;
    const left = takeBetween(look, { chain, first, end: middle }, environment, packets, by);
    return takeBetween(look, { chain, first: middle, end }, environment, left, by);
  }
  const earlier = chain.rules[first]!;
  const on = shop.chains
    .rule(earlier, environment)
    .find(({ exit }) => exit.kind === 'on' && exit.environment === environment);
  const left = diagram.and(packets, on?.when ?? NONE);
  if (left !== packets) by.add(earlier);
  return left;
}

const placeOf = ({ chain, number }: CompiledRule): RulePlace => ({
  table: chain.table,
  backend: chain.backend,
  chain: chain.name,
  number,
});
