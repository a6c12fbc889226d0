import { type AddressValue, type Family, formatAddress, formatPrefix, type Range } from '../address/index.ts';
import type { Box, BoxSide, Direction } from '../analysis/index.ts';
import { prefixesOf } from '../interception/index.ts';
import {
  CTSTATE,
  field as describe,
  type FieldName,
  fieldWidth,
  formatField,
  ICMP,
  ICMPV6,
  protocolName,
  TCP,
  type ValueField,
} from '../netfilter/index.ts';
import { familyWord, listed } from './words.ts';

/** More pieces than this are not said one by one. */
const MOST_PIECES = 8;

/**
 * Packets of a box in words, the direction aside: "tcp to 1–8887, 8889–65535 from 10.0.0.0/8 on eth0". What is not said may be
 * anything.
 *
 * @param subject what packets are called whose protocol the box does not say
 */
export function boxWords(box: Box, family: Family, direction: Direction, subject = 'any protocol'): string {
  const said = (field: FieldName, lead: string): string[] => {
    const side = box.get(field);
    if (!side) return [];
    const words = sideWords(side, field, family);
    return [words.startsWith(BUT) ? `${ANY[lead] ?? lead}but ${words.slice(BUT.length)}` : `${lead}${words}`];
  };
  const words = [
    ...(box.has('protocol') ? said('protocol', '') : [impliedBy(box, family) ?? subject]),
    ...said('icmpType', 'type '),
    ...said('icmpCode', 'code '),
    ...said('destinationPort', 'to port '),
    ...said('destination', 'to '),
    ...said('source', 'from '),
    ...said('sourcePort', 'from port '),
    ...said('in', 'on '),
    ...outWords(box.get('out'), direction),
    ...ownedWords(box.get('owned')),
    ...said('uid', 'by uid '),
    ...said('gid', 'by gid '),
    ...(opens(box.get('ctstate')) ? [] : said('ctstate', '')),
    ...said('mark', 'with mark '),
    ...said('tcpFlags', 'with flags '),
    ...REST.flatMap((field) => said(field, `with ${describe(field).spoken} `)),
  ];
  return words.join(', ').replace(/^([^,]*), (to|type|from|on) /, '$1 $2 ');
}

/** The protocol that a packet has which has such a field: where the field is said, that of the box goes without saying. */
function impliedBy(box: Box, family: Family): string | undefined {
  if (box.has('tcpFlags')) return protocolName(TCP);
  if (box.has('icmpType') || box.has('icmpCode')) return protocolName(family === 'ipv4' ? ICMP : ICMPV6);
  return undefined;
}

const BUT = 'any but ';

/** What is said before "but …". */
const ANY: Readonly<Record<string, string>> = {
  '': 'any protocol ',
  'type ': 'any type ',
  'code ': 'any code ',
  'to port ': 'to any port ',
  'to ': 'to anywhere ',
  'from ': 'from anywhere ',
  'from port ': 'from any port ',
  'by uid ': 'by any uid ',
  'by gid ': 'by any gid ',
  'with mark ': 'with any mark ',
  'with flags ': 'with any flags ',
};

const REST: readonly FieldName[] = [
  ...(['sourceMac', 'ttl', 'length', 'dscp', 'ecn', 'spi', 'headers', 'packetType', 'ipsec', 'fragment'] as const),
];

/** "inbound IPv4", "outbound IPv6": the packets that are looked at. */
export const directionWords = (direction: Direction, family: Family): string =>
  `${direction === 'in' ? 'inbound' : 'outbound'} ${familyWord(family)}`;

function sideWords(side: BoxSide, field: FieldName, family: Family): string {
  switch (side.kind) {
    case 'names':
      return nameWords(side);
    case 'bits':
      return bitWords(side, field as ValueField, family);
    case 'ranges':
      return field === 'ctstate' ? stateWords(side.ranges) : rangeWords(side, field as ValueField, family);
  }
}

