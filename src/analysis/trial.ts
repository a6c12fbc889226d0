import type { AddressValue } from '../address/index.ts';
import type { FieldName, Leaf, Packet } from '../netfilter/index.ts';
import { begin, FROM_LOOPBACK, type Ground, ownAddress, ownEnd, type Walk } from '../trace/parts.ts';
import { bitSetsOf, changedBy } from './bits.ts';
import { type Alike, alikeCases } from './cases.ts';
import { type Grain, sampleOf } from './classes.ts';
import { endOf, type Intervals, intervalOf, type NumberLeaf, rawSet, type Value } from './code.ts';
import { ALL, complement, type Edge } from './diagram.ts';
import {
  type Case,
  type Changes,
  type Current,
  constant,
  currentKey,
  type Environment,
  fieldKey,
  OPEN,
  STATE,
  type State,
  sameAs,
  stateKey,
  stateOf,
  UNTOLD,
} from './environment.ts';
import { HAVING } from './having.ts';
import { kept } from './kept.ts';
import { holdsOf } from './leaf.ts';
import type { Space } from './space.ts';

const UNCLEAR = 'unclear';

/** A walk that can be set to where packets are. */
type Settable = { -readonly [K in keyof Walk]: Walk[K] };

/** What was read of an environment. */
export interface Footprint {
  readonly fields: Map<FieldName, string>;
  readonly state: Map<keyof State, unknown>;
  /** Whether rules were looked at, too. */
  rules: boolean;
}

/**
 * One packet that stands for many. It is made anew for each question; what is read of it and written to it is taken down.
 */
export class Trial {
  readonly walk: Settable;
  /** What the walk remembers before it has begun. */
  readonly start: State;
  readonly #space: Space;
  #before!: Environment;
  #grain: Grain = 'ways';
  #number: (level: number) => number = () => 0;
  readonly #read = new Map<FieldName, Value | undefined>();
  /** What has been written to it, and to what the walk remembers. */
  #written = new Map<FieldName, Current>();
  #moved: { -readonly [K in keyof State]?: State[K] } = {};
  /** What the walk remembers. */
  readonly #state: { -readonly [K in keyof State]: State[K] };
  /** Takes down what is read of the environment. */
  #footprint!: Footprint;
  readonly #conditions: Edge[] = [];
  /** Cases that nothing tells apart. */
  readonly #alike = new Map<string, readonly Alike[]>();
  /** The packets whose case is this host's own address. */
  readonly #ownCases = new Map<string, Edge | typeof UNCLEAR>();
  /** What routing asks of marks, and the packets whose mark, by what has become of it, meets each. */
  readonly #askedOfMarks: readonly NumberLeaf[];
  readonly #markSets = new Map<string, readonly Edge[]>();
  /** What was read last. */
  #value: Value | undefined;
  #current: Current = OPEN;

  constructor(space: Space) {
    this.#space = space;
    // Kinds of address and sockets are found where a predicate asks for them, not along the way.
    const { ground } = space;
    this.#askedOfMarks = askedOfMarks(ground);
    const program = { ...ground.program, reads: new Set<FieldName>(), lookedUp: false };
    for (const key of ['plan', 'tables'] as const)
      Object.defineProperty(program, key, {
        get: () => {
          this.#footprint.rules = true;
          return ground.program[key];
        },
      });
    this.walk = this.#makeWalk({ ...ground, program });
    this.start = stateOf(this.walk);
    this.#state = { ...this.start };
    for (const key of STATE) this.#watch(key);
  }

