import { contentOf, type FieldName } from '../netfilter/index.ts';
import type { CompiledAct, CompiledChain, CompiledRule } from '../trace/parts.ts';
import { nameOf } from '../trace/parts.ts';
import type { Asking } from './ask.ts';
import { byCases } from './cases.ts';
import { ALL, complement, type Diagram, NONE } from './diagram.ts';
import { unknown } from './end.ts';
import { currentKey, type Environment, type Environments } from './environment.ts';
import { choose, type Exits, ends, followed, NOWHERE, only, within } from './exits.ts';
import type { Folding, Visit } from './fold.ts';
import { kept } from './kept.ts';
import { isLookedUp, lookupKey } from './looked-up.ts';
import { isOpen, type Nature, Natures } from './nature.ts';
import type { Matched, Performing } from './perform.ts';
import { chainsOf } from './rules.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';

/** What chains are folded with. */
interface Tools {
  readonly environments: Environments;
  readonly asking: Asking;
  readonly folding: Folding;
  readonly performing: Performing;
}

/** Times that chains with choices are gone through: such a chain is looked at anew wherever it is called from. */
const MOST_VISITS = 20_000;

/**
 * Chains as what becomes of all packets at once. A chain is put together from its rules by halves, so that each step touches no
 * more than what its rules are about; once for each environment in which it is asked, and one that changes nothing once for all
 * environments that it cannot tell apart.
 */
export class Chains {
  readonly #space: Space;
  readonly #environments: Environments;
  readonly #asking: Asking;
  readonly #folding: Folding;
  readonly #performing: Performing;
  readonly #natures: Natures;
  readonly #known = new Map<CompiledChain, Map<string, Exits>>();
  /** Of built-in chains, by environment. */
  readonly #bases = new Map<CompiledChain, Map<number, Exits>>();
  /** Of chains that change packets: parts of them, by where they begin and end and the environment. */
  readonly #parts = new Map<CompiledChain, Map<string, Exits>>();
  readonly #visits = new Map<string, number>();
  #visited = 0;
  readonly #own: ReadonlySet<CompiledChain>;
  readonly #reads: string;
  readonly #others: Chains | undefined;
  #hangsOnOthers = false;

  /** @param others chains of a rule set on the same machine that was followed before */
  constructor(space: Space, { environments, asking, folding, performing }: Tools, others: Chains | undefined) {
    this.#space = space;
    this.#environments = environments;
    this.#asking = asking;
    this.#folding = folding;
    this.#performing = performing;
    this.#natures = others ? others.#natures : new Natures();
    const { program } = space.ground;
    this.#own = new Set(chainsOf(program));
    // What nat writes down of a connection hangs on who may ask for it.
    this.#reads = [...program.reads]
      .filter((field) => field.startsWith('ct'))
      .sort()
      .join();
    this.#others = others !== undefined && others.#reads === this.#reads ? others : undefined;
  }

  /** What becomes of packets that come to a built-in chain in this environment: accepted, or at their end. */
  base(chain: CompiledChain, environment: Environment): Exits {
    return (
      this.#foundBefore(chain, (others) => others.base(chain, environment)) ??
      this.#noting(() => this.#baseAnew(chain, environment))
    );
  }

  /** Where this very chain stands in the rule set before, too: what is found out there. Undefined where that hangs on other rules of its. */
  #foundBefore(chain: CompiledChain, find: (others: Chains) => Exits): Exits | undefined {
    const others = this.#others;
    if (others === undefined || !others.#own.has(chain) || this.#natures.of(chain).open) return undefined;
    const exits = find(others);
    return others.#hangsOnOthers ? undefined : exits;
  }

  /** Takes down whether anything hung on more of the rule set than the chain itself. */
  #noting(find: () => Exits): Exits {
    const before = this.#asking.rulesAsked;
    const exits = find();
    if (this.#asking.rulesAsked !== before) this.#hangsOnOthers = true;
    return exits;
  }

