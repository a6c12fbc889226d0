import { type AddressValue, type Family, formatAddress, formatPrefix, type Range } from '../address/index.ts';
import type { Box, BoxBits, BoxSide, Direction } from '../analysis/index.ts';
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
import { familyWord, listed, prefixWord } from './words.ts';

/** More pieces than this are not said one by one. */
const MOST_PIECES = 8;

/**
 * Packets of a box in words, the direction aside: "tcp to 1–8887, 8889–65535 from 10.0.0.0/8 on eth0". What is not said may be
 * anything.
 *
 * @param subject what packets are called whose protocol the box does not say
 */
export function boxWords(box: Box, family: Family, direction: Direction, subject = 'any protocol'): string {
  const said = (field: FieldName, shortly: string): string[] => {
    const side = box.get(field);
    if (!side) return [];
    const words = sideWords(side, field, family);
    const lead = side.without === 'held' ? (OF_ONE[shortly] ?? shortly) : shortly;
    return [words.startsWith(BUT) ? `${anyOf(lead)}but ${words.slice(BUT.length)}` : `${lead}${words}`];
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
  const implies = (field: FieldName): boolean => box.has(field) && box.get(field)!.without !== 'held';
  if (implies('tcpFlags')) return protocolName(TCP);
  if (implies('icmpType') || implies('icmpCode')) return protocolName(family === 'ipv4' ? ICMP : ICMPV6);
  return undefined;
}

/** What only one protocol has, where the box is of others, too. */
const OF_ONE: Readonly<Record<string, string>> = {
  'type ': 'icmp type ',
  'code ': 'icmp code ',
  'with flags ': 'with tcp flags ',
};

const BUT = 'any but ';

/** What is said before "but …". */
const ANY: Readonly<Record<string, string>> = {
  '': 'any protocol ',
  'type ': 'any type ',
  'code ': 'any code ',
  'icmp type ': 'any icmp type ',
  'icmp code ': 'any icmp code ',
  'to port ': 'to any port ',
  'to ': 'to anywhere ',
  'from ': 'from anywhere ',
  'from port ': 'from any port ',
  'by uid ': 'by any uid ',
  'by gid ': 'by any gid ',
};

/** "with mark 7", "with any mark but 7". */
const anyOf = (lead: string): string => ANY[lead] ?? lead.replace(/^with /, 'with any ');

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
  const [without, by] = arrives ? ['for this host', 'sent on by'] : ['by its route', 'leaving by'];
  // A program's packets that leave by the card that is taken for granted go by their route.
  const spoken = !arrives && side.others ? otherWords(but) : nameWords({ ...side, names, but });
  return [
    [
      ...(side.names.includes('') ? [without] : []),
      ...(side.others || names.length > 0 ? [`${by} ${spoken}`] : []),
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

/**
 * Whether what packets have is said, not what they have not: the shorter. "Any port but 80" is true of packets that have none, too,
 * "port 80" is not.
 */
function saysHeld(side: BoxSide, held: number, left: number): boolean {
  if (left === 0 || side.without === 'kept out') return true;
  return side.without === undefined && held <= left;
}

function bitWords(side: Extract<BoxSide, { readonly kind: 'bits' }>, field: ValueField, family: Family): string {
  const { any, but } = side;
  const few = saysHeld(side, any.length, but.length);
  const shown = few ? any : but;
  const words = shown.slice(0, MOST_PIECES).map((bits) => someBitsWords(bits, field, family));
  const said = listed(shown.length > MOST_PIECES ? [...words, 'others'] : words, 'or');
  return few ? said : `${BUT}${said}`;
}

function someBitsWords({ mask, value }: BoxBits, field: ValueField, family: Family): string {
  const set = formatField(field, value, family);
  if (describe(field).kind === 'address') return prefixWord({ family, value, mask });
  if (Number(mask) === 2 ** fieldWidth(field, family) - 1) return set;
  return field === 'mark' ? `${set}/0x${mask.toString(16)}` : `${set} of ${formatField(field, mask, family)}`;
}

function rangeWords(side: Extract<BoxSide, { readonly kind: 'ranges' }>, field: ValueField, family: Family): string {
  const { ranges, but } = side;
  const few = saysHeld(side, ranges.length, but.length);
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
