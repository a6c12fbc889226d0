import type { AddressValue, Range } from '../address/index.ts';
import type { FieldName } from '../netfilter/index.ts';
import { endOf, sizeOf, type Value } from './code.ts';
import { ALL, complement, type Diagram, type Edge, NONE, type Numbers } from './diagram.ts';
import type { Placed } from './domain.ts';
import type { PacketSet } from './packets.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';

/**
 * What becomes of packets that have no such field, where the box has some of their protocol: it holds them, or this side keeps them out.
 * Absent: it has none.
 */
export type Without = 'held' | 'kept out';

/** What one field of a box may be: ranges of numbers or addresses, names, or bits that are said one by one. */
export type Side = { readonly without?: Without } & Part;

type Part =
  /** `but`: what packets may have, and these do not. */
  | { readonly kind: 'ranges'; readonly ranges: readonly Range[]; readonly but: readonly Range[] }
  /**
   * `eth+` is every name that begins so and is not named, '' no interface. `others`: names that occur nowhere, too; then `but` says
   * which are left out.
   */
  | {
      readonly kind: 'names';
      readonly names: readonly string[];
      readonly but: readonly string[];
      readonly others: boolean;
    }
  /** One of these, or none of those: whichever is shorter is whole. */
  | { readonly kind: 'bits'; readonly any: readonly Bits[]; readonly but: readonly Bits[] };

/** Bits that are looked at, and what they are. */
export interface Bits {
  readonly mask: AddressValue;
  readonly value: AddressValue;
}

/** Packets that are a product of one set per field. Fields that are not named may be anything. */
export type Box = ReadonlyMap<FieldName, Side>;

/** A set in a readable form. */
export interface Boxes {
  /**
   * Boxes that lie within the set and may overlap. Where it holds packets from one host to another (`ordinary`), they speak of those
   * alone, and may hold others that it does not.
   */
  readonly boxes: readonly Box[];
  /** Whether they are all of it. Where that is too complex to be found out, they are not. */
  readonly complete: boolean;
  /** It holds packets, too, from or to groups and addresses that are no host's. */
  readonly others: boolean;
}

/** In this order a box grows: what people ask about last is let loose first. */
const LOOSENED: readonly FieldName[] = [
  ...(['ecn', 'dscp', 'packetType', 'ipsec', 'headers', 'length', 'ttl', 'spi', 'sourceMac', 'icmpCode'] as const),
  ...(['mark', 'gid', 'uid', 'owned', 'tcpFlags', 'sourcePort', 'ctstate', 'in', 'out', 'source', 'icmpType'] as const),
  ...(['destination', 'protocol', 'destinationPort'] as const),
];

/**
 * A set as few boxes: from one packet of it, field after field is let as loose as the set allows; then from a packet that is in no
 * box yet, until none is left, or there are `most`.
 *
 * @param among the packets that are spoken of: what all of them have in common is not said. Default: all
 */
export function boxesOf(set: PacketSet, most = 12, among?: PacketSet): Boxes {
  const boxes: Box[] = [];
  try {
    return grow(set, most, among, boxes);
  } catch (error) {
    if (!(error instanceof TooComplex)) throw error;
    set.space.diagram.relent();
    return { boxes, complete: false, others: false };
  }
}

/** Adds to boxes, one by one. Throws TooComplex. */
function grow({ space, edge }: PacketSet, most: number, among: PacketSet | undefined, boxes: Box[]): Boxes {
  const { diagram, domain, valid, ordinary } = space;
  const plain = diagram.and(edge, ordinary);
  // What no packet is like does not stand in the way.
  const universe = diagram.and(among?.edge ?? valid, plain === NONE ? ALL : ordinary);
  const room = diagram.or(edge, complement(universe));
  const fields = LOOSENED.flatMap((field) => domain.fields.get(field) ?? []);
  const having = new Map(fields.map((placed) => [placed, space.having(placed.field)]));
  const anyOf = new Map(
    fields.map((placed) => [placed, shadow(diagram, placed, diagram.and(universe, having.get(placed)!))]),
  );
  const sets: Edge[] = [];
  let left = plain === NONE ? edge : plain;
  while (left !== NONE && boxes.length < most) {
    const { sides, set } = grown(space, fields, { room, universe, having, anyOf, left });
    // What lies within a larger box need not be said.
    for (let at = sets.length - 1; at >= 0; at -= 1) {
      if (diagram.minus(sets[at]!, set) !== NONE) continue;
      sets.splice(at, 1);
      boxes.splice(at, 1);
    }
    sets.push(diagram.and(set, universe));
    boxes.push(sides);
    left = diagram.minus(left, set);
  }
  return { boxes, complete: left === NONE, others: plain !== NONE && plain !== edge };
}

/** Where a box may grow. */
interface Room {
  readonly room: Edge;
  readonly universe: Edge;
  /** The packets that have a field at all. */
  readonly having: ReadonlyMap<Placed, Edge>;
  /** The values of each field that any packet of the universe has. */
  readonly anyOf: ReadonlyMap<Placed, Edge>;
  readonly left: Edge;
}