  #baseAnew(chain: CompiledChain, environment: Environment): Exits {
    const general = this.general(chain, environment);
    const known = kept(this.#bases, chain, () => new Map<number, Exits>());
    const exits = kept(known, general.id, () => this.#base(chain, general));
    return exits.map((way) => {
      if (way.exit.kind === 'end') return way;
      const after = this.#environments.likewise(environment, general, way.exit.environment);
      return { exit: { kind: way.exit.kind, environment: after }, when: way.when };
    });
  }

  /** The environment as a chain can tell it from others: by which way packets are to leave few chains ask. */
  general(chain: CompiledChain, environment: Environment): Environment {
    const { routed, changes } = this.#natures.of(chain);
    const told = routed ? environment : this.#environments.wherever(environment);
    if (changes) return told;
    const tells = this.#natures.tells(chain);
    return this.#environments.make(new Map([...told.fields].filter(([field]) => tells.has(field))), told.state);
  }

  #base(chain: CompiledChain, environment: Environment): Exits {
    const { table, name, policy } = chain;
    const exits = followed(this.#space.diagram, this.chain(chain, environment), 'return', (after) => {
      if (policy === 'DROP') return NOWHERE;
      if (policy === 'QUEUE')
        return ends(unknown(`the policy of ${table} ${name} hands it to a program`, `policy of ${table} ${name}`));
      return only({ kind: 'accept', environment: after });
    });
    return byCases(this.#space.diagram, this.#environments, exits);
  }

  /** What becomes of packets that come to a chain in this environment: accepted, at their end, or back to its caller. */
  chain(chain: CompiledChain, environment: Environment): Exits {
    return (
      this.#foundBefore(chain, (others) => others.chain(chain, environment)) ??
      this.#noting(() => this.#chainAnew(chain, environment))
    );
  }

  #chainAnew(chain: CompiledChain, environment: Environment): Exits {
    const nature = this.#natures.of(chain);
    if (nature.open || nature.changes) return this.#whole(chain, environment, nature);
    const key = [...nature.reads].map((field) => readingKey(environment, field)).join();
    const known = kept(this.#known, chain, () => new Map<string, Exits>());
    return readdressed(
      kept(known, key, () => this.#whole(chain, environment, nature)),
      environment,
    );
  }

  #whole(chain: CompiledChain, environment: Environment, nature: Nature): Exits {
    const { active } = nature;
    const exits =
      active.length === 0
        ? only({ kind: 'on', environment })
        : this.#part(chain, nature, 0, active.length, environment);
    return followed(this.#space.diagram, exits, 'on', (after) => only({ kind: 'return', environment: after }));
  }

  /** What becomes of packets between two rules. */
  #part(chain: CompiledChain, nature: Nature, first: number, end: number, environment: Environment): Exits {
    // Where nothing changes, each part is come to once. A rule by itself is asked without a function that is made for it.
    if (!nature.open && nature.changes) return this.#once(chain, nature, first, end, environment);
    return end - first === 1
      ? this.rule(nature.active[first]!, environment)
      : this.#halves(chain, nature, first, end, environment);
  }

  #once(chain: CompiledChain, nature: Nature, first: number, end: number, environment: Environment): Exits {
    const parts = kept(this.#parts, chain, () => new Map<string, Exits>());
    return kept(parts, `${first} ${end} ${environment.id}`, () =>
      end - first === 1
        ? this.rule(nature.active[first]!, environment)
        : this.#halves(chain, nature, first, end, environment),
    );
  }

  #halves(chain: CompiledChain, nature: Nature, first: number, end: number, environment: Environment): Exits {
    const middle = (first + end) >>> 1;
    const before = this.#part(chain, nature, first, middle, environment);
    return followed(this.#space.diagram, before, 'on', (after) => this.#part(chain, nature, middle, end, after));
  }