/** Where a packet from elsewhere goes by an interface, it is not for this host. */
function outWords(side: BoxSide | undefined, direction: Direction): readonly string[] {
  if (side?.kind !== 'names') return [];
  const names = side.names.filter((name) => name !== '');
  const but = side.but.filter((name) => name !== '');
  const arrives = direction === 'in';
  // Where no rule asks for it, the card that is taken for granted is as good as any.
  const others = side.others || (arrives && but.length === 0 && names.length > 0);
  const [without, by] = arrives ? ['for this host', 'sent on by'] : ['by its route', 'leaving by'];
  // A program's packets that leave by the card that is taken for granted go by their route.
  const unnamed = arrives ? nameWords({ kind: 'names', names, but, others }) : otherWords(but);
  return [
    [
      ...(side.names.includes('') ? [without] : []),
      ...(others ? [`${by} ${unnamed}`] : names.length > 0 ? [`${by} ${listed(names, 'or')}`] : []),
    ].join(' or '),
  ];
}

const otherWords = (but: readonly string[]): string =>
  but.length === 0 ? 'another interface' : `another interface than ${listed(but, 'or')}`;

/** What a program sends goes without saying. */
const ownedWords = (side: BoxSide | undefined): readonly string[] =>
  side?.kind === 'ranges' && side.ranges.every(([owned]) => Number(owned) === 0) ? ['from no program'] : [];

/** Connections as they are opened: that goes without saying. */
function opens(side: BoxSide | undefined): boolean {
  if (side?.kind !== 'ranges') return false;
  const states = side.ranges.map(([state]) => Number(state));
  return states.includes(CTSTATE.NEW) && !states.includes(CTSTATE.ESTABLISHED) && !states.includes(CTSTATE.INVALID);
}

function nameWords({ names, but, others }: Extract<BoxSide, { readonly kind: 'names' }>): string {
  if (others) return but.length === 0 ? 'any interface' : `any interface but ${listed(but, 'or')}`;
  return listed(names, 'or');
}

const STATE_WORDS: Readonly<Record<number, string>> = {
  [CTSTATE.NEW]: 'new',
  [CTSTATE.ESTABLISHED]: 'of open connections',
  [CTSTATE.RELATED]: 'related',
  [CTSTATE.INVALID]: 'invalid',
  [CTSTATE.UNTRACKED]: 'untracked',
};

const stateWords = (ranges: readonly Range[]): string =>
  listed(
    ranges.map(([state]) => STATE_WORDS[Number(state)] ?? String(state)),
    'or',
  );

function bitWords(
  { any, but }: Extract<BoxSide, { readonly kind: 'bits' }>,
  field: ValueField,
  family: Family,
): string {
  const whole = 2 ** fieldWidth(field, family) - 1;
  const few = any.length <= but.length || but.length === 0;
  const shown = few ? any : but;
  const words = shown.slice(0, MOST_PIECES).map(({ mask, value }) => {
    const set = formatField(field, value, family);
    if (mask === whole) return set;
    return field === 'mark' ? `${set}/0x${mask.toString(16)}` : `${set} of ${formatField(field, mask, family)}`;
  });
  const said = listed(shown.length > MOST_PIECES ? [...words, 'others'] : words, 'or');
  return few ? said : `${BUT}${said}`;
}

function rangeWords(
  { ranges, but }: Extract<BoxSide, { readonly kind: 'ranges' }>,
  field: ValueField,
  family: Family,
): string {
  const few = ranges.length <= but.length || but.length === 0;
  const pieces = (few ? ranges : but).flatMap((range) => pieceWords(range, field, family));
  const shown =
    pieces.length > MOST_PIECES ? [...pieces.slice(0, MOST_PIECES), `${pieces.length - MOST_PIECES} more`] : pieces;
  return few ? shown.join(', ') : `${BUT}${shown.join(', ')}`;
}

function pieceWords([low, high]: Range, field: ValueField, family: Family): readonly string[] {
  if (describe(field).kind === 'address') return [addressWords([low, high], family)];
  if (field === 'protocol' && Number(high) - Number(low) < MOST_PIECES)
    return Array.from({ length: Number(high) - Number(low) + 1 }, (_, n) => protocolName(Number(low) + n));
  const spoken = (value: AddressValue): string => formatField(field, value, family);
  return [low === high ? spoken(low) : `${spoken(low)}–${spoken(high)}`];
}

/** A range as a prefix where it is one. */
function addressWords([low, high]: Range, family: Family): string {
  const text = formatAddress(family, low);
  if (low === high) return text;
  const [prefix, ...more] = prefixesOf([[low, high]], family);
  return prefix && more.length === 0 ? formatPrefix(prefix) : `${text}–${formatAddress(family, high)}`;
}
