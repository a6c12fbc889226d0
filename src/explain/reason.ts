import type { Family, Range } from '../address/index.ts';
import {
  compile,
  type FieldName,
  field,
  formatField,
  type Packet,
  type Predicate,
  type ValueField,
} from '../netfilter/index.ts';
import { bitsWord, called, NAMELESS, type Naming, rangeWord, say } from './condition.ts';
import { listed } from './words.ts';

/**
 * Why a condition does not hold for a packet, or cannot be decided, in one clause: "port 8888 is not 8080".
 * Read from the predicate through the field table, so every match is explained alike.
 */
export function whyNot(predicate: Predicate, packet: Packet, naming: Naming = NAMELESS): string {
  const { family } = packet;
  switch (predicate.kind) {
    case 'always':
      return '';
    case 'never':
      return 'no packet can match it';
    case 'choice':
    case 'unknown':
      return predicate.because;
    case 'in': {
      const known = knownOr(predicate.field, packet);
      if (known.unknown) return known.unknown;
      if (predicate.field === 'owned') return 'no process of this host sent it';
      if (predicate.field === 'fragment') return isFragment(packet);
      return `${known.text} ${isNot(predicate.field, predicate.ranges, family, naming)}`;
    }
    case 'bits': {
      const known = knownOr(predicate.field, packet);
      if (known.unknown) return known.unknown;
      const word = bitsWord(predicate.field, predicate.mask, predicate.value, family);
      return `${known.text} is not ${word.includes('/') && field(predicate.field).kind === 'address' ? 'in ' : ''}${word}`;
    }
    case 'any-bit': {
      const known = knownOr(predicate.field, packet);
      if (known.unknown) return known.unknown;
      return `${known.text} is not ${listed(formatField(predicate.field, predicate.mask, family).split(','), 'or')}`;
    }
    case 'name':
      return nameReason(predicate.field, packet, (actual) => `${actual} is not ${pattern(predicate)}`);
    case 'member':
      return compile(predicate.meaning)(packet) === 'undecided'
        ? whyNot(predicate.meaning, packet, naming)
        : `${subjects(predicate.fields, packet)} not in ${predicate.group}`;
    case 'all': {
      // The first part that fails decides; where none fails, the first that is open does.
      const part = firstWith(predicate.of, packet, false) ?? firstWith(predicate.of, packet, 'undecided');
      return part ? whyNot(part, packet, naming) : '';
    }
    case 'some': {
      // Where one part cannot be decided, only that one matters.
      const open = predicate.of.filter((part) => compile(part)(packet) === 'undecided');
      // What has no owner might yet be given one: that it has none is what matters.
      const owner = predicate.of.find((part) => part.kind === 'in' && part.field === 'owned');
      if (owner && open.length === 0) return whyNot(owner, packet, naming);
      const parts = open.length > 0 ? open : predicate.of;
      const reasons = parts.map((part) => whyNot(part, packet, naming)).filter((text) => text !== '');
      return listed([...new Set(reasons)]);
    }
    case 'not':
      return whyHolds(predicate.of, packet, naming);
  }
}

