import type { Assignment, Effect } from '../netfilter/index.ts';
import { give, ignoredBecause, nameOf } from '../trace/parts.ts';
import type { Asking } from './ask.ts';
import { Currents } from './currents.ts';
import { ALL, type Edge } from './diagram.ts';
import { type End, unknown } from './end.ts';
import { endOfOutcome } from './ending.ts';
import { type Current, currentKey, type Environment, type Environments } from './environment.ts';
import { choose, type Exits, only } from './exits.ts';
import type { Folding, Visit } from './fold.ts';
import { Mapping } from './mapping.ts';
import type { Space } from './space.ts';

/** A rule, where it is asked, and the packets that it matches. */
export interface Matched {
  readonly visit: Visit;
  readonly rule: Visit['rule'];
  readonly environment: Environment;
  readonly matches: Edge;
}

type GoOn = (environment: Environment) => Exits;

/** What targets do to all packets at once. Jumps, returns and plain verdicts are the chain's own. */
export class Performing {
  readonly #space: Space;
  readonly #environments: Environments;
  readonly #asking: Asking;
  readonly #folding: Folding;
  readonly #current: Currents;
  readonly #mapping: Mapping;

  constructor(space: Space, environments: Environments, asking: Asking, folding: Folding) {
    this.#space = space;
    this.#environments = environments;
    this.#asking = asking;
    this.#folding = folding;
    this.#current = new Currents(space);
    this.#mapping = new Mapping({ space, environments, asking, folding, currents: this.#current });
  }

  /** The exits hold for packets that match. `onBreak`: a native rule ends here. */
  perform(matched: Matched, goOn: GoOn, onBreak: GoOn = goOn): Exits {
    const { rule, visit, environment } = matched;
    const { effect } = rule;
    switch (effect.kind) {
      case 'continue':
        return this.#assign(matched, effect.assign, goOn);
      case 'reject': {
        const because = `${nameOf(rule)} rejects it with ${effect.with}`;
        return ends({ kind: 'rejected', with: effect.with, key: `rejected ${effect.with}`, because });
      }
      case 'nat':
        return this.#mapping.map(matched, effect);
      case 'tproxy':
        return this.#handOver(matched, effect, goOn, onBreak);
      case 'queue': {
        const handed = ends(unknown(`${nameOf(rule)} hands it to a program`));
        if (!effect.bypass) return handed;
        const because = 'whether a program listens on the queue is not known';
        const listens = this.#space.decisions.set(`${visit.key} queue`, { kind: 'open', where: nameOf(rule), because });
        return choose(this.#space.diagram, listens, handed, only({ kind: 'accept', environment }));
      }
      case 'unknown':
        return ends(unknown(`${nameOf(rule)}: ${effect.because}`));
      default:
        return ends(unknown(`${nameOf(rule)}: ${effect.kind} without a chain to go to`));
    }
  }

  #assign(matched: Matched, assignments: readonly Assignment[], goOn: GoOn): Exits {
    const [first, ...others] = assignments;
    const { rule, environment, matches } = matched;
    if (!first) return goOn(environment);
    const groups = this.#asking.split(environment, matches, (walk) => ignoredBecause(walk, rule, first), String);
    let all: Exits = new Map();
    for (const { result, environment: after, when } of groups) {
      const next = (other: Environment): Exits => this.#assign({ ...matched, environment: other }, others, goOn);
      const exits = result === undefined ? this.#assignOne(after, first, next) : next(after);
      all = choose(this.#space.diagram, when, exits, all);
    }
    return all;
  }

  #assignOne(environment: Environment, assignment: Assignment, next: GoOn): Exits {
    const { field } = assignment;
    const before = this.#current.now(environment, field);
    const after = this.#current.assigned(environment, assignment);
    const changed = this.#environments.assign(environment, [[field, after]]);
    if (field !== 'mark') return next(changed);
    const marked = this.#environments.make(changed.fields, { ...changed.state, marked: true });
    const same = this.equal(before, after);
    return choose(this.#space.diagram, same, next(environment), next(marked));
  }

  /** The packets in which two marks are the same number. */
  equal(one: Current, other: Current): Edge {
    if (currentKey(one) === currentKey(other)) return ALL;
    if (one.kind === 'open' || other.kind === 'open') return 1;
    const { diagram } = this.#space;
    const [a, b] = [this.#folding.bitsOf(one), this.#folding.bitsOf(other)];
    let same = ALL;
    for (let at = a.length - 1; at >= 0; at -= 1) same = diagram.minus(same, diagram.xor(a[at]!, b[at]!));
    return same;
  }

  #handOver(matched: Matched, effect: Extract<Effect, { readonly kind: 'tproxy' }>, goOn: GoOn, onBreak: GoOn): Exits {
    const { rule, environment, matches } = matched;
    const { diagram } = this.#space;
    if (effect.port === 0) return ends(unknown(`${nameOf(rule)}: TPROXY to each packet's own port is not looked at`));
    const groups = this.#asking.split(
      environment,
      matches,
      (walk) => give(walk, rule, effect).verdict,
      (verdict) => (typeof verdict === 'string' ? verdict : `${verdict.kind} ${verdict.because}`),
    );
    let all: Exits = new Map();
    for (const { result, environment: after, when } of groups) {
      let exits: Exits;
      if (typeof result === 'object') exits = ends(endOfOutcome(result));
      else if (result === 'break') exits = onBreak(after);
      else {
        const marked = this.#markedBy(after, effect.mark);
        exits = result === 'accept' ? only({ kind: 'accept', environment: marked }) : goOn(marked);
      }
      all = choose(diagram, when, exits, all);
    }
    return all;
  }

  #markedBy(
    environment: Environment,
    mark: { readonly value: number; readonly mask: number } | undefined,
  ): Environment {
    if (!mark) return environment;
    const keep = ~mark.mask >>> 0;
    const after = this.#current.assigned(environment, { field: 'mark', keep, xor: mark.value });
    const { fields } = this.#environments.assign(environment, [['mark', after]]);
    return this.#environments.make(fields, { ...environment.state, marked: true });
  }
}

const ends = (end: End): Exits => only({ kind: 'end', end });
