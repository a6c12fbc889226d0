import { CTSTATE, type FieldName, PATH, type Stop, type StopName } from '../netfilter/index.ts';
import {
  attach,
  CONNECTION_ENDS,
  departureRoute,
  enter,
  LOOPBACK,
  neverTaken,
  takerOf,
  type Walk,
} from '../trace/parts.ts';
import { Asking } from './ask.ts';
import { Chains } from './chain.ts';
import type { Edge } from './diagram.ts';
import { type Rewritten, unknown } from './end.ts';
import { endOfOutcome, endOfTaken, takenKey } from './ending.ts';
import { type Current, constant, type Environment, Environments, type State } from './environment.ts';
import { Ends, Flow } from './flow.ts';
import { Folding } from './fold.ts';
import { Performing } from './perform.ts';
import { arrivalRoutes, refusalKey } from './route.ts';
import type { Space } from './space.ts';
import { type Seen, throughChain, throughTable, type Workshop } from './tables.ts';
import type { Trial } from './trial.ts';

/** Where packets end, and what was made to find it out. */
export interface Followed {
  readonly ends: Ends;
  readonly shop: Workshop;
}

/** Follows all packets of a space that lie `within` from where they begin to where they end. */
export function followAll(space: Space, within: Edge, seen?: Seen): Followed {
  const { diagram, ground, domain } = space;
  const environments = new Environments();
  const asking = new Asking(space, environments);
  const folding = new Folding(space, asking);
  const performing = new Performing(space, environments, asking, folding);
  const chains = new Chains(space, folding, performing);
  const ends = new Ends(diagram);
  const packets = diagram.and(space.valid, within);
  const valid = space.valid;
  const shop: Workshop = { diagram, environments, asking, folding, performing, chains, ends, valid, seen };
  if (ground.unread !== undefined) {
    ends.add(unknown(ground.unread), packets);
    return { ends, shop };
  }
  const start = environments.make(BEFORE_TRACKING, beginning(domain.direction));
  const flow = new Flow(diagram);
  flow.add(start, packets);
  const way = new Way(space, shop);
  if (domain.direction === 'in') way.go('arrival', takenBy(shop, flow, false));
  else way.go('departure', flow);
  ends.settle(packets);
  return { ends, shop };
}

/** What IPv6 takes at all; `here`: it comes over the loopback interface. */
function takenBy({ diagram, asking, valid, ends }: Workshop, flow: Flow, here: boolean): Flow {
  const taken = new Flow(diagram);
  for (const { environment, when } of flow) {
    const groups = asking.split(environment, valid, (walk) => neverTaken(walk, here), refusalKey);
    for (const { result, when: these } of groups) {
      const set = diagram.and(when, these);
      if (result) ends.add(endOfOutcome(result), set);
      else taken.add(environment, set);
    }
  }
  return taken;
}

/** Until connection tracking has looked at it, a packet belongs to no connection. */
const BEFORE_TRACKING: ReadonlyMap<FieldName, Current> = new Map<FieldName, Current>([
  ['ctstate', constant(CTSTATE.INVALID)],
  ['ctzone', constant(0)],
]);

const beginning = (direction: 'in' | 'out'): State => ({
  hook: direction === 'in' ? 'PREROUTING' : 'OUTPUT',
  pass: 1,
  connection: 'none',
  way: undefined,
  destinationDecided: false,
  sourceDecided: false,
  destination: undefined,
  source: undefined,
  mappedBy: undefined,
  assigned: undefined,
  receiver: undefined,
  device: '',
  gateway: undefined,
  marked: false,
});

/** The way through the kernel, stop by stop, as `follow` of trace goes it with one packet. */
class Way {
  readonly #space: Space;
  readonly #shop: Workshop;

  constructor(space: Space, shop: Workshop) {
    this.#space = space;
    this.#shop = shop;
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
    let packets = this.#each(flow, (walk) => enter(walk, hook, pass));
    for (const part of pass === 1 ? plan.first : plan.again) {
      if (part.kind === 'conntrack') {
        packets = this.#each(packets, (walk, trial) => attach(walk, () => this.#describe(walk, trial)));
      } else if (part.kind === 'native') packets = throughChain(this.#shop, part.asked, packets, reroutes);
      else packets = throughTable(this.#shop, part, packets, reroutes);
    }
    return packets;
  }

  /** What a new connection is. */
  #describe({ packet, asked }: Walk, trial: Trial): void {
    packet.ctmark = asked.ctmark;
    packet.ctstatus = asked.ctstatus;
    packet.ctreply = 0;
    const { reads } = this.#space.ground.program;
    for (const [to, from] of Object.entries(CONNECTION_ENDS) as [keyof typeof CONNECTION_ENDS, 'source'][])
      if (reads.has(to)) trial.copy(to, from);
  }

  /** Something that happens to every packet. */
  #each(flow: Flow, happens: (walk: Walk, trial: Trial) => void): Flow {
    const { diagram, asking, valid } = this.#shop;
    const after = new Flow(diagram);
    for (const { environment, when } of flow) {
      for (const group of asking.split(environment, valid, happens, () => ''))
        after.add(group.environment, diagram.and(when, group.when));
    }
    return after;
  }

  #route({ local, elsewhere }: Extract<Stop, { readonly kind: 'route' }>, flow: Flow): void {
    const routes = arrivalRoutes(this.#shop, flow);
    this.go(local, routes.local);
    this.go(elsewhere, routes.elsewhere);
  }

  #depart(flow: Flow): Flow {
    const { diagram, asking, ends, valid } = this.#shop;
    const away = new Flow(diagram);
    for (const { environment, when } of flow) {
      const groups = asking.split(environment, valid, departureRoute, (routed) =>
        typeof routed === 'string' ? routed : routed.kind,
      );
      for (const { result, environment: after, when: these } of groups) {
        const set = diagram.and(when, these);
        if (typeof result === 'object') ends.add(endOfOutcome(result), set);
        else away.add(after, set);
      }
    }
    return away;
  }

  #receive(flow: Flow): void {
    const { diagram, asking, ends, valid } = this.#shop;
    for (const { environment, when } of flow) {
      const port = environment.fields.get('destinationPort');
      const own = environment.state.assigned === undefined && (port === undefined || port.kind === 'of');
      for (const { result, when: these } of asking.split(environment, valid, takerOf, (taken) => takenKey(taken, own)))
        ends.add(endOfTaken(result, environment, own), diagram.and(when, these));
    }
  }

  #leave(flow: Flow): void {
    const { ends } = this.#shop;
    for (const { environment, when } of flow) {
      const { device, mappedBy } = environment.state;
      const kind = this.#space.domain.direction === 'in' ? 'forwarded' : 'sent';
      const to = rewritten(environment, 'destination', 'destinationPort');
      const from = rewritten(environment, 'source', 'sourcePort');
      const key = [
        kind,
        device,
        to ? `to ${to.address}:${to.port}` : '',
        from ? `from ${from.address}:${from.port}` : '',
      ].join(' ');
      const because = mappedBy ? 'a rule sends it elsewhere' : 'no rule sends it elsewhere';
      ends.add({ kind, out: device, ...(to ? { to } : {}), ...(from ? { from } : {}), key, because }, when);
    }
  }
}

function rewritten(
  { fields }: Environment,
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