  /** What becomes of packets at one rule. */
  rule(rule: CompiledRule, environment: Environment): Exits {
    if (rule.acts) return this.#acts(rule, rule.acts, 0, environment);
    const { diagram } = this.#space;
    const { effect, predicate, mayDrop } = rule;
    const visit = this.#visitOf(rule);
    const idle = effect.kind === 'continue' && effect.assign.length === 0;
    const matches = idle ? NONE : this.#folding.fold(predicate, environment, visit);
    const passed = only({ kind: 'on', environment }, complement(matches));
    const exits =
      matches === NONE ? passed : choose(diagram, matches, this.#effect({ rule, visit, environment, matches }), passed);
    return mayDrop ? this.#overflow(rule, mayDrop, environment, visit, exits) : exits;
  }

  /** What a rule does: the exits hold for packets that match. */
  #effect(matched: Matched): Exits {
    const { rule, environment } = matched;
    const { effect, target } = rule;
    switch (effect.kind) {
      case 'accept':
        return only({ kind: 'accept', environment });
      case 'drop':
        return NOWHERE;
      case 'return':
        return only({ kind: 'return', environment });
      case 'goto':
        if (target) return this.chain(target, environment);
        break;
      case 'jump':
        if (!target) break;
        return followed(this.#space.diagram, this.chain(target, environment), 'return', (after) =>
          only({ kind: 'on', environment: after }),
        );
    }
    return this.#performing.perform(matched);
  }

  /** Where a match that packets come to has no room for them, they are dropped there. */
  #overflow(
    rule: CompiledRule,
    mayDrop: NonNullable<CompiledRule['mayDrop']>,
    environment: Environment,
    visit: Visit,
    exits: Exits,
  ): Exits {
    const { diagram, decisions } = this.#space;
    let result = exits;
    for (const { condition, full, reached } of [...mayDrop].reverse()) {
      const come = diagram.exists(this.#folding.fold(reached, environment, visit), decisions.isDecision);
      const where = nameOf(rule);
      const because = `whether ${full} is full is not known: then it drops the packet`;
      const isFull = decisions.set(`${visit.key} room ${condition.part}`, { kind: 'open', where, because });
      result = within(diagram, complement(diagram.and(come, isFull)), result);
    }
    return result;
  }

  /** A native rule: act by act, until one finds nothing that holds. */
  #acts(rule: CompiledRule, acts: readonly CompiledAct[], at: number, environment: Environment): Exits {
    const act = acts[at];
    if (!act) return only({ kind: 'on', environment });
    const { diagram } = this.#space;
    const visit = this.#visitOf(rule);
    let left = ALL;
    let result = NOWHERE;
    for (const { predicate, as } of act.alternatives) {
      const matches = diagram.and(left, this.#folding.fold(predicate, environment, visit));
      left = diagram.minus(left, matches);
      if (matches === NONE) continue;
      const goesOn = as.effect.kind === 'continue' || as.effect.kind === 'tproxy';
      const exits = this.#effect({ rule: as, visit, environment, matches });
      const next = (after: Environment): Exits => this.#acts(rule, acts, at + 1, after);
      const then = goesOn ? brokenOff(diagram, followed(diagram, exits, 'on', next)) : exits;
      result = choose(diagram, matches, then, result);
    }
    return choose(diagram, left, only({ kind: 'on', environment }), result);
  }

  /** Counted by what the rule says, so that a chain's name and place do not matter. */
  #visitOf(rule: CompiledRule): Visit {
    if (!isOpen(rule)) return { rule, key: '' };
    if (this.#visited++ > MOST_VISITS) {
      throw new TooComplex('chains whose rules are undecided are called too often');
    }
    const said = contentOf(rule.rule);
    const count = (this.#visits.get(said) ?? 0) + 1;
    this.#visits.set(said, count);
    return { rule, key: `${said} ${count}` };
  }
}

/** Where a native rule ends in its midst, the next one is looked at. */
const brokenOff = (diagram: Diagram, exits: Exits): Exits =>
  followed(diagram, exits, 'break', (environment) => only({ kind: 'on', environment }));

/** What a chain that reads a field can tell of an environment. */
function readingKey(environment: Environment, field: FieldName): string {
  if (isLookedUp(field)) return lookupKey(environment, field);
  const { fields, state } = environment;
  const current = fields.get(field);
  return current?.kind === 'open' ? `? ${state.marked}` : current ? currentKey(current) : '';
}

/** The exits of a chain that changes nothing, for another environment that it cannot tell from the first. */
function readdressed(exits: Exits, environment: Environment): Exits {
  if (exits.every(({ exit }) => exit.kind === 'end' || exit.environment === environment)) return exits;
  return exits.map(({ exit, when }) => ({
    exit: exit.kind === 'end' ? exit : { kind: exit.kind, environment },
    when,
  }));
}