  /** A packet of these numbers, that has come to the environment. What is read of the environment is added to the footprint. */
  begin(before: Environment, number: (level: number) => number, grain: Grain, footprint: Footprint): void {
    this.#grain = grain;
    this.#before = before;
    this.#number = number;
    this.#footprint = footprint;
    this.#read.clear();
    this.#written = new Map();
    this.#moved = {};
    this.#conditions.length = 0;
    // What the packet before read last is no field of this one.
    this.#remember(undefined, OPEN);
    Object.assign(this.#state, before.state);
  }

  /** All packets for which the walk would have read the same. */
  alike(): Edge {
    const { diagram } = this.#space;
    let alike = ALL;
    const conditions = this.#conditions;
    for (let at = 0; at < conditions.length; at += 1) alike = diagram.and(conditions[at]!, alike);
    return alike;
  }

  /** What has become of them. */
  get changes(): Changes {
    return { fields: this.#written, state: this.#moved };
  }

  /** Copies a field into another. Nothing hangs on what its value is. */
  copy(to: FieldName, from: FieldName): void {
    this.#written.set(to, this.#now(from));
  }

  /** A walk that has not begun, with a packet that takes down who reads and writes it. */
  #makeWalk(ground: Ground): Settable {
    const { domain, usual, decisions, diagram } = this.#space;
    const { direction, family } = domain;
    const packet = new Proxy(usual, {
      get: (_, field: FieldName) => this.#look(field),
      set: (_, field: FieldName, value: Value | undefined) => this.#write(field, value),
    });
    const asked = new Proxy(usual, { get: (_, field: FieldName) => this.#original(field) }) as Packet;
    const decide: Walk['decide'] = (key, { where, because }) => {
      const level = decisions.level(key, { kind: 'open', where, because });
      const answer = this.#number(level) === 1;
      this.#conditions.push(diagram.variable(level) ^ (answer ? 0 : 1));
      return answer;
    };
    const question = { direction, packet: usual, assumptions: [] };
    return {
      ...begin({ ground, decide, assumptions: undefined }, question, { own: usual.destination }),
      asked,
      packet,
      get own() {
        return ground.host.known ? undefined : ownAddress(direction, asked);
      },
      meetsAny: (field, conditions) => this.#meetsAny(field, conditions),
      takesForOwn: (address) =>
        this.#takesForOwn(address, () =>
          ownEnd(direction, asked, () => this.#isIn(this.#space.original(FROM_LOOPBACK[family]))),
        ),
    };
  }

  /** Whether a field of it meets one of some conditions: no more than that is taken down, where it is as it began. */
  #meetsAny(field: Parameters<NonNullable<Walk['meetsAny']>>[0], conditions: readonly Leaf[]): boolean {
    if (this.#now(field) !== sameAs(field) || !this.#space.domain.fields.has(field)) {
      const value = this.#look(field);
      return value !== undefined && conditions.some((leaf) => holdsOf(leaf, value));
    }
    return this.#isIn(this.#space.diagram.any(conditions.map((leaf) => this.#space.valueSet(leaf))));
  }

  /** Whether the packet is in a set: no more than that is taken down. */
  #isIn(set: Edge): boolean {
    const is = this.#space.diagram.holds(set, this.#number);
    this.#conditions.push(is ? set : complement(set));
    return is;
  }

  /**
   * Whether an address is this host's own, which the packet tells by one of its ends. All that is taken down of that end is whether it
   * is this very address: rules may send packets to thousands.
   */
  #takesForOwn(address: AddressValue, ownEnd: () => 'source' | 'destination' | undefined): boolean {
    // What it is asked about was read just before.
    const current = this.#value === address ? this.#current : OPEN;
    const end = ownEnd();
    if (end === undefined) return false;
    if (current.kind === 'of' && current.field === end) return true;
    const placed = this.#space.domain.fields.get(end)!;
    const { code } = placed;
    if (code.kind !== 'intervals') return address === this.#original(end);
    const isEnd = (value: Value): Edge =>
      this.#space.original({ kind: 'in', field: end, ranges: [[value, value]] } as Leaf);
    // Two ends that stand for many addresses are not taken for the same one.
    if (current.kind === 'of' && !this.#isOne(current.field, address)) return false;
    if (current.kind !== 'case' && isAlone(code, address)) return this.#isIn(isEnd(address));
    if (current.kind === 'case') {
      const set = kept(this.#ownCases, `${current.id} ${end}`, () => this.#ownCase(current, code, isEnd));
      if (set !== UNCLEAR) return this.#isIn(set);
    }
    return address === this.#original(end);
  }

  /** Whether a value of a field is one that nothing else is treated like. */
  #isOne(field: FieldName, value: AddressValue): boolean {
    const [range, ...others] = this.#space.classOf(field, value, this.#grain).ranges;
    return others.length === 0 && range![0] === range![1];
  }

  /** The packets whose case is what one of their ends is; unclear where more addresses than one are one to the diagram. */
  #ownCase({ sets, values }: Case, code: Intervals, isEnd: (value: Value) => Edge): Edge | typeof UNCLEAR {
    const { diagram } = this.#space;
    if (!values.every((value) => isAlone(code, value))) return UNCLEAR;
    return diagram.any(sets.map((set, at) => diagram.and(set, isEnd(values[at]!))));
  }

  /** Takes down who asks the walk what it remembers, and who changes it. */
  #watch<K extends keyof State>(key: K): void {
    Object.defineProperty(this.walk, key, {
      get: () => {
        if (!(key in this.#moved)) this.#footprint.state.set(key, this.#state[key]);
        if (this.#state[key] === UNTOLD)
          throw new Error(`the walk asks for the ${key} in a chain that was taken not to`);
        return this.#state[key];
      },
      set: (value: State[K]) => {
        this.#state[key] = value;
        this.#moved[key] = value;
      },
    });
  }

  #now(field: FieldName): Current {
    const written = this.#written.get(field);
    if (written) return written;
    this.#footprint.fields.set(field, fieldKey(this.#before, field));
    return this.#before.fields.get(field) ?? sameAs(field);
  }

  #write(field: FieldName, value: Value | undefined): true {
    const current = this.#current;
    if (value === undefined) this.#written.set(field, OPEN);
    else if (field === 'ttl' && current.kind === 'of' && typeof value === 'number') {
      // Counted down from what was read just before.
      this.#written.set(field, { ...current, add: (current.add ?? 0) + value - Number(this.#value) });
    } else {
      // A value that was read just before is a copy of that field.
      const isCopied = current.kind === 'of' || current.kind === 'case';
      this.#written.set(field, isCopied && this.#value === value ? current : constant(value));
    }
    return true;
  }

