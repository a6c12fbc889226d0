import { FIELDS, type Leaf, type Predicate } from '../netfilter/index.ts';
import { type CompiledRule, idOf, nameOf } from '../trace/parts.ts';
import type { Asking, Inquiry } from './ask.ts';
import { bitSetsOf, changedBy } from './bits.ts';
import { isAddress } from './boundaries.ts';
import { meetingCase } from './cases.ts';
import { type NumberLeaf, rawSet } from './code.ts';
import { ALL, complement, type Edge, NONE } from './diagram.ts';
import { type Case, type Current, type Environment, sameAs } from './environment.ts';
import { HAVING } from './having.ts';
import { kept } from './kept.ts';
import { holdsOf, meeting } from './leaf.ts';
import { isLookedUp, type LookedUp, lookUp, lookupKey } from './looked-up.ts';
import type { AddressLeaf, Space } from './space.ts';

/** A rule at one of the times when it is asked: the kernel's choices may differ from time to time. */
export interface Visit {
  readonly rule: CompiledRule;
  readonly key: string;
}

/** Predicates as sets of the packets as they began, which meet them when they have come to an environment. */
export class Folding {
  readonly #space: Space;
  readonly #asking: Asking;
  readonly #lookedUp = new Map<string, Edge>();
  readonly #byCase = new Map<string, Edge>();

  constructor(space: Space, asking: Asking) {
    this.#space = space;
    this.#asking = asking;
  }

  /** `protocol`: one that is known to be asked for already, so that a port is known to be there. */
  fold(predicate: Predicate, environment: Environment, visit: Visit, protocol?: number): Edge {
    const { diagram, decisions } = this.#space;
    switch (predicate.kind) {
      case 'always':
        return ALL;
      case 'never':
        return NONE;
      case 'member':
        return this.fold(predicate.meaning, environment, visit, protocol);
      case 'not':
        return complement(this.fold(predicate.of, environment, visit, protocol));
      case 'all': {
        const known = protocolIn(predicate.of) ?? protocol;
        let set = ALL;
        for (let at = predicate.of.length - 1; at >= 0; at -= 1) {
          const part = predicate.of[at]!;
          if (isAddressLeaf(part) && !environment.fields.has(part.field)) set = this.#space.from(part, set);
          else set = diagram.and(this.fold(part, environment, visit, known), set);
        }
        return set;
      }
      case 'some': {
        let set = NONE;
        for (const part of predicate.of) set = diagram.or(set, this.fold(part, environment, visit, protocol));
        return set;
      }
      case 'choice':
      case 'unknown': {
        const { because } = predicate;
        const [kind, id] =
          predicate.kind === 'choice'
            ? (['choice', predicate.id] as const)
            : (['open', predicate.id ?? because] as const);
        return decisions.set(`${visit.key} ${id}`, { kind, where: nameOf(visit.rule), because });
      }
      default:
        return this.#leaf(predicate, environment, visit, protocol);
    }
  }

  #leaf(leaf: Leaf, environment: Environment, visit: Visit | undefined, protocol: number | undefined): Edge {
    if (leaf.kind !== 'name' && isLookedUp(leaf.field)) return this.#found(leaf, leaf.field, environment, visit);
    const { domain, diagram, usual } = this.#space;
    const current = environment.fields.get(leaf.field) ?? sameAs(leaf.field);
    if (current.kind === 'const') return holdsOf(leaf, current.value) ? ALL : NONE;
    if (current.kind === 'open') return this.#notKnown(leaf, environment, visit);
    if (current.kind === 'case') return this.#ofCases(leaf, current);
    const { field } = current;
    if (!domain.fields.has(field)) {
      const value = usual[field];
      return value === undefined ? this.#notKnown(leaf, environment, visit) : holdsOf(leaf, value) ? ALL : NONE;
    }
    const set = this.#of(leaf, current);
    const having = HAVING[field];
    if (!having || (protocol !== undefined && having.includes(protocol))) return set;
    return diagram.ite(this.#space.having(field), set, this.#notKnown(leaf, environment, visit));
  }

