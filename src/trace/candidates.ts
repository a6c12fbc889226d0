import type { AddressValue } from '../address/index.ts';
import { copyOf, type FieldName, type LivePacket, type Packet, type Predicate } from '../netfilter/index.ts';
import type { CompiledRule } from './program.ts';
import { readsOf } from './reads.ts';
import { addSplits, partOf, sortedSplits } from './splits.ts';

/** Shorter chains are looked through; nobody need ask about them. */
export const MANY = 10;

/** A chain is looked through until so many of its rules have been: few packets are not worth the rows. */
const OFTEN = 500;

/** So many words of bits are kept for one chain; where there is no room, rules are looked at as if there were no bits. */
const MOST_WORDS = 1 << 22;

/** Fields that are split where rules begin and end to ask for their values, and fields that have few values. */
const SPLIT = ['destination', 'source', 'destinationPort', 'sourcePort'] as const;
const FEW = ['protocol', 'in', 'out'] as const;
type Indexed = (typeof SPLIT)[number] | (typeof FEW)[number];

/** The first rule from `at` on that a packet may match; as many as there are rules where there is none. */
export type FindRule = (packet: Packet, at: number) => number;

/**
 * What spares a packet most rules of a long chain. For each field that many of its rules ask for there are rows of bits, one
 * bit a rule: whether the rule may match, given this value of the field and nothing else. What is false while all else is
 * unknown is false whatever else is (predicate.ts); so a rule is passed by where its bit is missing in any field's row. Rows
 * are made when they are first needed; values between which no rule begins or ends share one.
 *
 * Source: T. V. Lakshman, D. Stiliadis, High-speed policy-based packet forwarding using efficient multi-dimensional range
 * matching (SIGCOMM 1998).
 *
 * @param rules all of them are there before the first packet comes
 */
export function candidatesOf(rules: readonly CompiledRule[]): FindRule {
  let asked = 0;
  let rows: readonly RowFor[] = [];
  return (packet, at) => {
    if (asked < OFTEN) {
      asked += 1;
      return at;
    }
    if (asked === OFTEN) {
      asked += 1;
      rows = rowsOf(rules);
    }
    return nextIn(rows, rules.length, packet, at);
  };
}

function nextIn(rows: readonly RowFor[], length: number, packet: Packet, at: number): number {
  let from = at;
  while (from < length) {
    const word = from >>> 5;
    let bits = -1 << (from & 31);
    for (const row of rows) {
      const held = row(packet);
      if (held) bits &= held[word]!;
    }
    if (bits !== 0) return Math.min(length, word * 32 + 31 - Math.clz32(bits & -bits));
    from = (word + 1) * 32;
  }
  return length;
}

/** The bits for a packet's value of one field; undefined: any rule may match. */
type RowFor = (packet: Packet) => Uint32Array | undefined;

/** One for each field that one rule of four asks for. */
function rowsOf(rules: readonly CompiledRule[]): readonly RowFor[] {
  const asking = rules.map((rule) => {
    const reads = new Set<FieldName>();
    for (const part of opening(rule)) readsOf(part, reads);
    return reads;
  });
  const isAsked = (field: Indexed): boolean => asking.filter((reads) => reads.has(field)).length * 4 >= rules.length;
  const room = { words: MOST_WORDS };
  return [
    ...SPLIT.filter(isAsked).map((field) => {
      const splits = new Set<AddressValue>();
      const always = new Set(
        rules.filter(
          (rule) =>
            !opening(rule)
              .map((part) => addSplits(part, field, splits))
              .every(Boolean),
        ),
      );
      const sorted = sortedSplits(splits);
      return rowFor(field, { rules, always, room }, (value) => partOf(sorted, value));
    }),
    ...FEW.filter(isAsked).map((field) => rowFor(field, { rules, always: new Set(), room }, (value) => value)),
  ];
}

/** What all rows of a field are made from. */
interface Making {
  readonly rules: readonly CompiledRule[];
  /** Rules that may match whatever the value is. */
  readonly always: ReadonlySet<CompiledRule>;
  readonly room: { words: number };
}

/** `keyOf` gives the same for values that have the same row. */
function rowFor<F extends Indexed>(
  field: F,
  { rules, always, room }: Making,
  keyOf: (value: NonNullable<Packet[F]>) => AddressValue | string,
): RowFor {
  const words = (rules.length + 31) >>> 5;
  const made = new Map<AddressValue | string, Uint32Array>();
  let last: Packet[F] | undefined;
  let row: Uint32Array | undefined;
  return (packet) => {
    const value = packet[field];
    if (value === last) return row;
    last = value;
    row = undefined;
    if (value === undefined || value === null) return row;
    const key = keyOf(value);
    row = made.get(key);
    if (row || room.words < words) return row;
    room.words -= words;
    row = new Uint32Array(words);
    // A packet of which nothing but this is known.
    const known = copyOf({} as Packet);
    (known as Partial<LivePacket>)[field] = value;
    for (const [at, rule] of rules.entries())
      if (always.has(rule) || mayMatch(rule, known)) row[at >>> 5]! |= 1 << (at & 31);
    made.set(key, row);
    return row;
  };
}

/** A native rule ends where none of the alternatives of its first statement holds. What may drop a packet is always looked at. */
const mayMatch = (rule: CompiledRule, packet: Packet): boolean =>
  rule.mayDrop !== undefined || (rule.acts?.[0]?.alternatives ?? [rule]).some((one) => one.test(packet) !== false);

/** What has to hold for a rule to do anything. */
const opening = ({ acts, predicate }: CompiledRule): readonly Predicate[] =>
  acts?.[0]?.alternatives.map((one) => one.predicate) ?? [predicate];
