import { highest } from '../address/index.ts';
import { CTSTATUS, type Effect, type FieldName, type ValueField } from '../netfilter/index.ts';
import type { Outcome } from '../trace/index.ts';
import { type CompiledRule, type MappedTo, mappingOf, mapsDestination, nameOf, type Walk } from '../trace/parts.ts';
import type { Asking, Inquiry } from './ask.ts';
import type { Value } from './code.ts';
import type { Currents } from './currents.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import { endOfOutcome, openBy, outcomeKey } from './ending.ts';
import { type Current, constant, type Environment, type Environments, OPEN } from './environment.ts';
import { choose, type Exits, ends, gathered, only } from './exits.ts';
import type { Folding } from './fold.ts';
import { kept } from './kept.ts';
import type { Matched } from './perform.ts';
import type { Space } from './space.ts';

type Nat = Extract<Effect, { readonly kind: 'nat' }>;

/** What the walk says that one packet is mapped to. */
interface Answer extends MappedTo {
  /** Its address is the packet's own source, or destination. */
  readonly own?: 'source' | 'destination';
  /** Its port stays, as it is among those to choose from. */
  readonly keeps?: true;
}

/** What one end of a connection becomes. */
interface Mapped {
  readonly address: Current;
  /** Absent: the protocol has none. */
  readonly port?: Current;
}

interface Tools {
  readonly space: Space;
  readonly environments: Environments;
  readonly asking: Asking;
  readonly folding: Folding;
  readonly currents: Currents;
}

/** Which fields a mapping writes: the end that it maps, and that of the replies. */
const ENDS = {
  destination: { address: 'destination', port: 'destinationPort', reply: 'ctreplsrc', replyPort: 'ctreplsrcport' },
  source: { address: 'source', port: 'sourcePort', reply: 'ctrepldst', replyPort: 'ctrepldstport' },
} as const;

/** What nat targets make of all packets at once. */
export class Mapping {
  readonly #tools: Tools;
  readonly #inquiries = new Map<CompiledRule, Inquiry<Answer | Outcome>>();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** The exits hold for packets that match. */
  map(matched: Matched, effect: Nat): Exits {
    const { rule, environment, matches } = matched;
    const { space, asking } = this.#tools;
    const { address, base } = effect;
    const destination = mapsDestination(environment.state);
    const network = typeof address === 'object' && 'mask' in address ? address : undefined;
    // Bits of the packet's own in a new address: of a source that is left open.
    const moves = network !== undefined && network.mask !== highest(space.domain.family);
    if ((moves && destination) || base !== undefined)
      return ends(openBy(rule, `${nameOf(rule)}: which of many it chooses is not looked at`));
    const groups = asking.split(
      environment,
      matches,
      kept(this.#inquiries, rule, () => this.#inquiry(rule, effect)),
    );
    return gathered(space.diagram, groups, ({ result, environment: after }) =>
      'kind' in result
        ? ends(endOfOutcome(result, rule))
        : this.#mapped(matched, after, this.#ends(after, effect, moves, result)),
    );
  }

  #inquiry(rule: CompiledRule, effect: Nat): Inquiry<Answer | Outcome> {
    const stays = { address: effect.address === undefined, port: effect.ports === undefined };
    return {
      ask: (walk) => this.#ask(walk, rule, effect),
      keyOf: (mapped) =>
        'kind' in mapped
          ? outcomeKey(mapped)
          : `${stays.address ? '' : (mapped.own ?? mapped.address)} ${stays.port ? typeof mapped.port : (mapped.keeps ?? mapped.port)}`,
      // Where interfaces are known, the source towards a destination is looked for.
      grain: this.#tools.space.ground.host.known ? 'ways' : 'kinds',
    };
  }

  #ask(walk: Walk, rule: CompiledRule, effect: Nat): Answer | Outcome {
    const mapped = mappingOf(walk, rule, effect);
    if ('kind' in mapped) return mapped;
    const { packet, hook, asked, ground } = walk;
    const port = ENDS[mapsDestination(walk) ? 'destination' : 'source'].port;
    const range = effect.ports && effect.ports[0] !== effect.ports[1];
    const keeps = range && mapped.port !== undefined && mapped.port === packet[port];
    // Where no interfaces are known, this host's address is what the packet says it is.
    const asOwn = effect.address === 'outgoing' || (effect.address === 'here' && hook === 'PREROUTING');
    const own = asOwn && !ground.host.known && mapped.address === walk.own;
    return {
      ...mapped,
      ...(keeps ? { keeps: true } : {}),
      ...(own ? { own: mapped.address === asked.destination ? 'destination' : 'source' } : {}),
    };
  }

  #ends(environment: Environment, effect: Nat, moves: boolean, { address, port, own, keeps }: Answer): Mapped {
    const { currents } = this.#tools;
    const end = ENDS[mapsDestination(environment.state) ? 'destination' : 'source'];
    const now =
      effect.address === undefined
        ? currents.now(environment, end.address)
        : moves
          ? OPEN
          : own
            ? ({ kind: 'of', field: own } as const)
            : constant(address);
    if (port === undefined) return { address: now };
    if (port === 'open') return { address: now, port: OPEN };
    return { address: now, port: keeps || !effect.ports ? currents.now(environment, end.port) : constant(port) };
  }

  #mapped({ rule }: Matched, environment: Environment, { address, port }: Mapped): Exits {
    const { environments, space } = this.#tools;
    const { state } = environment;
    const destination = mapsDestination(state);
    const end = ENDS[destination ? 'destination' : 'source'];
    const { reads } = space.ground.program;
    const fields = new Map(environment.fields);
    this.#set(fields, end.address, address);
    if (reads.has(end.reply)) fields.set(end.reply, address);
    if (port) {
      this.#set(fields, end.port, port);
      if (reads.has(end.replyPort)) fields.set(end.replyPort, port);
    }
    const endpoint = { address: 0, port: 0 };
    const after = { ...state, ...(destination ? { destination: endpoint, mappedBy: rule } : { source: endpoint }) };
    const accept = (status: number): Exits => {
      const now = fields.get('ctstatus');
      const all = status === 0 ? fields : new Map(fields);
      // A packet's own is 0: it opens a connection, or none is asked.
      if (status !== 0) all.set('ctstatus', constant((now?.kind === 'const' ? Number(now.value) : 0) | status));
      return only({ kind: 'accept', environment: environments.make(all, after) });
    };
    if (!reads.has('ctstatus')) return accept(0);
    // What stays as it is, is not called mapped.
    const stays = space.diagram.and(
      this.#same(environment, end.address, address),
      port ? this.#same(environment, end.port, port) : ALL,
    );
    return choose(space.diagram, stays, accept(0), accept(destination ? CTSTATUS.DNAT : CTSTATUS.SNAT));
  }

  #set(fields: Map<FieldName, Current>, field: FieldName, current: Current): void {
    if (current.kind === 'of' && current.field === field && current.keep === undefined) fields.delete(field);
    else fields.set(field, current);
  }

  /** The packets whose field is that already. */
  #same(environment: Environment, field: ValueField, current: Current): Edge {
    if (current.kind === 'open') return NONE;
    if (current.kind === 'of') return current.field === field ? ALL : NONE;
    if (current.kind === 'case') return environment.fields.get(field) === current ? ALL : NONE;
    const value = current.value as Exclude<Value, string>;
    return this.#tools.folding.leaf({ kind: 'in', field, ranges: [[value, value]] }, environment);
  }
}