  #look(field: FieldName): Value | undefined {
    const current = this.#now(field);
    if (current.kind === 'const') {
      if (current.value === UNTOLD) throw new Error(`the walk asks for ${field} in a chain that was taken not to`);
      return this.#remember(current.value, current);
    }
    if (current.kind === 'open') return this.#remember(undefined, current);
    if (current.kind === 'case') return this.#remember(this.#caseOf(field, current), current);
    const value = this.#original(current.field);
    if (field === 'mark') this.#askMark(current);
    if (value === undefined || typeof value === 'string') return this.#remember(value, current);
    return this.#remember(changedBy(value, current), current);
  }

  #remember(value: Value | undefined, current: Current): Value | undefined {
    this.#value = value;
    this.#current = current;
    return value;
  }

  /** What a field is that is told by which set the packet is in: of values that nothing tells apart, one. */
  #caseOf(field: FieldName, current: Case): Value {
    const { diagram } = this.#space;
    const alike = kept(this.#alike, `${current.id} ${this.#grain}`, () =>
      alikeCases(diagram, current, (value) =>
        typeof value === 'string' || !this.#space.isClassed(field)
          ? value
          : this.#space.classOf(field, value, this.#grain),
      ),
    );
    const found = alike.find(({ when }) => diagram.holds(when, this.#number));
    if (!found) throw new Error('a packet is in none of the cases');
    this.#conditions.push(found.when);
    return found.value;
  }

  /** A field of the packet as it began. */
  #original(field: FieldName): Value | undefined {
    if (this.#read.has(field)) return this.#remember(this.#read.get(field), sameAs(field));
    const value = this.#find(field);
    this.#read.set(field, value);
    return this.#remember(value, sameAs(field));
  }

  #find(field: FieldName): Value | undefined {
    const { domain, usual } = this.#space;
    const placed = domain.fields.get(field);
    if (!placed) return usual[field];
    if (HAVING[field] && !HAVING[field].includes(Number(this.#original('protocol')))) return undefined;
    const value = this.#space.decode(placed, this.#number);
    // What is asked of a mark hangs on what has become of it.
    if (field === 'mark') return value;
    if (typeof value === 'string' || placed.code.kind === 'values' || field === 'tcpFlags') {
      this.#conditions.push(this.#space.valueSet(leafIs(field, value)));
      return value;
    }
    const of = this.#space.classOf(field, value, this.#grain);
    this.#conditions.push(this.#space.classSet(of));
    return sampleOf(of);
  }

  /** Of a mark that hangs on what it was, what routing asks is taken down. */
  #askMark(current: Current): void {
    const { diagram } = this.#space;
    const sets = kept(this.#markSets, currentKey(current), () => {
      const bits = bitSetsOf(this.#space, current);
      return this.#askedOfMarks.map((leaf) => rawSet(diagram, bits, leaf));
    });
    for (const set of sets) this.#isIn(set);
  }
}

/** The bits that lines of ip rule ask, and where none are known, whether it is one that TPROXY sets. */
const askedOfMarks = ({ host, handed }: Ground): readonly NumberLeaf[] => [
  ...host.rules.flatMap(({ mark }) =>
    mark && mark.mask !== 0 ? [{ kind: 'bits', field: 'mark', mask: mark.mask, value: mark.value } as const] : [],
  ),
  ...[...handed].map((mark) => ({ kind: 'in', field: 'mark', ranges: [[mark, mark]] }) as const),
];

/** Whether an interval is this value and no other. */
function isAlone(code: Intervals, value: Value): boolean {
  if (typeof value === 'string') return false;
  const at = intervalOf(code.starts, value);
  return code.starts[at] === value && endOf(code, at) === value;
}

/** Tells apart where changes lead, for one environment before them. */
export function changesKey({ fields, state }: Changes): string {
  let key = '';
  fields.forEach((current, field) => {
    key += `${field}=${currentKey(current)} `;
  });
  const moved = Object.keys(state);
  return moved.length === 0 ? key : `${key}| ${moved} ${stateKey(state)}`;
}

const leafIs = (field: FieldName, value: Value): Leaf =>
  typeof value === 'string'
    ? { kind: 'name', field: field as 'in' | 'out', text: value, prefix: false }
    : field === 'ctstate'
      ? { kind: 'any-bit', field, mask: Number(value) }
      : { kind: 'in', field: field as 'tcpFlags', ranges: [[value, value]] };
