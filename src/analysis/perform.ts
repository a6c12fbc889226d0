import type { Assignment, Effect } from '../netfilter/index.ts';
import { give, ignoredBecause, nameOf, type Verdict } from '../trace/parts.ts';
import type { Asking } from './ask.ts';
import { bitSetsOf } from './bits.ts';
import { Currents } from './currents.ts';
import { ALL, type Edge, NONE } from './diagram.ts';
import { endOfOutcome, openBy, outcomeKey } from './ending.ts';
import { type Current, currentKey, type Environment, type Environments } from './environment.ts';
import { choose, type Exits, ends, followed, gathered, only } from './exits.ts';
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

/** What targets do to all packets at once. Jumps, returns and plain verdicts are the chain's own. */
export class Performing {
  readonly #space: Space;
  readonly #environments: Environments;
  readonly #asking: Asking;
  readonly #current: Currents;
  readonly #mapping: Mapping;

  constructor(space: Space, environments: Environments, asking: Asking, folding: Folding) {
    this.#space = space;
    this.#environments = environments;
    this.#asking = asking;
    this.#current = new Currents(space);
    this.#mapping = new Mapping({ space, environments, asking, folding, currents: this.#current });
  }

  /** The exits hold for packets that match. */
  perform(matched: Matched): Exits {
    const { rule, visit, environment } = matched;
    const { effect } = rule;
    switch (effect.kind) {
      case 'continue':
        return this.#assign(matched, effect.assign);
      case 'reject': {
        const because = `${nameOf(rule)} rejects it with ${effect.with}`;
        return ends({ kind: 'rejected', with: effect.with, key: `rejected ${effect.with}`, because });
      }
      case 'nat':
        return this.#mapping.map(matched, effect);
      case 'tproxy':
        return this.#handOver(matched, effect);
      case 'queue': {
        const handed = ends(openBy(rule, `${nameOf(rule)} hands it to a program`));
        if (!effect.bypass) return handed;
        const because = 'whether a program listens on the queue is not known';
        const listens = this.#space.decisions.set(`${visit.key} queue`, { kind: 'open', where: nameOf(rule), because });
        return choose(this.#space.diagram, listens, handed, only({ kind: 'accept', environment }));
      }
      case 'unknown':
        return ends(openBy(rule, `${nameOf(rule)}: ${effect.because}`));
      default:
        return ends(openBy(rule, `${nameOf(rule)}: ${effect.kind} without a chain to go to`));
    }
  }

  #assign(matched: Matched, assignments: readonly Assignment[]): Exits {
    const [first, ...others] = assignments;
    const { rule, environment, matches } = matched;
    if (!first) return only({ kind: 'on', environment });
    const { diagram } = this.#space;
    const groups = this.#asking.split(environment, matches, {
      ask: (walk) => ignoredBecause(walk, rule, first),
      keyOf: String,
    });
    const then = (other: Environment): Exits => this.#assign({ ...matched, environment: other }, others);
    return gathered(diagram, groups, ({ result, environment: after }) =>
      result === undefined ? followed(diagram, this.#assignOne(after, first), 'on', then) : then(after),
    );
  }

  #assignOne(environment: Environment, assignment: Assignment): Exits {
    const { field } = assignment;
    const before = this.#current.now(environment, field);
    const after = this.#current.assigned(environment, assignment);
    const changed = this.#environments.assign(environment, [[field, after]]);
    if (field !== 'mark') return only({ kind: 'on', environment: changed });
    const marked = this.#environments.make(changed.fields, { ...changed.state, marked: true });
    const same = this.equal(before, after);
    const on = (after: Environment): Exits => only({ kind: 'on', environment: after });
    return choose(this.#space.diagram, same, on(environment), on(marked));
  }

  /** The packets in which two marks are the same number. */
  equal(one: Current, other: Current): Edge {
    if (currentKey(one) === currentKey(other)) return ALL;
    if (one.kind === 'open' || other.kind === 'open') return NONE;
    const { diagram } = this.#space;
    const [a, b] = [bitSetsOf(this.#space, one), bitSetsOf(this.#space, other)];
    let same = ALL;
    for (let at = a.length - 1; at >= 0; at -= 1) same = diagram.minus(same, diagram.xor(a[at]!, b[at]!));
    return same;
  }

  #handOver(matched: Matched, effect: Extract<Effect, { readonly kind: 'tproxy' }>): Exits {
    const { rule, environment, matches } = matched;
    if (effect.port === 0)
      return ends(openBy(rule, `${nameOf(rule)}: TPROXY to each packet's own port is not looked at`));
    const groups = this.#asking.split(environment, matches, {
      ask: (walk) => give(walk, rule, effect).verdict,
      keyOf: outcomeKey,
    });
    return gathered(this.#space.diagram, groups, ({ result, environment: after }) =>
      this.#given(rule, after, effect.mark, result),
    );
  }

  #given(
    rule: Matched['rule'],
    environment: Environment,
    mark: { readonly value: number; readonly mask: number } | undefined,
    verdict: Verdict,
  ): Exits {
    if (typeof verdict === 'object') return ends(endOfOutcome(verdict, rule));
    if (verdict === 'break') return only({ kind: 'break', environment });
    const kind = verdict === 'accept' ? 'accept' : 'on';
    return only({ kind, environment: this.#markedBy(environment, mark) });
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
