import { type AddressValue, holds, holdsSorted, masked, type Range, union } from '../address/index.ts';
import type { FieldName, NameField, ValueField } from './fields.ts';
import type { Packet } from './packet.ts';

/**
 * The meaning of a match: a formula over packet fields. It is written once, by the match's own file; trace evaluates it
 * on one packet, analysis folds it into packet sets, explain words it.
 */
export type Predicate =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  /** The field's value lies in one of the ranges (inclusive). */
  | { readonly kind: 'in'; readonly field: ValueField; readonly ranges: readonly Range[] }
  /** `field & mask` equals `value`. */
  | {
      readonly kind: 'bits';
      readonly field: ValueField;
      readonly mask: AddressValue;
      readonly value: AddressValue;
    }
  /** `field & mask` is not zero. */
  | { readonly kind: 'any-bit'; readonly field: ValueField; readonly mask: number }
  /** An interface name: equal to `text`, or, with `prefix`, beginning with it (`eth+`). */
  | { readonly kind: 'name'; readonly field: NameField; readonly text: string; readonly prefix: boolean }
  | { readonly kind: 'all'; readonly of: readonly Predicate[] }
  | { readonly kind: 'some'; readonly of: readonly Predicate[] }
  | { readonly kind: 'not'; readonly of: Predicate }
  /** The kernel may answer either way (random, limit). Equal ids within one rule answer alike. */
  | { readonly kind: 'choice'; readonly id: string; readonly because: string }
  /** What `meaning` says, in other words: the fields are in a group of values that has a name (`the set "banned"`). */
  | {
      readonly kind: 'member';
      readonly fields: readonly FieldName[];
      readonly group: string;
      readonly meaning: Predicate;
    }
  /** Sidestep does not know. Equal ids within one rule answer alike; without one, equal reasons do. */
  | { readonly kind: 'unknown'; readonly because: string; readonly id?: string };

/** A condition on one field: what a predicate comes down to. */
export type Leaf = Extract<Predicate, { readonly field: unknown }>;

export const ALWAYS: Predicate = { kind: 'always' };
export const NEVER: Predicate = { kind: 'never' };

/** The field lies in one of the ranges. */
export const isIn = (field: ValueField, ...ranges: readonly Range[]): Predicate => ({ kind: 'in', field, ranges });

/** The field lies between two numbers; where they stand the wrong way round, it never does. */
export const between = (field: ValueField, [low, high]: readonly [number, number]): Predicate =>
  low > high ? NEVER : isIn(field, [low, high]);

/** The field has this value. */
export const is = (field: ValueField, value: AddressValue): Predicate => isIn(field, [value, value]);

/** `field & mask` equals `value`. */
export const hasBits = (field: ValueField, mask: AddressValue, value: AddressValue): Predicate => ({
  kind: 'bits',
  field,
  mask,
  value,
});

/** `field & mask` is not zero. */
export const hasAnyBit = (field: ValueField, mask: number): Predicate => ({ kind: 'any-bit', field, mask });

/** An interface name as iptables takes it: `eth0`, or `eth+` for all that begin so. */
export const isNamed = (field: NameField, pattern: string): Extract<Predicate, { readonly kind: 'name' }> =>
  pattern.endsWith('+')
    ? { kind: 'name', field, text: pattern.slice(0, -1), prefix: true }
    : { kind: 'name', field, text: pattern, prefix: false };

export const choice = (id: string, because: string): Predicate => ({ kind: 'choice', id, because });
export const unknown = (because: string): Predicate => ({ kind: 'unknown', because });

/** All of them hold. Nested conjunctions are flattened, constants dropped. */
export const all = (...of: readonly Predicate[]): Predicate => allOf(of);

/** The same, of a list that is not changed later. */
export function allOf(of: readonly Predicate[]): Predicate {
  // Asked for every rule and most matches: in loops, and no list is made where there is one part, or where the list says it as it is.
  if (of.length === 1) return of[0]!;
  if (of.length > 1 && isFlat(of)) return { kind: 'all', of };
  const parts: Predicate[] = [];
  for (let at = 0; at < of.length; at += 1) {
    const part = of[at]!;
    if (part.kind === 'never') return NEVER;
    if (part.kind === 'all') parts.push(...part.of);
    else if (part.kind !== 'always') parts.push(part);
  }
  return parts.length === 0 ? ALWAYS : parts.length === 1 ? parts[0]! : { kind: 'all', of: parts };
}

