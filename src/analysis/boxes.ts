import type { Range } from '../address/index.ts';
import type { FieldName } from '../netfilter/index.ts';
import { endOf, sizeOf, type Value } from './code.ts';
import { ALL, complement, type Diagram, type Edge, NONE, type Numbers } from './diagram.ts';
import type { Placed } from './domain.ts';
import type { PacketSet } from './packets.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';

/** What one field of a box may be: ranges of numbers or addresses, names, or bits that are said one by one. */
export type Side =
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
  readonly mask: number;
  readonly value: number;
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
  const anyOf = new Map(fields.map((placed) => [placed, shadow(diagram, placed, universe)]));
  let left = plain === NONE ? edge : plain;
  while (left !== NONE && boxes.length < most) {
    const { sides, set } = grown(space, fields, { room, universe, anyOf, left });
    boxes.push(sides);
    left = diagram.minus(left, set);
  }
  return { boxes, complete: left === NONE, others: plain !== NONE && plain !== edge };
}

/** Where a box may grow. */
interface Room {
  readonly room: Edge;
  readonly universe: Edge;
  /** The values of each field that any packet of the universe has. */
  readonly anyOf: ReadonlyMap<Placed, Edge>;
  readonly left: Edge;
}

/** The largest box around one packet of `left` that has room. */
function grown(
  space: Space,
  fields: readonly Placed[],
  { room, universe, anyOf, left }: Room,
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
  const sides = new Map<FieldName, Side>();
  for (const placed of fields) {
    // Said is what packets of the box have, where that is not what any packet may have.
    const held = parts.get(placed) === ALL ? ALL : shadow(diagram, placed, diagram.and(set, universe));
    const any = anyOf.get(placed)!;
    if (held !== ALL && held !== any) sides.set(placed.field, sideOf(space, placed, held, diagram.minus(any, held)));
  }
  return { sides, set };
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
function sideOf({ diagram, domain }: Space, placed: Placed, set: Edge, others: Edge): Side {
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
        const isUnnamed = (value: Value): boolean => value !== '' && domain.standIns.get(String(value)) === '';
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
  const visit = (edge: Edge, mask: number, value: number): void => {
    if (edge === NONE || cubes.length > MOST_CUBES) return;
    if (edge === ALL) {
      cubes.push({ mask, value });
      return;
    }
    const bit = 2 ** (levels - 1 - (diagram.level(edge) - first));
    visit(diagram.part(edge, 0), mask + bit, value);
    visit(diagram.part(edge, 1), mask + bit, value + bit);
  };
  visit(set, 0, 0);
  return cubes;
}
