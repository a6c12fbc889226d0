import {
  CTSTATE,
  type FieldName,
  type HookName,
  PATH,
  type Stop,
  type StopName,
  type TableName,
} from '../netfilter/index.ts';
import type { Outcome } from '../trace/index.ts';
import {
  attach,
  CONNECTION_ENDS,
  departureRoute,
  enter,
  LOOPBACK,
  neverTaken,
  type PlannedTable,
  type Taken,
  takerOf,
  type Walk,
} from '../trace/parts.ts';
import { Asking, type Inquiry } from './ask.ts';
import { spread } from './cases.ts';
import { Chains } from './chain.ts';
import type { Edge } from './diagram.ts';
import { effectsIn } from './edges.ts';
import { type Rewritten, unknown } from './end.ts';
import { endOfOutcome, endOfTaken, outcomeKey, takenKey } from './ending.ts';
import { type Current, constant, type Environment } from './environment.ts';
import { Ends, Flow } from './flow.ts';
import { Folding } from './fold.ts';
import { kept } from './kept.ts';
import { Performing } from './perform.ts';
import { arrivalRoutes } from './route.ts';
import type { Space } from './space.ts';
import { type Seen, throughChain, throughTable, type Workshop } from './tables.ts';
import { TooComplex } from './too-complex.ts';
import type { Trial } from './trial.ts';

/** Where packets end, and what was made to find it out. */
export interface Followed {
  readonly ends: Ends;
  readonly shop: Workshop;
}

/** Follows all packets of a space from where they begin to where they end. Throws TooComplex. */
export function followAll(space: Space, seen?: Seen): Followed {
  const shop = shopFor(space, seen);
  follow(space, shop);
  return { ends: shop.ends, shop };
}

/**
 * The same, as far as it can be found out: where it is too complex, what has not come to an end by then is unknown. `by` tells apart
 * what is left unknown of several spaces.
 */
export function followFar(space: Space, by = ''): Ends {
  const shop = shopFor(space, undefined);
  const { diagram, ends } = shop;
  try {
    follow(space, shop);
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    diagram.relent();
    const rest = ends.dropped(space.valid);
    const found = ends.all.size === 0 ? 'nothing was found before' : 'the other ends were found before';
    ends.add(unknown(new TooComplex(error.because, found).message, `too complex ${by}`), rest);
  }
  return ends;
}

function shopFor(space: Space, seen: Seen | undefined): Workshop {
  const { diagram, valid, machine } = space;
  const { environments } = machine;
  environments.begin();
  const asking = new Asking(space, environments);
  const folding = new Folding(space, asking);
  const performing = new Performing(space, environments, asking, folding);
  const chains = new Chains(space, { environments, asking, folding, performing }, machine.chains);
  machine.chains ??= chains;
  return { diagram, environments, asking, folding, performing, chains, ends: new Ends(diagram), valid, seen };
}

function follow(space: Space, shop: Workshop): void {
  const { diagram, ground, domain, valid } = space;
  if (ground.unread !== undefined) {
    shop.ends.add(unknown(ground.unread), valid);
    return;
  }
  const start = shop.environments.make(BEFORE_TRACKING, shop.asking.start);
  const flow = new Flow(diagram);
  flow.add(start, valid);
  const way = new Way(space, shop);
  if (domain.direction === 'in') way.go('arrival', takenBy(shop, flow, false));
  else way.go('departure', flow);
}

/** What IPv6 takes at all; `here`: it comes over the loopback interface. */
function takenBy({ diagram, asking, ends }: Workshop, flow: Flow, here: boolean): Flow {
  const taken = new Flow(diagram);
  for (const { environment, when } of flow) {
    const groups = asking.part(environment, when, here ? FROM_HERE : FROM_ELSEWHERE);
    for (const { result, when: set } of groups) {
      if (result) ends.add(endOfOutcome(result), set);
      else taken.add(environment, set);
    }
  }
  return taken;
}

const taking = (here: boolean): Inquiry<Outcome | undefined> => ({
  ask: (walk) => neverTaken(walk, here),
  keyOf: outcomeKey,
  grain: 'kinds',
});
const [FROM_HERE, FROM_ELSEWHERE] = [taking(true), taking(false)];

