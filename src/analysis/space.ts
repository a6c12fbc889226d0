import type { AddressValue } from '../address/index.ts';
import {
  CTSTATE,
  type FieldName,
  ICMP,
  ICMPV6,
  type Leaf,
  makePacket,
  type Packet,
  TCP,
  TCP_FLAGS,
  type ValueField,
} from '../netfilter/index.ts';
import { firstState, type Ground, idOf } from '../trace/parts.ts';
import { isAddress, rangeUnder, topOf } from './boundaries.ts';
import { type Class, type Classes, classesOf, type Grain } from './classes.ts';
import { endOf, intervalOf, intervalsIn, lastIntervalIn, rawSet, sizeOf, type Value } from './code.ts';
import type { Decisions } from './decisions.ts';
import { ALL, complement, type Diagram, type Edge, NONE } from './diagram.ts';
import type { Domain, Placed } from './domain.ts';
import { edgesOf } from './edges.ts';
import { HAVING } from './having.ts';
import { kept } from './kept.ts';
import { holdsOf } from './leaf.ts';
import type { Machine } from './machine.ts';
import { ordinaryPackets, unownedPackets } from './ordinary.ts';

/** A condition on an address. */
export type AddressLeaf = Leaf & { readonly field: 'source' | 'destination' };

/** What a space is made of. */
type Parts = Pick<Space, 'diagram' | 'domain' | 'ground' | 'decisions' | 'machine'> & {
  /** Found already for another rule set. */
  readonly valid?: Edge | undefined;
};

/** Sets of packets as they begin, and one rule set's ground under them. */
export class Space {
  readonly diagram: Diagram;
  readonly domain: Domain;
  readonly ground: Ground;
  readonly decisions: Decisions;
  readonly machine: Machine;
  /** The packets that there are: no ports without a protocol that has some, no new connection that begins in its middle. */
  readonly valid: Edge;
  /** What a packet has in fields that nobody asks for. */
  readonly usual: Packet;
  readonly #classes = new Map<FieldName, Readonly<Record<Grain, Classes>>>();
  #ordinary: Edge | undefined;
  #unowned: Edge | undefined;
  readonly #classSets = new Map<Class, Edge>();
  readonly #leaves = new Map<string, Edge>();
  readonly #originals = new Map<Leaf, Edge>();

  constructor({ diagram, domain, ground, decisions, machine, valid }: Parts) {
    this.diagram = diagram;
    this.domain = domain;
    this.ground = ground;
    this.decisions = decisions;
    this.machine = machine;
    const { family, direction } = domain;
    const out = direction === 'out';
    const sender = out ? { owned: 1, uid: 1000, gid: 1000, sourceMac: 0, destinationMac: 0 } : {};
    const zero = family === 'ipv4' ? 0 : 0n;
    this.usual = makePacket({ family, source: zero, destination: zero, ttl: 64, packetType: 0, ipsec: 0, ...sender });
    const edges = edgesOf(ground);
    for (const { field, code } of domain.fields.values()) {
      if (code.kind === 'values') continue;
      const asked = field as ValueField;
      this.#classes.set(field, classesOf(ground, edges, asked, topOf(asked, family)));
    }
    this.valid = valid ?? this.#validSet();
  }

  /** The bit-by-bit sets of a field's variables, the highest first. */
  bits({ first, levels }: Placed): readonly Edge[] {
    return Array.from({ length: levels }, (_, at) => this.diagram.variable(first + at));
  }

  /** The packets whose field, as they begin, meets the condition; those that have no such field aside. */
  original(leaf: Leaf): Edge {
    let set = this.#originals.get(leaf);
    if (set === undefined) {
      set = this.#find(leaf, ALL);
      this.#originals.set(leaf, set);
    }
    return set;
  }

