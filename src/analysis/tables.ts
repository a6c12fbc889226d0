import { CTSTATE, type TableName } from '../netfilter/index.ts';
import type { Outcome } from '../trace/index.ts';
import {
  type Asked,
  besideEachOther,
  type CompiledChain,
  isIdle,
  mapsDestination,
  natSilence,
  natsOf,
  notFollowed,
  type PlannedTable,
  reroute,
  steers,
  type Walk,
} from '../trace/parts.ts';
import type { Asking, Inquiry } from './ask.ts';
import type { Chains } from './chain.ts';
import type { Value } from './code.ts';
import { ALL, type Diagram, type Edge, NONE } from './diagram.ts';
import { endOfOutcome, outcomeKey } from './ending.ts';
import { type Current, currentKey, type Environment, type Environments, sameAs } from './environment.ts';
import { type Ends, Flow } from './flow.ts';
import type { Folding } from './fold.ts';
import { kept } from './kept.ts';
import type { Performing } from './perform.ts';

/** Is told which packets come to which built-in chain. */
export type Seen = (base: CompiledChain, environment: Environment, when: Edge) => void;

/** What the parts of the way share. */
export interface Workshop {
  readonly diagram: Diagram;
  readonly environments: Environments;
  readonly asking: Asking;
  readonly folding: Folding;
  readonly performing: Performing;
  readonly chains: Chains;
  readonly ends: Ends;
  /** All packets that there are: questions about the way itself are asked of them once, whatever the rules have left. */
  readonly valid: Edge;
  readonly seen?: Seen | undefined;
}

/** Takes packets through one table of a hook, as `askTable` of trace takes one. */
export function throughTable(shop: Workshop, planned: PlannedTable, flow: Flow, reroutes: readonly TableName[]): Flow {
  return planned.name === 'nat'
    ? throughNat(shop, planned, flow, reroutes)
    : inTurn(shop, flow, inquiries(planned).beside, (asked, part) => throughChain(shop, asked, part, reroutes));
}

/** Lets packets pass several chains one after the other, in an order that may not be known. */
function inTurn(
  shop: Workshop,
  flow: Flow,
  order: Inquiry<readonly Asked[]>,
  pass: (asked: Asked, flow: Flow) => Flow,
): Flow {
  const { diagram, asking } = shop;
  const after = new Flow(diagram);
  for (const { environment, when } of flow) {
    for (const { result, when: these } of asking.part(environment, when, order)) {
      let part = new Flow(diagram);
      part.add(environment, these);
      for (const asked of result) part = pass(asked, part);
      after.addAll(part);
    }
  }
  return after;
}

/** Takes packets through one chain, as `askChain` of trace takes one. */
export function throughChain(shop: Workshop, asked: Asked, flow: Flow, reroutes: readonly TableName[]): Flow {
  const { base } = asked;
  if (!base || isIdle(base)) return flow;
  const { diagram, performing } = shop;
  const anew = steers(asked, reroutes);
  const after = new Flow(diagram);
  for (const { environment, when } of flow) {
    for (const passed of run(shop, base, environment, when)) {
      const [before, now] = [markOf(environment), markOf(passed.environment)];
      const same = anew ? performing.equal(before, now) : ALL;
      after.add(passed.environment, diagram.and(passed.when, same));
      const moved = diagram.minus(passed.when, same);
      after.addAll(routedAnew(shop, passed.environment, moved));
    }
  }
  return after;
}

const markOf = ({ fields }: Environment): Current => fields.get('mark') ?? sameAs('mark');

/** Runs a built-in chain: what passes on, and in which environments. */
function run(
  { chains, diagram, ends, seen }: Workshop,
  base: CompiledChain,
  environment: Environment,
  when: Edge,
): Flow {
  const passed = new Flow(diagram);
  seen?.(base, environment, when);
  for (const { exit, when: these } of chains.base(base, environment)) {
    const set = diagram.and(when, these);
    if (exit.kind === 'end') ends.add(exit.end, set);
    else passed.add(exit.environment, set);
  }
  return passed;
}

const REROUTE: Inquiry<Outcome | undefined> = { ask: reroute, keyOf: outcomeKey };