/** The largest box around one packet of `left` that has room. */
function grown(
  space: Space,
  fields: readonly Placed[],
  { room, universe, having, anyOf, left }: Room,
): { readonly sides: Box; readonly set: Edge } {
  const { diagram } = space;
  const numbers = diagram.witness(left);
  const parts = new Map<Placed, Edge>();
  for (const placed of fields)
    parts.set(
      placed,
      pinned(diagram, placed, (level) => numbers.get(level) ?? 0),
    );
  // From the deepest variables up, so that each step is a short one.
  const deepest = [...fields].sort((a, b) => b.first - a.first);
  const product = (without?: Placed): Edge => {
    let set: Edge = ALL;
    for (const placed of deepest) if (placed !== without) set = diagram.and(parts.get(placed)!, set);
    return set;
  };
  for (const placed of fields) {
    const others = diagram.and(product(placed), complement(room));
    parts.set(placed, complement(shadow(diagram, placed, others)));
  }
  const set = product();
  const inside = diagram.and(set, universe);
  const sides = new Map<FieldName, Side>();
  for (const placed of fields) {
    if (parts.get(placed) === ALL) continue;
    // Said is what packets of the box have, where that is not what any packet may have.
    const has = having.get(placed)!;
    const held = shadow(diagram, placed, diagram.and(inside, has));
    const any = anyOf.get(placed)!;
    const lacking = has === ALL ? NONE : diagram.minus(universe, has);
    const without = withoutIn(diagram, lacking, set, () => product(placed));
    // What no packet of the box has is not said of it.
    if (held === NONE || (held === any && without !== 'kept out')) continue;
    const part = partOf(space, placed, held, diagram.minus(any, held));
    sides.set(placed.field, without ? { ...part, without } : part);
  }
  return { sides, set };
}

/** What becomes of packets that lack a field: `but` is the box without its side. */
function withoutIn(diagram: Diagram, lacking: Edge, box: Edge, but: () => Edge): Without | undefined {
  if (lacking === NONE) return undefined;
  if (diagram.and(box, lacking) !== NONE) return 'held';
  return diagram.and(but(), lacking) === NONE ? undefined : 'kept out';
}

/** The values of one field that a set has anything for. */
export const shadow = (diagram: Diagram, { first, levels }: Placed, set: Edge): Edge =>
  diagram.exists(set, (level) => level < first || level >= first + levels);

function pinned(diagram: Diagram, { first, levels, code }: Placed, number: (level: number) => number): Edge {
  const size = code.kind === 'raw' ? 2 : sizeOf(code);
  let set: Edge = ALL;
  for (let level = first + levels - 1; level >= first; level -= 1)
    set = diagram.among(level, size, [[number(level), number(level)]], set);
  return set;
}

/** What a set over one field's variables says of it. */
function partOf({ diagram, domain }: Space, placed: Placed, set: Edge, others: Edge): Part {
  const { code } = placed;
  switch (code.kind) {
    case 'raw':
      return { kind: 'bits', any: cubesIn(diagram, placed, set), but: cubesIn(diagram, placed, others) };
    case 'values': {
      const held = new Set(
        numbersIn(diagram, set, code.values.length).flatMap(([low, high]) => code.values.slice(low, high + 1)),
      );
      const [names, but] = [true, false].map((wanted) => code.values.filter((value) => held.has(value) === wanted));
      if (typeof code.values[0] === 'string') {
        const standsForAny = (value: Value): boolean => value !== '' && domain.standIns.get(String(value)) === '';
        // Where no rule asks by which interface packets are sent on, the card that is taken for granted is as good as any.
        const anyCard = placed.field === 'out' && domain.direction === 'in' && !code.values.some(standsForAny);
        const isUnnamed = anyCard ? (value: Value): boolean => value !== '' : standsForAny;
        // No name at all is '' and stays so: what stands for names that nobody wrote is not to look like it.
        const spoken = (all: readonly Value[]) =>
          all.flatMap((one) => (isUnnamed(one) ? [] : [domain.standIns.get(String(one)) ?? String(one)]));
        return { kind: 'names', names: spoken(names!), but: spoken(but!), others: names!.some(isUnnamed) };
      }
      const ranges = (values: readonly Value[]) => values.map((value) => [Number(value), Number(value)] as const);
      return { kind: 'ranges', ranges: ranges(names!), but: ranges(but!) };
    }
    case 'intervals': {
      const ranges = (edge: Edge) =>
        numbersIn(diagram, edge, code.starts.length).map(
          ([low, high]) => [code.starts[low]!, endOf(code, high)] as const,
        );
      return { kind: 'ranges', ranges: ranges(set), but: ranges(others) };
    }
  }
}

/** The numbers that a set over one field's variable holds, as ranges. */
export function numbersIn(diagram: Diagram, set: Edge, size: number): Numbers {
  if (set === ALL) return [[0, size - 1]];
  const parts = diagram.parts(set);
  return parts.flatMap(([from, part], at) => (part === ALL ? [[from, (parts[at + 1]?.[0] ?? size) - 1] as const] : []));
}

/** More alternatives than this of bits are not said one by one. */
const MOST_CUBES = 16;

function cubesIn(diagram: Diagram, { first, levels }: Placed, set: Edge): readonly Bits[] {
  const cubes: Bits[] = [];
  const visit = (edge: Edge, mask: bigint, value: bigint): void => {
    if (edge === NONE || cubes.length > MOST_CUBES) return;
    if (edge === ALL) {
      cubes.push(levels > MOST_BITS ? { mask, value } : { mask: Number(mask), value: Number(value) });
      return;
    }
    const bit = 1n << BigInt(levels - 1 - (diagram.level(edge) - first));
    visit(diagram.part(edge, 0), mask | bit, value);
    visit(diagram.part(edge, 1), mask | bit, value | bit);
  };
  visit(set, 0n, 0n);
  return cubes;
}

/** A number has room for so many: IPv6's addresses have more. */
const MOST_BITS = 48;