function isFlat(of: readonly Predicate[]): boolean {
  for (let at = 0; at < of.length; at += 1) {
    const { kind } = of[at]!;
    if (kind === 'never' || kind === 'always' || kind === 'all') return false;
  }
  return true;
}

/** At least one of them holds. */
export function some(...of: readonly Predicate[]): Predicate {
  const parts = of.flatMap((part) => (part.kind === 'some' ? part.of : [part])).filter((part) => part.kind !== 'never');
  if (parts.some((part) => part.kind === 'always')) return ALWAYS;
  const [first] = parts;
  return parts.length === 0 ? NEVER : parts.length === 1 && first ? first : { kind: 'some', of: parts };
}

/** It does not hold. */
export function not(of: Predicate): Predicate {
  if (of.kind === 'always') return NEVER;
  if (of.kind === 'never') return ALWAYS;
  return of.kind === 'not' ? of.of : { kind: 'not', of };
}

/** `predicate`, turned round when `negated`: what a `!` does to an option. */
export const unless = (negated: boolean, predicate: Predicate): Predicate => (negated ? not(predicate) : predicate);

/** Calls back with each part of a predicate that has no parts itself. */
export function eachPart(predicate: Predicate, seen: (part: Predicate) => void): void {
  switch (predicate.kind) {
    case 'member':
      eachPart(predicate.meaning, seen);
      return;
    case 'not':
      eachPart(predicate.of, seen);
      return;
    case 'all':
    case 'some':
      for (let at = 0; at < predicate.of.length; at += 1) eachPart(predicate.of[at]!, seen);
      return;
    default:
      seen(predicate);
  }
}

/** Calls back with each condition on a field within a predicate. */
export function eachLeaf(predicate: Predicate, seen: (leaf: Leaf) => void): void {
  eachPart(predicate, (part) => {
    if ('field' in part) seen(part);
  });
}

/** A three-valued answer: yes, no, or undecided (a choice of the kernel's, or not known). */
export type Answer = true | false | 'undecided';

/**
 * What most rules ask for is read by functions of their own: one that reads whatever field it is told looks the name up each
 * time, and that costs more than the rest of a test.
 */
const READERS: { readonly [F in ValueField]?: (packet: Packet) => Packet[F] } = {
  source: (packet) => packet.source,
  destination: (packet) => packet.destination,
  protocol: (packet) => packet.protocol,
  sourcePort: (packet) => packet.sourcePort,
  destinationPort: (packet) => packet.destinationPort,
  ctstate: (packet) => packet.ctstate,
  mark: (packet) => packet.mark,
  owned: (packet) => packet.owned,
  uid: (packet) => packet.uid,
  gid: (packet) => packet.gid,
};

/** An interface by its name, and by the beginning of it. */
const NAMED: { readonly [F in NameField]: (text: string) => Test } = {
  in: (text) => (packet) => isText(packet.in, text),
  out: (text) => (packet) => isText(packet.out, text),
};
const BEGINS: { readonly [F in NameField]: (text: string) => Test } = {
  in: (text) => (packet) => begins(packet.in, text),
  out: (text) => (packet) => begins(packet.out, text),
};

const isText = (name: string | undefined, text: string): Answer => (name === undefined ? 'undecided' : name === text);
const begins = (name: string | undefined, text: string): Answer =>
  name === undefined ? 'undecided' : name.startsWith(text);

const same = (value: AddressValue | undefined, wanted: AddressValue): Answer =>
  value === undefined ? 'undecided' : value === wanted;

const inNet = (value: AddressValue | undefined, mask: AddressValue, wanted: AddressValue): Answer =>
  value === undefined ? 'undecided' : masked(value, mask) === wanted;

