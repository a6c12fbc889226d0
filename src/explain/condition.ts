import type { AddressValue, Family, Range } from '../address/index.ts';
import {
  type Condition,
  conditionsOf,
  FIELDS,
  field,
  formatField,
  type Predicate,
  type Rule,
  type ValueField,
} from '../netfilter/index.ts';
import { clock, listed, portWord, prefixWord } from './words.ts';

/** What a value is to the reader, or undefined: uid 1337 is "the proxy". */
export type Naming = (field: ValueField, value: string) => string | undefined;

export const NAMELESS: Naming = () => undefined;

/**
 * What a rule asks for, as people say it: `tcp :8080`, `out lo, not to 127.0.0.1`, `from uid 1337`. Every part is worded
 * from its predicate, so a new match needs nothing here. Empty where the rule takes every packet.
 */
export function conditionWords(rule: Rule, family: Family, naming: Naming = NAMELESS): string {
  const conditions = conditionsOf(rule, family).flatMap((condition) => spread(condition));
  const phraseOf = (condition: Condition): string => phrase(condition, family, rule, naming);
  // A protocol and its ports read as one: "tcp :8080". Interfaces come next, as everybody thinks of them first.
  const protocol = conditions.filter(({ predicate }) => isValue(predicate, 'protocol'));
  const ports = conditions.filter(({ predicate }) => isValue(predicate, 'destinationPort'));
  const names = conditions.filter(({ part }) => part === '-i' || part === '-o');
  const first = [...protocol, ...ports].map(phraseOf).join(' ');
  const others = conditions.filter((condition) => ![...protocol, ...ports, ...names].includes(condition));
  return [first, ...names.map(phraseOf), ...others.map(phraseOf)].filter((part) => part !== '').join(', ');
}

/** A conjunction is as many conditions as it has parts. */
const spread = (condition: Condition): Condition[] =>
  condition.predicate.kind === 'all'
    ? condition.predicate.of.filter(isTold).map((predicate) => ({ part: condition.part, predicate }))
    : [condition];

/** What goes without saying: whoever asks for a uid asks for an owner, whoever asks for a port for a first fragment. */
const isTold = (predicate: Predicate): boolean =>
  !isValue(predicate, 'owned') &&
  !isAnyTime(predicate) &&
  !(predicate.kind === 'in' && predicate.field === 'fragment' && predicate.ranges[0]?.[0] === 0);

/** The tools write an end into every rule of `-m time`. */
const isAnyTime = (predicate: Predicate): boolean =>
  predicate.kind === 'in' &&
  predicate.field === 'time' &&
  predicate.ranges[0]?.[0] === 0 &&
  predicate.ranges[0][1] === LAST;

const isValue = (predicate: Predicate, wanted: ValueField): boolean =>
  predicate.kind === 'in' && predicate.field === wanted;

function phrase({ part, predicate }: Condition, family: Family, rule: Rule, naming: Naming): string {
  // What Sidestep does not know is shown in the rule's own words.
  const opaque = rule.matches.find((use) => use.kind === 'opaque' && use.name === part);
  const unshown = rule.unshown?.find((one) => one.part === part);
  // What no rule of a text shows is told once, not beside each of them.
  if (unshown && predicate.kind === 'unknown' && predicate.because === unshown.because) return unshown.words ?? '';
  // Without a name it is a whole rule that could not be read.
  if (opaque?.kind === 'opaque') return [...(opaque.name ? ['-m', opaque.name] : []), ...opaque.words].join(' ');
  return say(predicate, family, naming);
}

/** A predicate in words. */
export function say(predicate: Predicate, family: Family, naming: Naming = NAMELESS): string {
  switch (predicate.kind) {
    case 'always':
      return '';
    case 'never':
      return 'never';
    case 'in':
      return sayRanges(predicate.field, predicate.ranges, family, naming);
    case 'bits':
      return sayBits(predicate.field, predicate.mask, predicate.value, family, naming);
    case 'any-bit':
      return `${lead(predicate.field)}${listed(formatField(predicate.field, predicate.mask, family).split(','), 'or')}`;
    case 'name':
      return `${predicate.field === 'in' ? 'in' : 'out'} ${predicate.text}${predicate.prefix ? '+' : ''}`;
    case 'member':
      return `${listed(predicate.fields.map((name) => field(name).spoken))} in ${predicate.group}`;
    case 'all':
      return predicate.of
        .filter(isTold)
        .map((part) => say(part, family, naming))
        .join(', ');
    case 'some':
      return `either ${predicate.of.map((part) => say(part, family, naming)).join(' or ')}`;
    case 'not':
      return sayNot(predicate.of, family, naming);
    case 'choice':
    case 'unknown':
      return predicate.because;
  }
}

