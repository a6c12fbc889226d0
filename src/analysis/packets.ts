import type { AddressValue } from '../address/index.ts';
import {
  CTSTATE,
  type FieldName,
  ICMP,
  ICMPV6,
  type Leaf,
  type Packet,
  TCP,
  TCP_FLAGS,
  UDP,
} from '../netfilter/index.ts';
import type { Question } from '../trace/index.ts';
import { ASSUMED, LOOPBACK, SYN_LENGTH, USUAL_HOPS } from '../trace/parts.ts';
import { endOf, intervalOf, type Value } from './code.ts';
import { countAll, countOf } from './count.ts';
import { type Edge, NONE } from './diagram.ts';
import type { Placed } from './domain.ts';
import { HAVING } from './having.ts';
import type { Space } from './space.ts';

/** Packets by what is not known. */
export interface Weighed {
  /** Those that are meant whatever is not known. */
  readonly surely: PacketSet;
  /** Those that may be meant; the others never are. */
  readonly possibly: PacketSet;
}

/** The packets of a set that hangs on what is not known. */
export function weighed(space: Space, set: Edge): Weighed {
  const { diagram, decisions } = space;
  const [surely, possibly] = decisions.any
    ? [diagram.forAll(set, decisions.isDecision), diagram.exists(set, decisions.isDecision)]
    : [set, set];
  return { surely: new PacketSet(space, surely), possibly: new PacketSet(space, possibly) };
}

/**
 * A set of packets as they begin: as they arrive from other hosts, or as this host sends them. Exact: it holds a packet or it does
 * not. Sets of one `Space` can be put together.
 */
export class PacketSet {
  readonly space: Space;
  readonly edge: Edge;

  /** `edge`: of packets that there are. */
  constructor(space: Space, edge: Edge) {
    this.space = space;
    this.edge = edge;
  }

  /** Whether any of it goes from one host to another: no groups, no addresses that are no host's. */
  get isOrdinary(): boolean {
    return this.space.diagram.and(this.edge, this.space.ordinary) !== NONE;
  }

  /** What an interface name of its packets stands for: '' for any that no rule names, `eth+` for others that begin so. */
  spokenName(name: string): string {
    return this.space.domain.standIns.get(name) ?? name;
  }

  get isEmpty(): boolean {
    return this.edge === NONE;
  }

  and(other: PacketSet): PacketSet {
    return new PacketSet(this.space, this.space.diagram.and(this.edge, other.edge));
  }

  or(other: PacketSet): PacketSet {
    return new PacketSet(this.space, this.space.diagram.or(this.edge, other.edge));
  }

  minus(other: PacketSet): PacketSet {
    return new PacketSet(this.space, this.space.diagram.minus(this.edge, other.edge));
  }

  /** All packets of its space that it does not hold. */
  not(): PacketSet {
    return new PacketSet(this.space, this.space.diagram.minus(this.space.valid, this.edge));
  }

  /**
   * Those whose field meets a condition as they begin. Values that nothing tells apart stay together (see `cuts` of reach); where
   * nothing asks for the field, that is all.
   *
   * @example set.where({ kind: 'in', field: 'protocol', ranges: [[TCP, TCP]] })
   */
  where(condition: Leaf): PacketSet {
    const { space, edge } = this;
    if (!space.domain.fields.has(condition.field)) return this;
    return new PacketSet(space, space.diagram.and(edge, space.original(condition)));
  }

  /** Those that differ from one of it in this field alone, or not at all. */
  whatever(field: FieldName): PacketSet {
    const { diagram, domain, valid } = this.space;
    const placed = domain.fields.get(field);
    if (!placed) return this;
    const { first, levels } = placed;
    const loose = diagram.exists(this.edge, (level) => level >= first && level < first + levels);
    return new PacketSet(this.space, diagram.and(valid, loose));
  }

  /** Those that open a connection, or that nobody tracks: later ones of a connection go as its first one went. */
  get opening(): PacketSet {
    return this.where({ kind: 'any-bit', field: 'ctstate', mask: CTSTATE.NEW | CTSTATE.UNTRACKED });
  }

  /** Those that belong to no open connection: to those that open one come the invalid. */
  get apart(): PacketSet {
    return this.where({ kind: 'any-bit', field: 'ctstate', mask: CTSTATE.NEW | CTSTATE.UNTRACKED | CTSTATE.INVALID });
  }

  /** Those that go from one host to another, or from here to here: no groups, no addresses that are no host's. */
  get ordinary(): PacketSet {
    return new PacketSet(this.space, this.space.diagram.and(this.edge, this.space.ordinary));
  }

  /** The same of what no program sends: the kernel makes it itself. */
  get unowned(): PacketSet {
    return new PacketSet(this.space, this.space.diagram.and(this.edge, this.space.unowned));
  }

  /** Whether it holds nothing that a program sends, where anything asks for that. */
  get isOfNoProgram(): boolean {
    const { domain } = this.space;
    return domain.direction === 'out' && domain.fields.has('owned') && this.where(OWNED).isEmpty;
  }

  equals(other: PacketSet): boolean {
    return this.edge === other.edge;
  }

  /**
   * How many packets it has, exactly: combinations of values of all fields that any rule, route or socket asks for. With `fields`:
   * how many combinations of their values, of packets that have them all. A name that nobody has written counts as one; where nothing
   * asks for a field, it is no part of a packet.
   *
   * @example caught.count(['destinationPort']) // 65535n: all ports but one
   */
  count(fields?: readonly FieldName[]): bigint {
    return fields ? countOf(this.space, this.edge, fields) : countAll(this.space, this.edge);
  }