/** One value of a field that nearly every rule asks for: read and compared by one function, which saves a call for each condition. */
const HAS_VALUE: { readonly [F in ValueField]?: (wanted: AddressValue) => Test } = {
  source: (wanted) => (packet) => same(packet.source, wanted),
  destination: (wanted) => (packet) => same(packet.destination, wanted),
  protocol: (wanted) => (packet) => same(packet.protocol, wanted),
  sourcePort: (wanted) => (packet) => same(packet.sourcePort, wanted),
  destinationPort: (wanted) => (packet) => same(packet.destinationPort, wanted),
  owned: (wanted) => (packet) => same(packet.owned, wanted),
  uid: (wanted) => (packet) => same(packet.uid, wanted),
  gid: (wanted) => (packet) => same(packet.gid, wanted),
};

/** The same for networks. */
const HAS_BITS: { readonly [F in ValueField]?: (mask: AddressValue, wanted: AddressValue) => Test } = {
  source: (mask, wanted) => (packet) => inNet(packet.source, mask, wanted),
  destination: (mask, wanted) => (packet) => inNet(packet.destination, mask, wanted),
};

const readerOf = (field: ValueField): ((packet: Packet) => AddressValue | undefined) =>
  READERS[field] ?? ((packet) => packet[field]);

/** So many ranges are looked through one by one; among more of them the right one is searched for. */
const FEW = 8;

/** A predicate made ready to run: one call a packet. */
export type Test = (packet: Packet) => Answer;

/**
 * Compiles a predicate. Kleene's three-valued logic: a conjunction with one false part is false whatever else is
 * unknown. A field whose value is undefined is unknown.
 *
 * @example compile(is('destinationPort', 8080))(packet) // true, false or 'undecided'
 */
export function compile(predicate: Predicate): Test {
  switch (predicate.kind) {
    case 'always':
      return () => true;
    case 'never':
      return () => false;
    case 'choice':
    case 'unknown':
      return () => 'undecided';
    case 'in': {
      const { field, ranges } = predicate;
      const read = readerOf(field);
      const [first] = ranges;
      if (ranges.length === 1 && first) {
        const [low, high] = first;
        if (low === high) return HAS_VALUE[field]?.(low) ?? ((packet) => same(read(packet), low));
        return (packet) => {
          const value = read(packet);
          return value === undefined ? 'undecided' : value >= low && value <= high;
        };
      }
      const held = ranges.length > FEW ? holdsSorted(union(ranges)) : (value: AddressValue) => holds(ranges, value);
      return (packet) => {
        const value = read(packet);
        return value === undefined ? 'undecided' : held(value);
      };
    }
    case 'bits': {
      const { field, mask, value: wanted } = predicate;
      const read = readerOf(field);
      return HAS_BITS[field]?.(mask, wanted) ?? ((packet) => inNet(read(packet), mask, wanted));
    }
    case 'any-bit': {
      const { field, mask } = predicate;
      const read = readerOf(field);
      return (packet) => {
        const value = read(packet);
        return value === undefined ? 'undecided' : (Number(value) & mask) !== 0;
      };
    }
    case 'name': {
      const { field, text, prefix } = predicate;
      return (prefix ? BEGINS : NAMED)[field](text);
    }
    case 'member':
      return compile(predicate.meaning);
    case 'not': {
      const inner = compile(predicate.of);
      return (packet) => {
        const answer = inner(packet);
        return answer === 'undecided' ? answer : !answer;
      };
    }
    case 'all': {
      const parts = predicate.of.map(compile);
      const [first, second, ...more] = parts;
      if (first && second && more.length === 0)
        return (packet) => {
          const answer = first(packet);
          if (answer === true) return second(packet);
          return answer === false || second(packet) === false ? false : answer;
        };
      return (packet) => {
        let result: Answer = true;
        for (const part of parts) {
          const answer = part(packet);
          if (answer === false) return false;
          if (answer === 'undecided') result = answer;
        }
        return result;
      };
    }
    case 'some': {
      const parts = predicate.of.map(compile);
      return (packet) => {
        let result: Answer = false;
        for (const part of parts) {
          const answer = part(packet);
          if (answer === true) return true;
          if (answer === 'undecided') result = answer;
        }
        return result;
      };
    }
  }
}