  /** The packets whose case meets a condition. */
  #ofCases(leaf: Leaf, current: Case): Edge {
    return kept(this.#byCase, `${current.id} ${idOf(leaf)}`, () =>
      meetingCase(this.#space.diagram, current, meeting(leaf)),
    );
  }

  /** One condition, whoever asks. */
  leaf(leaf: Leaf, environment: Environment): Edge {
    return this.#leaf(leaf, environment, undefined, undefined);
  }

  #notKnown(leaf: Leaf, { state }: Environment, visit: Visit | undefined): Edge {
    const because = `the packet's ${FIELDS[leaf.field].spoken} is not known`;
    const key = `${state.marked ? 'marked ' : ''}${idOf(leaf)}`;
    return this.#space.decisions.set(key, { kind: 'open', where: visit ? nameOf(visit.rule) : '', because });
  }

  #of(leaf: Leaf, current: Extract<Current, { readonly kind: 'of' }>): Edge {
    const { field, keep, xor = 0, add } = current;
    if (keep === undefined && xor === 0 && add === undefined)
      return this.#space.original(leaf.field === field ? leaf : ({ ...leaf, field } as Leaf));
    const placed = this.#space.domain.fields.get(field)!;
    if (placed.code.kind === 'intervals' && leaf.kind === 'in' && keep === undefined) {
      // Counted down on its way: what is asked now was more by so much.
      const { top } = placed.code;
      const ranges = leaf.ranges.flatMap(([low, high]) => {
        const [from, to] = [Math.max(0, Number(low) - (add ?? 0)), Math.min(Number(top), Number(high) - (add ?? 0))];
        return from <= to ? [[from, to] as const] : [];
      });
      return this.#space.original({ kind: 'in', field: field as NumberLeaf['field'], ranges });
    }
    if (placed.code.kind !== 'raw' || leaf.kind === 'name') throw new Error(`${field} is not looked at bit by bit`);
    if (add !== undefined) {
      const values = Array.from({ length: 2 ** placed.levels }, (_, value) => value);
      const meant = values.filter((value) => holdsOf(leaf, changedBy(value, current)));
      const ranges = meant.map((value) => [value, value] as const);
      return this.#space.original({ kind: 'in', field: field as NumberLeaf['field'], ranges });
    }
    return rawSet(this.#space.diagram, bitSetsOf(this.#space, current), leaf);
  }

  /** What the walk finds out of addresses and sockets: asked of it. */
  #found(leaf: Leaf, field: LookedUp, environment: Environment, visit: Visit | undefined): Edge {
    return kept(this.#lookedUp, `${idOf(leaf)} ${lookupKey(environment, field)}`, () =>
      this.#lookUp(leaf, field, environment, visit),
    );
  }

  #lookUp(leaf: Leaf, field: LookedUp, environment: Environment, visit: Visit | undefined): Edge {
    const groups = this.#asking.split(environment, ALL, lookupOf(field));
    const { diagram } = this.#space;
    let set = NONE;
    for (const { result, when } of groups) {
      if (result === undefined) set = diagram.or(set, diagram.and(when, this.#notKnown(leaf, environment, visit)));
      else if (holdsOf(leaf, result)) set = diagram.or(set, when);
    }
    return set;
  }
}

const LOOKUPS = new Map<LookedUp, Inquiry<number | undefined>>();

const lookupOf = (field: LookedUp): Inquiry<number | undefined> =>
  kept(LOOKUPS, field, () => ({ ask: (walk) => lookUp(walk, field), keyOf: String }));

/** The protocol that a conjunction asks for. */
function protocolIn(parts: readonly Predicate[]): number | undefined {
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]!;
    if (part.kind !== 'in' || part.field !== 'protocol' || part.ranges.length !== 1) continue;
    const range = part.ranges[0]!;
    if (range[0] === range[1]) return Number(range[0]);
  }
  return undefined;
}

const isAddressLeaf = (part: Predicate): part is AddressLeaf => 'field' in part && isAddress(part.field);