  /** Of a set the packets whose address, as they begin, meets the condition. */
  from(leaf: AddressLeaf, set: Edge): Edge {
    const placed = this.#placed(leaf);
    // Few rules ask for the same address: what stands behind it in the diagram is put into its set while that is made.
    if (placed.code.kind === 'raw' || this.diagram.level(set) < placed.first + placed.levels)
      return this.diagram.and(this.original(leaf), set);
    return this.#find(leaf, set);
  }

  #placed({ field }: Leaf): Placed {
    const placed = this.domain.fields.get(field);
    if (!placed) throw new Error(`nobody asked for ${field} before`);
    return placed;
  }

  #find(leaf: Leaf, inside: Edge): Edge {
    const placed = this.#placed(leaf);
    const { code } = placed;
    if (code.kind === 'raw') {
      return kept(this.#leaves, idOf(leaf), () =>
        leaf.kind === 'name' ? NONE : rawSet(this.diagram, this.bits(placed), leaf),
      );
    }
    if (code.kind === 'values') {
      const numbers = code.values.flatMap((value, at) => (holdsOf(leaf, value) ? [[at, at] as const] : []));
      return this.diagram.among(placed.first, sizeOf(code), numbers, inside);
    }
    // Most conditions are one range, and many rules have one of their own.
    if (leaf.kind === 'in' && leaf.ranges.length !== 1)
      return this.diagram.among(placed.first, sizeOf(code), intervalsIn(code.starts, leaf.ranges), inside);
    const range =
      leaf.kind === 'in'
        ? leaf.ranges[0]!
        : leaf.kind === 'bits' && isAddress(leaf.field)
          ? rangeUnder(leaf.value, leaf.mask, this.domain.family)
          : undefined;
    if (!range) throw new Error(`${leaf.field} is not looked at bit by bit`);
    const low = intervalOf(code.starts, range[0]);
    return this.diagram.between(
      placed.first,
      code.starts.length,
      low,
      lastIntervalIn(code.starts, low, range[1]),
      inside,
    );
  }

  /** The packets that have a field at all. */
  having(field: FieldName): Edge {
    const protocols = HAVING[field];
    if (protocols) return this.original({ kind: 'in', field: 'protocol', ranges: protocols.map((p) => [p, p]) });
    return ALL;
  }

  /** Whether values of a field belong to classes. */
  isClassed(field: FieldName): boolean {
    return this.#classes.has(field);
  }

  /** The class that a value of a field belongs to. */
  classOf(field: FieldName, value: AddressValue, grain: Grain): Class {
    return this.#classes.get(field)![grain].of(value);
  }

  classes(field: FieldName, grain: Grain): readonly Class[] {
    return this.#classes.get(field)![grain].all;
  }

  /** What people mean when they say "all packets". */
  get ordinary(): Edge {
    this.#ordinary ??= ordinaryPackets(this);
    return this.#ordinary;
  }

  /** The same of what the kernel sends itself. */
  get unowned(): Edge {
    this.#unowned ??= unownedPackets(this);
    return this.#unowned;
  }

  /** `original`, found once for each condition. */
  valueSet(leaf: Leaf): Edge {
    return kept(this.#leaves, idOf(leaf), () => this.original(leaf));
  }

  classSet(of: Class): Edge {
    return kept(this.#classSets, of, () => this.original(of));
  }

  /** The value that these numbers give a field: the first of its interval. */
  decode({ code, first, levels }: Placed, number: (level: number) => number): Value {
    if (code.kind === 'values') return code.values[number(first)]!;
    if (code.kind === 'intervals') return code.starts[number(first)]!;
    if (code.width > 48) {
      let value = 0n;
      for (let at = 0; at < levels; at += 1) value = (value << 1n) | BigInt(number(first + at));
      return value;
    }
    let value = 0;
    for (let at = 0; at < levels; at += 1) value = value * 2 + number(first + at);
    return value;
  }

  /** The numbers of a packet: what `holds` of a diagram asks for. */
  encode(packet: Packet): (level: number) => number {
    const numbers = new Int32Array(this.domain.variables);
    for (const { field, code, first, levels } of this.domain.fields.values()) {
      const value = packet[field] as Value | undefined;
      if (value === undefined) continue;
      if (code.kind === 'raw') {
        for (let at = 0; at < levels; at += 1)
          numbers[first + at] = Number((BigInt(value) >> BigInt(levels - 1 - at)) & 1n);
        continue;
      }
      numbers[first] =
        code.kind === 'values'
          ? code.values.indexOf(this.#valueFor(value, code.values))
          : intervalOf(code.starts, value as AddressValue);
    }
    return (level) => numbers[level]!;
  }

  /** The value that stands for it: of an interface that no rule names, the one with the longest beginning that it has. */
  #valueFor(value: Value, values: readonly Value[]): Value {
    if (typeof value !== 'string' || values.includes(value)) return value;
    let best: Value = value;
    let longest = -1;
    for (const [name, stands] of this.domain.standIns) {
      const beginning = stands.endsWith('+') ? stands.slice(0, -1) : stands;
      if (!values.includes(name) || stands === name || !value.startsWith(beginning)) continue;
      if (beginning.length > longest) [best, longest] = [name, beginning.length];
    }
    return best;
  }

  #validSet(): Edge {
    const { diagram, domain } = this;
    let valid = ALL;
    for (const { field, code } of domain.fields.values()) {
      // Nothing comes to a machine that has no interface for it to come in by.
      if (sizeOf(code) === 0) return NONE;
      if (!HAVING[field]) continue;
      const lowest = code.kind === 'intervals' ? endOf(code, 0) : 0;
      const none = this.original({ kind: 'in', field, ranges: [[0, lowest]] } as Leaf);
      valid = diagram.and(valid, diagram.or(this.having(field), none));
    }
    return domain.fields.has('ctstate') ? diagram.and(valid, this.#states()) : valid;
  }

  /** A packet that begins a connection is new or invalid; one that does not is not new. */
  #states(): Edge {
    const { diagram, domain } = this;
    const state = (bit: number): Edge => this.original({ kind: 'any-bit', field: 'ctstate', mask: bit });
    let opens = ALL;
    let untracked = NONE;
    const judge = (part: Edge, packet: Parameters<typeof firstState>[0]): void => {
      const first = firstState(packet);
      if (first !== CTSTATE.NEW) opens = diagram.minus(opens, part);
      if (first === CTSTATE.UNTRACKED) untracked = diagram.or(untracked, part);
    };
    const deciding = TCP_FLAGS.FIN | TCP_FLAGS.SYN | TCP_FLAGS.RST | TCP_FLAGS.ACK;
    const protocol = (number: number): Edge =>
      this.original({ kind: 'in', field: 'protocol', ranges: [[number, number]] });
    if (domain.fields.has('tcpFlags')) {
      for (let flags = 0; flags < 32; flags += 1) {
        if ((flags & deciding) !== flags) continue;
        const part = this.original({ kind: 'bits', field: 'tcpFlags', mask: deciding, value: flags });
        judge(diagram.and(protocol(TCP), part), { protocol: TCP, tcpFlags: flags, icmpType: undefined });
      }
    }
    const types = domain.fields.get('icmpType')?.code;
    if (types?.kind === 'intervals') {
      for (const [at, start] of types.starts.entries()) {
        const part = this.original({ kind: 'in', field: 'icmpType', ranges: [[start, endOf(types, at)]] });
        for (const number of [ICMP, ICMPV6])
          judge(diagram.and(protocol(number), part), {
            protocol: number,
            tcpFlags: undefined,
            icmpType: Number(start),
          });
      }
    }
    const never = diagram.or(
      diagram.and(state(CTSTATE.NEW), complement(opens)),
      domain.fields.has('icmpType') ? diagram.xor(state(CTSTATE.UNTRACKED), untracked) : state(CTSTATE.UNTRACKED),
    );
    return complement(never);
  }
}
