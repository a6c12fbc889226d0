import type { FieldName } from '../netfilter/index.ts';
import type { CompiledAct, CompiledChain, CompiledRule } from '../trace/parts.ts';
import { nameOf } from '../trace/parts.ts';
import { type Diagram, type Edge, NONE } from './diagram.ts';
import { dropped, unknown } from './end.ts';
import { currentKey, type Environment } from './environment.ts';
import { choose, type Exits, gather, only, type Way } from './exits.ts';
import type { Folding, Visit } from './fold.ts';
import { kept } from './kept.ts';
import { isOpen, Natures } from './nature.ts';
import type { Matched, Performing } from './perform.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';

/** Times that chains with choices are gone through: such a chain is looked at anew wherever it is called from. */
const MOST_VISITS = 20_000;

/**
 * Chains as what becomes of all packets at once. A chain is folded from its last rule to its first, once for each environment in
 * which it is asked; one that changes nothing once for all environments that it cannot tell apart.
 */
export class Chains {
  readonly #space: Space;
  readonly #diagram: Diagram;
  readonly #folding: Folding;
  readonly #performing: Performing;
  readonly #natures = new Natures();
  readonly #known = new Map<CompiledChain, Map<string, Exits>>();
  /** Of chains that change packets: what follows from each rule on, by environment. */
  readonly #from = new Map<CompiledChain, Map<number, Exits[]>>();
  readonly #visits = new Map<string, number>();
  #visited = 0;

  constructor(space: Space, folding: Folding, performing: Performing) {
    this.#space = space;
    this.#diagram = space.diagram;
    this.#folding = folding;
    this.#performing = performing;
  }