function sayNot(predicate: Predicate, family: Family, naming: Naming): string {
  switch (predicate.kind) {
    case 'all': {
      // An owner match says "has an owner, and it is 1337"; its negation needs only the second half.
      const parts = predicate.of.filter(isTold);
      return parts.length === 1
        ? sayNot(parts[0]!, family, naming)
        : `not (${parts.map((part) => say(part, family, naming)).join(', ')})`;
    }
    case 'some':
      return predicate.of.map((part) => sayNot(part, family, naming)).join(', ');
    case 'in':
      return predicate.field === 'owned'
        ? 'not sent by a process of this host'
        : `not ${say(predicate, family, naming)}`;
    default:
      return `not ${say(predicate, family, naming)}`;
  }
}

/** What stands before the values of a field. */
function lead(name: ValueField): string {
  switch (name) {
    case 'protocol':
    case 'destinationPort':
      return '';
    case 'source':
      return 'from ';
    case 'sourcePort':
      return 'from port ';
    case 'destination':
      return 'to ';
    case 'uid':
      return 'from uid ';
    case 'gid':
      return 'from gid ';
    default:
      return `${field(name).spoken} `;
  }
}

function sayRanges(name: ValueField, ranges: readonly Range[], family: Family, naming: Naming): string {
  if (name === 'owned') return 'sent by a process of this host';
  if (name === 'fragment') return `${ranges[0]?.[0] === 0 ? 'no ' : ''}fragments after the first`;
  if (name === 'time') return ranges.map(timeWord).join(' or ');
  if (name === 'destinationPort') {
    return ranges.map(([low, high]) => portWord([Number(low), Number(high)])).join(' ');
  }
  return `${lead(name)}${listed(
    ranges.map((range) => called(name, rangeWord(name, range, family), naming)),
    'or',
  )}`;
}

/** A value with what it is to the reader: `1337 (the proxy)`. */
export function called(field: ValueField, word: string, naming: Naming): string {
  const title = naming(field, word);
  return title ? `${word} (${title})` : word;
}

/** The clock's ends are left out: a rule that holds until some time says only until when. */
function timeWord([low, high]: Range): string {
  const spoken = (value: AddressValue): string => clock(Number(value), 0);
  if (Number(low) <= 0) return `until ${spoken(high)}`;
  return Number(high) >= LAST ? `from ${spoken(low)} on` : `from ${spoken(low)} until ${spoken(high)}`;
}

/** What `-m time` writes for "for ever": the end of 32 bits of seconds. */
const LAST = 2 ** 31 - 1;

/** One range of a field's values: `1337`, `1000–1999`, `10.0.0.0/8`. */
export function rangeWord(name: ValueField, [low, high]: Range, family: Family): string {
  const from = formatField(name, low, family);
  return low === high ? from : `${from}–${formatField(name, high, family)}`;
}

function sayBits(name: ValueField, mask: AddressValue, value: AddressValue, family: Family, naming: Naming): string {
  return `${lead(name)}${called(name, bitsWord(name, mask, value, family), naming)}`;
}

/** A value under a mask: `10.0.0.0/8`, `0x539`, `0x111/0xfff`, `SYN of FIN,SYN,RST,ACK`. */
export function bitsWord(name: ValueField, mask: AddressValue, value: AddressValue, family: Family): string {
  if (FIELDS[name].kind === 'address') return prefixWord({ family, value, mask });
  const word = formatField(name, value, family);
  const whole = Number(mask) === 2 ** Number(FIELDS[name].width) - 1;
  if (whole) return word;
  const masked = formatField(name, mask, family);
  return name === 'tcpFlags' ? `${word} of ${masked}` : `${word}/${masked}`;
}