/** Until connection tracking has looked at it, a packet belongs to no connection. */
const BEFORE_TRACKING: ReadonlyMap<FieldName, Current> = new Map<FieldName, Current>([
  ['ctstate', constant(CTSTATE.INVALID)],
  ['ctzone', constant(0)],
]);

/** The way through the kernel, stop by stop, as `follow` of trace goes it with one packet. */
class Way {
  readonly #space: Space;
  readonly #shop: Workshop;
  /** Whether anything asks what a packet's connection is, but for its state. */
  readonly #tells: boolean;

  constructor(space: Space, shop: Workshop) {
    this.#space = space;
    this.#shop = shop;
    this.#tells = tellsConnections(space);
  }

  go(at: StopName, flow: Flow): void {
    if (flow.isEmpty) return;
    const stop: Stop = PATH[at];
    switch (stop.kind) {
      case 'hook':
        this.go(stop.next, this.#pass(stop, flow));
        break;
      case 'route':
        if (at === 'departure') this.go(stop.elsewhere, this.#depart(flow));
        else this.#route(stop, flow);
        break;
      case 'device': {
        const [back, away] = [new Flow(this.#shop.diagram), new Flow(this.#shop.diagram)];
        for (const { environment, when } of flow)
          (environment.state.device === LOOPBACK ? back : away).add(environment, when);
        this.go(stop.loopback, takenBy(this.#shop, back, true));
        this.go(stop.other, away);
        break;
      }
      case 'end':
        if (at === 'socket') this.#receive(flow);
        else this.#leave(flow);
    }
  }

  #pass({ hook, pass, reroutes }: Extract<Stop, { readonly kind: 'hook' }>, flow: Flow): Flow {
    const { program } = this.#space.ground;
    const plan = program.plan[hook];
    let packets = this.#each(flow, entering(hook, pass));
    for (const part of plan.first) {
      if (part.kind === 'table' && part.idle && program.conntrack !== 'undecided') continue;
      if (part.kind === 'conntrack') packets = this.#each(packets, this.#tracking);
      else if (part.kind === 'native') packets = throughChain(this.#shop, part.asked, packets, reroutes);
      else if (pass === 2 && part.name === 'nat') packets = this.#natAgain(part, packets, reroutes);
      else packets = throughTable(this.#shop, part, packets, reroutes);
    }
    return packets;
  }

  /** Over loopback nat is not asked again, but for packets that have a zone and no connection. */
  #natAgain(nat: PlannedTable, flow: Flow, reroutes: readonly TableName[]): Flow {
    const [asked, passed] = [new Flow(this.#shop.diagram), new Flow(this.#shop.diagram)];
    for (const { environment, when } of flow)
      (environment.state.connection === 'template' ? asked : passed).add(environment, when);
    if (asked.isEmpty) return flow;
    passed.addAll(throughTable(this.#shop, nat, asked, reroutes));
    return passed;
  }

  readonly #tracking: Inquiry<void> = happening((walk, trial) => {
    attach(walk, () => this.#describe(walk, trial));
    // Where nothing later hangs on whose connection a packet is, those of one are taken with those of none.
    if (!this.#tells) walk.connection = 'tracked';
  });

  /** What a new connection is. */
  #describe({ packet, asked }: Walk, trial: Trial): void {
    if (!this.#tells) return;
    packet.ctmark = asked.ctmark;
    packet.ctstatus = asked.ctstatus;
    packet.ctreply = 0;
    const { reads } = this.#space.ground.program;
    for (const [to, from] of Object.entries(CONNECTION_ENDS) as [keyof typeof CONNECTION_ENDS, 'source'][])
      if (reads.has(to)) trial.copy(to, from);
  }

  /** Something that happens to every packet. */
  #each(flow: Flow, happens: Inquiry<void>): Flow {
    const { diagram, asking } = this.#shop;
    const after = new Flow(diagram);
    for (const { environment, when } of flow) {
      for (const group of asking.part(environment, when, happens)) after.add(group.environment, group.when);
    }
    return after;
  }

  #route({ local, elsewhere }: Extract<Stop, { readonly kind: 'route' }>, flow: Flow): void {
    const routes = arrivalRoutes(this.#shop, flow);
    this.go(local, routes.local);
    this.go(elsewhere, routes.elsewhere);
  }

  #depart(flow: Flow): Flow {
    const { diagram, asking, ends } = this.#shop;
    const away = new Flow(diagram);
    for (const { environment, when } of flow) {
      for (const { result, environment: after, when: set } of asking.part(environment, when, DEPARTURE)) {
        if (typeof result === 'object') ends.add(endOfOutcome(result), set);
        else away.add(after, set);
      }
    }
    return away;
  }

  #receive(flow: Flow): void {
    const { asking, ends } = this.#shop;
    for (const { environment, when } of flow) {
      const port = environment.fields.get('destinationPort');
      const own = environment.state.assigned === undefined && (port === undefined || port.kind === 'of');
      for (const { result, when: set } of asking.part(environment, when, own ? AT_OWN_PORT : AT_PORT))
        ends.add(endOfTaken(result, environment, own), set);
    }
  }

  #leave(flow: Flow): void {
    for (const { environment, when } of flow) {
      for (const place of spread(this.#shop.diagram, environment.fields, when, ENDS)) this.#leaveTo(environment, place);
    }
  }

  #leaveTo({ state }: Environment, { fields, when }: { fields: Environment['fields']; when: Edge }): void {
    const { ends } = this.#shop;
    const { device, supposed, mappedBy } = state;
    const out = supposed ? '' : device;
    const kind = this.#space.domain.direction === 'in' ? 'forwarded' : 'sent';
    const to = rewritten(fields, 'destination', 'destinationPort');
    const from = rewritten(fields, 'source', 'sourcePort');
    const key = [
      kind,
      out,
      to ? `to ${to.address}:${to.port}` : '',
      from ? `from ${from.address}:${from.port}` : '',
    ].join(' ');
    const because = mappedBy ? 'a rule sends it elsewhere' : 'no rule sends it elsewhere';
    ends.add({ kind, out, ...(to ? { to } : {}), ...(from ? { from } : {}), key, because }, when);
  }
}

const ENDS = ['destination', 'destinationPort', 'source', 'sourcePort'] as const;

const happening = (ask: Inquiry<void>['ask']): Inquiry<void> => ({ ask, keyOf: () => '' });

const ENTERING = new Map<string, Inquiry<void>>();

const entering = (hook: HookName, pass: 1 | 2): Inquiry<void> =>
  kept(ENTERING, `${hook} ${pass}`, () => happening((walk) => enter(walk, hook, pass)));

const DEPARTURE: Inquiry<ReturnType<typeof departureRoute>> = { ask: departureRoute, keyOf: outcomeKey };

const taker = (own: boolean): Inquiry<Taken> => ({ ask: takerOf, keyOf: (taken) => takenKey(taken, own) });
/** Packets that have come to the port that they asked for, and those that were sent to one. */
const [AT_OWN_PORT, AT_PORT] = [taker(true), taker(false)];

/** nat asks it, whatever its rules do; marks of connections do, and matches that read its ends. */
function tellsConnections({ ground }: Space): boolean {
  const stops = Object.values(ground.program.plan).flatMap(({ first }) => first);
  if (stops.some((part) => part.kind === 'table' && part.name === 'nat' && !part.idle)) return true;
  if ([...ground.program.reads].some((field) => field.startsWith('ct') && field !== 'ctstate')) return true;
  return effectsIn(ground).some(
    (effect) =>
      effect.kind === 'nat' ||
      (effect.kind === 'continue' &&
        effect.assign.some(
          ({ field, xor }) => field.startsWith('ct') || (typeof xor === 'object' && xor.field.startsWith('ct')),
        )),
  );
}

function rewritten(
  fields: Environment['fields'],
  end: 'source' | 'destination',
  port: 'sourcePort' | 'destinationPort',
): Rewritten | undefined {
  const [address, number] = [fields.get(end), fields.get(port)];
  const result: { address?: number | bigint; port?: number | 'open' } = {};
  if (address?.kind === 'const') result.address = address.value as number | bigint;
  if (number?.kind === 'const') result.port = Number(number.value);
  else if (number?.kind === 'open') result.port = 'open';
  return Object.keys(result).length > 0 ? result : undefined;
}