  /** What becomes of packets that come to a built-in chain in this environment: accepted, or at their end. */
  base(chain: CompiledChain, environment: Environment): Exits {
    const out: [number, Exits][] = [];
    for (const { exit, when } of this.chain(chain, environment).values()) {
      if (exit.kind !== 'return') out.push([when, only(exit)]);
      else if (chain.policy === 'DROP') {
        out.push([when, only({ kind: 'end', end: dropped(`the policy of ${chain.table} ${chain.name} is DROP`) })]);
      } else if (chain.policy === 'QUEUE') {
        const because = `the policy of ${chain.table} ${chain.name} hands it to a program`;
        out.push([when, only({ kind: 'end', end: unknown(because) })]);
      } else out.push([when, only({ kind: 'accept', environment: exit.environment })]);
    }
    return gather(this.#diagram, out);
  }

  /** What becomes of packets that come to a chain in this environment. */
  chain(chain: CompiledChain, environment: Environment): Exits {
    const nature = this.#natures.of(chain);
    if (nature.open) return this.#run(chain, 0, environment, undefined);
    if (nature.changes) return this.#fromRule(chain, 0, environment);
    const key = [...nature.reads].map((field) => `${readingKey(environment, field)}`).join();
    const known = kept(this.#known, chain, () => new Map<string, Exits>());
    return readdressed(
      kept(known, key, () => this.#run(chain, 0, environment, undefined)),
      environment,
    );
  }

  /** From a rule on, and all that follows from later rules kept for who comes in between. */
  #fromRule(chain: CompiledChain, at: number, environment: Environment): Exits {
    const known = kept(this.#from, chain, () => new Map<number, Exits[]>());
    const later = kept(known, environment.id, () => []);
    return later[at] ?? this.#run(chain, at, environment, later);
  }

  #run(chain: CompiledChain, first: number, environment: Environment, later: Exits[] | undefined): Exits {
    const { rules } = chain;
    let at = rules.length;
    // What is known already from a later rule on need not be gone through again.
    if (later) for (let rule = rules.length - 1; rule >= first; rule -= 1) if (later[rule]) at = rule;
    let rest = later?.[at] ?? only({ kind: 'return', environment });
    for (at -= 1; at >= first; at -= 1) {
      rest = this.#rule(chain, at, environment, rest, later !== undefined);
      if (later) later[at] = rest;
    }
    return rest;
  }

  #rule(chain: CompiledChain, at: number, environment: Environment, rest: Exits, keeps: boolean): Exits {
    const rule = chain.rules[at]!;
    // In another environment, later rules are looked at anew.
    const goOn = (other: Environment): Exits => {
      if (other === environment) return rest;
      return keeps ? this.#fromRule(chain, at + 1, other) : this.#run(chain, at + 1, other, undefined);
    };
    if (rule.acts) return this.#acts(rule, rule.acts, 0, environment, goOn);
    const { effect, predicate, mayDrop } = rule;
    const idle = effect.kind === 'continue' && effect.assign.length === 0;
    if (idle && !mayDrop) return rest;
    const visit = this.#visitOf(rule);
    const matches = idle ? NONE : this.#folding.fold(predicate, environment, visit);
    const after = this.#effect({ rule, visit, environment, matches }, rest, goOn);
    return mayDrop ? this.#overflow(rule, mayDrop, environment, visit, after) : after;
  }

  /** Where a match that packets come to has no room for them, they are dropped there. */
  #overflow(
    rule: CompiledRule,
    mayDrop: NonNullable<CompiledRule['mayDrop']>,
    environment: Environment,
    visit: Visit,
    after: Exits,
  ): Exits {
    const { diagram, decisions } = this.#space;
    let result = after;
    for (const { condition, full, reached } of [...mayDrop].reverse()) {
      const come = diagram.exists(this.#folding.fold(reached, environment, visit), decisions.isDecision);
      const where = nameOf(rule);
      const because = `whether ${full} is full is not known: then it drops the packet`;
      const isFull = decisions.set(`${visit.key} room ${condition.part}`, { kind: 'open', where, because });
      const drops = only({ kind: 'end', end: dropped(`${full} is full at ${where}`) });
      result = choose(diagram, diagram.and(come, isFull), drops, result);
    }
    return result;
  }

  /** What a rule does where it matches, and what comes after it elsewhere. */
  #effect(matched: Matched, rest: Exits, goOn: (environment: Environment) => Exits): Exits {
    const { rule, environment, matches } = matched;
    if (matches === NONE) return rest;
    const { effect, target } = rule;
    const then = (exits: Exits): Exits => choose(this.#diagram, matches, exits, rest);
    switch (effect.kind) {
      case 'accept':
        return then(only({ kind: 'accept', environment }));
      case 'drop':
        return then(only({ kind: 'end', end: dropped(`${nameOf(rule)} drops it`) }));
      case 'return':
        return then(only({ kind: 'return', environment }));
      case 'goto':
        if (target) return then(this.chain(target, environment));
        break;
      case 'jump':
        if (target) return this.#call(matched, this.chain(target, environment), rest, goOn);
    }
    return then(this.#performing.perform(matched, goOn));
  }

  /** A called chain's returns go on here. What comes after is touched only where the call leads elsewhere. */
  #call(
    { environment, matches }: Matched,
    called: Exits,
    rest: Exits,
    goOn: (environment: Environment) => Exits,
  ): Exits {
    const diagram = this.#diagram;
    const away = new Map<string, Way>();
    const moved: (readonly [Edge, Environment])[] = [];
    let leaves = matches;
    for (const [key, way] of called) {
      const { exit, when } = way;
      if (exit.kind !== 'return') away.set(key, way);
      else if (exit.environment === environment) leaves = diagram.minus(leaves, when);
      else moved.push([diagram.and(matches, when), exit.environment]);
    }
    let result = choose(this.#diagram, leaves, away, rest);
    for (const [when, other] of moved) result = choose(this.#diagram, when, goOn(other), result);
    return result;
  }

  /** A native rule: act by act, until one finds nothing that holds. */
  #acts(
    rule: CompiledRule,
    acts: readonly CompiledAct[],
    at: number,
    environment: Environment,
    goOn: (environment: Environment) => Exits,
  ): Exits {
    const act = acts[at];
    if (!act) return goOn(environment);
    let result = goOn(environment);
    const then = (other: Environment): Exits => this.#acts(rule, acts, at + 1, other, goOn);
    const visit = this.#visitOf(rule);
    for (const { predicate, as } of [...act.alternatives].reverse()) {
      const matches = this.#folding.fold(predicate, environment, visit);
      const { effect } = as;
      const matched = { rule: as, visit, environment, matches };
      const goesOn = effect.kind === 'continue' || effect.kind === 'tproxy';
      if (!goesOn) result = this.#effect(matched, result, goOn);
      else if (matches !== NONE) {
        const plain = effect.kind === 'continue' && effect.assign.length === 0;
        const exits = plain ? then(environment) : this.#performing.perform(matched, then, goOn);
        result = choose(this.#diagram, matches, exits, result);
      }
    }
    return result;
  }

  /** Counted by what the rule says, so that a chain's name and place do not matter. */
  #visitOf(rule: CompiledRule): Visit {
    if (!isOpen(rule)) return { rule, key: '' };
    if (this.#visited++ > MOST_VISITS) {
      throw new TooComplex('chains whose rules are undecided are called too often', 'nothing was found before');
    }
    const said = JSON.stringify(rule.rule, (key, value) =>
      key === 'origin' || key === 'counters' ? undefined : typeof value === 'bigint' ? String(value) : value,
    );
    const count = (this.#visits.get(said) ?? 0) + 1;
    this.#visits.set(said, count);
    return { rule, key: `${said} ${count}` };
  }
}

/** What a chain that reads a field can tell of an environment. */
function readingKey({ fields, state }: Environment, field: FieldName): string {
  const key = (of: FieldName): string => {
    const current = fields.get(of);
    return current ? currentKey(current) : '';
  };
  switch (field) {
    case 'sourceType':
      return key('source');
    case 'destinationType':
      return key('destination');
    case 'socketLookup':
      return [key('destination'), key('destinationPort'), state.assigned?.port, state.hook].join(' ');
    default:
      return fields.get(field)?.kind === 'open' ? `? ${state.marked}` : key(field);
  }
}

/** The exits of a chain that changes nothing, for another environment that it cannot tell from the first. */
function readdressed(exits: Exits, environment: Environment): Exits {
  const result = new Map<string, Way>();
  for (const [key, { exit, when }] of exits) {
    if (exit.kind === 'end') result.set(key, { exit, when });
    else result.set(`${exit.kind} ${environment.id}`, { exit: { kind: exit.kind, environment }, when });
  }
  return result;
}