/** What is asked at a table. */
interface Inquiries {
  readonly beside: Inquiry<readonly Asked[]>;
  readonly nats: Inquiry<readonly Asked[]>;
  /** Whether nat is silent there. */
  readonly passes: Inquiry<boolean | Outcome>;
}

const AT_TABLE = new WeakMap<PlannedTable, Inquiries>();

const inquiries = (planned: PlannedTable): Inquiries =>
  kept(AT_TABLE, planned, () => ({
    beside: { ask: (walk) => besideEachOther(walk, planned), keyOf: orderKey },
    nats: { ask: (walk) => natsOf(walk, planned), keyOf: orderKey },
    passes: { ask: (walk) => notFollowed(walk, planned) ?? isSilent(walk), keyOf: String },
  }));

const orderKey = (all: readonly Asked[]): string =>
  all.map(({ table, backend, base }) => `${table} ${backend} ${base?.name}`).join();

/** A packet of this host's own is routed again. */
function routedAnew(shop: Workshop, environment: Environment, when: Edge): Flow {
  const { diagram, asking, ends } = shop;
  const after = new Flow(diagram);
  if (when === NONE) return after;
  for (const group of asking.part(environment, when, REROUTE)) {
    if (group.result) ends.add(endOfOutcome(group.result), group.when);
    else after.add(group.environment, group.when);
  }
  return after;
}

/** nat decides once a connection and direction; the first chain that maps the connection has decided. */
function throughNat(shop: Workshop, planned: PlannedTable, flow: Flow, reroutes: readonly TableName[]): Flow {
  const { diagram, asking, environments, ends } = shop;
  const after = new Flow(diagram);
  const { passes, nats } = inquiries(planned);
  for (const { environment, when } of flow) {
    for (const { result, when: set } of asking.part(environment, when, passes)) {
      if (result !== false) {
        if (result === true) after.add(environment, set);
        else ends.add(endOfOutcome(result), set);
        continue;
      }
      const part = new Flow(diagram);
      part.add(environment, set);
      const mapped = inTurn(shop, part, nats, (asked, packets) => throughMapping(shop, asked, packets));
      for (const passed of mapped) {
        const { state, fields } = passed.environment;
        const decided = mapsDestination(state) ? { destinationDecided: true } : { sourceDecided: true };
        const settled = environments.make(fields, { ...state, ...decided });
        after.addAll(redirected(shop, environment, settled, passed.when, reroutes));
      }
    }
  }
  return after;
}

/** A known connection is taken to be one that nat has not mapped. */
const isSilent = (walk: Walk): boolean => walk.packet.ctstate === CTSTATE.ESTABLISHED || natSilence(walk) !== undefined;

/** One chain that maps; connections that another has mapped before are not asked about. */
function throughMapping(shop: Workshop, { base }: Asked, flow: Flow): Flow {
  if (!base || isIdle(base)) return flow;
  const after = new Flow(shop.diagram);
  for (const { environment, when } of flow) {
    const { state } = environment;
    const mapped = mapsDestination(state) ? state.destination : state.source;
    if (mapped) after.add(environment, when);
    else after.addAll(run(shop, base, environment, when));
  }
  return after;
}

/** A new destination of a packet of this host's own is routed anew. */
function redirected(
  shop: Workshop,
  before: Environment,
  now: Environment,
  when: Edge,
  reroutes: readonly TableName[],
): Flow {
  const { diagram, folding } = shop;
  const current = now.fields.get('destination');
  const was = before.fields.get('destination');
  const after = new Flow(diagram);
  const isNow = (value: Value): Edge =>
    typeof value === 'string'
      ? NONE
      : folding.leaf({ kind: 'in', field: 'destination', ranges: [[value, value]] }, before);
  const stays =
    !reroutes.includes('nat') || currentText(current) === currentText(was)
      ? ALL
      : current?.kind === 'const'
        ? isNow(current.value)
        : current?.kind === 'case'
          ? diagram.any(current.sets.map((set, at) => diagram.and(set, isNow(current.values[at]!))))
          : NONE;
  after.add(now, diagram.and(when, stays));
  after.addAll(routedAnew(shop, now, diagram.minus(when, stays)));
  return after;
}

const currentText = (current: Current | undefined): string => (current ? currentKey(current) : '');