  /** Which part of all packets of its space it is, from 0 to 1. */
  get share(): number {
    const all = countAll(this.space, this.space.valid);
    // Whole numbers of this size have no place in a number: what is left of the division has.
    return all === 0n ? 0 : Number((this.count() * SHARES) / all) / Number(SHARES);
  }

  holds({ packet }: Pick<Question, 'packet'>): boolean {
    return this.space.diagram.holds(this.edge, this.space.encode(packet));
  }

  /** One packet of it, as usual as it has any: what a trace can follow. Undefined where it is empty. */
  witness(): Question | undefined {
    if (this.isEmpty) return undefined;
    const { space } = this;
    const { diagram, domain } = space;
    const plain = diagram.and(this.edge, space.ordinary);
    let set = plain === NONE ? this.edge : plain;
    const wanted = usualValues(space);
    for (const leaf of usualLeaves(space, wanted)) {
      const narrower = diagram.and(set, space.original(leaf));
      if (narrower !== NONE) set = narrower;
    }
    const numbers = diagram.witness(set);
    const fields: { [K in FieldName]?: Value | undefined } = {};
    for (const placed of domain.fields.values())
      fields[placed.field] = usualIn(
        placed,
        space.decode(placed, (level) => numbers.get(level) ?? 0),
        wanted,
      );
    return { direction: domain.direction, packet: packetWith(space, fields), assumptions: [] };
  }
}

const OWNED: Leaf = { kind: 'in', field: 'owned', ranges: [[1, 1]] };

/** A share is exact to so many parts. */
const SHARES = 10n ** 15n;

type Fields = Readonly<{ [K in FieldName]?: Value | undefined }>;

/** A packet with these fields: those that its protocol does not have left out, those that nobody asks for filled in. */
export function packetWith({ usual, domain }: Space, given: Fields): Packet {
  const fields: { [K in FieldName]?: Value | undefined } = { ...given };
  const protocol = Number(fields.protocol);
  const begins = (fields.ctstate ?? CTSTATE.NEW) === CTSTATE.NEW;
  const unasked: Fields = {
    sourcePort: 40_000,
    destinationPort: 80,
    tcpFlags: begins ? TCP_FLAGS.SYN : fields.ctstate === CTSTATE.INVALID ? 0 : TCP_FLAGS.ACK,
    icmpType: protocol === ICMP ? (begins ? 8 : 0) : begins ? 128 : 129,
    icmpCode: 0,
  };
  for (const [field, protocols] of Object.entries(HAVING) as [FieldName, readonly number[]][]) {
    if (!protocols.includes(protocol)) fields[field] = undefined;
    else if (!domain.fields.has(field)) fields[field] = unasked[field];
  }
  return { ...usual, ...fields } as Packet;
}

type Wanted = ReadonlyMap<FieldName, AddressValue>;

/** The usual value, where it is of the same interval as the one that was found. */
function usualIn({ field, code }: Placed, found: Value, wanted: Wanted): Value {
  if (code.kind !== 'intervals' || typeof found === 'string') return found;
  const beside = (value: AddressValue): boolean => intervalOf(code.starts, value) === intervalOf(code.starts, found);
  const values = [wanted.get(field), LEAST[field]].filter((value) => value !== undefined);
  return values.find(beside) ?? found;
}

/** What packets have at least: two headers, and a hop to go. */
const LEAST: { readonly [K in FieldName]?: number } = { length: 40, ttl: 1 };

/** What packets mostly have. */
function usualValues({ domain, ground }: Space): Wanted {
  const { family, direction } = domain;
  const other = ASSUMED.other[family];
  // A mesh gives lo an address, too (::6): others know this host by another one.
  const cards = [...ground.host.interfaces].sort((a, b) => Number(a.name === LOOPBACK) - Number(b.name === LOOPBACK));
  const own =
    cards
      .flatMap(({ addresses }) => addresses)
      .find((address) => address.family === family && address.scope === 'global')?.value ?? ASSUMED.own[family];
  const [source, destination] = direction === 'in' ? [other, own] : [own, other];
  return new Map<FieldName, AddressValue>([
    ['destination', destination],
    ['source', source],
    ['sourcePort', 40_000],
    ['destinationPort', 80],
    ['owned', 1],
    ['uid', 1000],
    ['gid', 1000],
    ['ttl', USUAL_HOPS],
    ['length', SYN_LENGTH[family]],
  ]);
}

/** What packets mostly are, the most telling first. */
function usualLeaves({ domain, ground }: Space, wanted: Wanted): readonly Leaf[] {
  const { family, fields } = domain;
  const protocol = (value: number): Leaf => ({ kind: 'in', field: 'protocol', ranges: [[value, value]] });
  const leaves: Leaf[] = [
    { kind: 'any-bit', field: 'ctstate', mask: CTSTATE.NEW },
    protocol(TCP),
    protocol(UDP),
    protocol(family === 'ipv4' ? ICMP : ICMPV6),
    { kind: 'bits', field: 'tcpFlags', mask: 255, value: TCP_FLAGS.SYN },
    { kind: 'bits', field: 'mark', mask: 0xffff_ffff, value: 0 },
    { kind: 'name', field: 'in', text: ground.host.card, prefix: false },
    { kind: 'name', field: 'out', text: '', prefix: false },
  ];
  return [
    ...leaves.filter(({ field }) => fields.has(field)),
    ...[...wanted].flatMap(([field, value]) => near(fields.get(field), value)),
  ];
}

/** The interval that a value lies in. */
function near(placed: Placed | undefined, value: AddressValue): readonly Leaf[] {
  if (placed?.code.kind !== 'intervals') return [];
  const { starts } = placed.code;
  const at = intervalOf(starts, value);
  return [{ kind: 'in', field: placed.field as 'source', ranges: [[starts[at]!, endOf(placed.code, at)]] }];
}