/** Why a condition does hold: what a `!` before it fails on. "destination is 127.0.0.1". */
function whyHolds(predicate: Predicate, packet: Packet, naming: Naming): string {
  const { family } = packet;
  switch (predicate.kind) {
    case 'always':
      return 'every packet is one';
    case 'never':
      return '';
    case 'choice':
    case 'unknown':
      return predicate.because;
    case 'in': {
      const known = knownOr(predicate.field, packet);
      if (known.unknown) return known.unknown;
      if (predicate.field === 'owned') return 'a process of this host sent it';
      if (predicate.field === 'fragment') return isFragment(packet);
      const [only] = predicate.ranges;
      if (predicate.ranges.length === 1 && only && only[0] === only[1]) {
        return `${field(predicate.field).spoken} is ${called(predicate.field, formatField(predicate.field, only[0], family), naming)}`;
      }
      return `${known.text} is ${isIn(predicate.field, predicate.ranges, family, naming)}`;
    }
    case 'bits': {
      const known = knownOr(predicate.field, packet);
      if (known.unknown) return known.unknown;
      const word = bitsWord(predicate.field, predicate.mask, predicate.value, family);
      const actual = formatField(predicate.field, packet[predicate.field] ?? 0, family);
      if (field(predicate.field).kind === 'address') return `${known.text} is in ${word}`;
      return actual === word ? `${field(predicate.field).spoken} is ${word}` : `${known.text} matches ${word}`;
    }
    case 'any-bit':
      return `${field(predicate.field).spoken} is ${formatField(predicate.field, packet[predicate.field] ?? 0, family)}`;
    case 'name':
      return nameReason(predicate.field, packet, (actual) =>
        predicate.prefix
          ? `${actual} begins with ${predicate.text}`
          : `${field(predicate.field).spoken} is ${predicate.text}`,
      );
    case 'member':
      return compile(predicate.meaning)(packet) === 'undecided'
        ? whyHolds(predicate.meaning, packet, naming)
        : `${subjects(predicate.fields, packet)} in ${predicate.group}`;
    case 'all':
      return listed(
        predicate.of
          .filter((part) => !(part.kind === 'in' && part.field === 'owned'))
          .map((part) => whyHolds(part, packet, naming)),
      );
    case 'some': {
      const part = firstWith(predicate.of, packet, true) ?? firstWith(predicate.of, packet, 'undecided');
      return part ? whyHolds(part, packet, naming) : say(predicate, family);
    }
    case 'not':
      return whyNot(predicate.of, packet, naming);
  }
}

/** Fields with their values, and the verb: `source 10.0.0.9 and port 80 are`. */
function subjects(names: readonly FieldName[], packet: Packet): string {
  const words = names.map((name) => {
    const value = packet[name];
    if (value === undefined) return field(name).spoken;
    return `${field(name).spoken} ${typeof value === 'string' ? value : formatField(name as ValueField, value, packet.family)}`;
  });
  return `${listed(words)} ${words.length === 1 ? 'is' : 'are'}`;
}

const isFragment = ({ fragment }: Packet): string =>
  fragment === 0 ? 'it is not a later fragment' : 'it is a later fragment';

const firstWith = (parts: readonly Predicate[], packet: Packet, answer: boolean | 'undecided'): Predicate | undefined =>
  parts.find((part) => compile(part)(packet) === answer);

/** The field and its value, or why that is not known: `port 8888`. */
function knownOr(name: ValueField, packet: Packet): { readonly text: string; readonly unknown?: string } {
  const value = packet[name];
  const { spoken } = field(name);
  if (value !== undefined) return { text: `${spoken} ${formatField(name, value, packet.family)}` };
  if (packet.fragment === 1 && field(name).transport) {
    return { text: '', unknown: `it is a later fragment: its ${spoken} is in the first` };
  }
  if ((name === 'uid' || name === 'gid') && packet.owned === 0) {
    return { text: '', unknown: 'no process of this host sent it' };
  }
  return { text: '', unknown: field(name).missing ?? `the ${spoken} is not known` };
}

function nameReason(name: 'in' | 'out', packet: Packet, sentence: (actual: string) => string): string {
  const actual = packet[name];
  const { spoken } = field(name);
  if (actual === undefined) return `the ${spoken} is not known`;
  return actual === '' ? `there is no ${spoken} here` : sentence(`${spoken} ${actual}`);
}

const pattern = ({ text, prefix }: { readonly text: string; readonly prefix: boolean }): string =>
  prefix ? `${text}+` : text;

const isNot = (name: ValueField, ranges: readonly Range[], family: Family, naming: Naming): string => {
  const words = ranges.map((range) => called(name, rangeWord(name, range, family), naming));
  return words.length > 6 ? `is none of ${words.length} listed` : `is not ${listed(words, 'or')}`;
};

const isIn = (name: ValueField, ranges: readonly Range[], family: Family, naming: Naming): string => {
  const words = ranges.map((range) => called(name, rangeWord(name, range, family), naming));
  return words.length === 1 ? `in ${words[0]}` : `one of ${listed(words, 'and')}`;
};
