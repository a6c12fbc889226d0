import {
  contains,
  formatAddress,
  lengthOf,
  type Prefix,
  parsePortRange,
  parsePrefix,
  widthOf,
} from '../address/index.ts';
import type { Interception } from './interception.ts';
import { note, type Said } from './said.ts';
import { familyOfWord } from './side.ts';

/** Whether anything outbound is caught. */
export const isOutbound = ({ outbound: { include, includePorts } }: Interception): boolean =>
  include.length > 0 || includePorts.length > 0;

/** What has no effect of what was asked for outbound. */
export function outbound(i: Interception): readonly Said[] {
  const { include, includePorts, excludePorts } = i.outbound;
  const both = includePorts.filter((port) => excludePorts.some((other) => port === other || holdsPorts(other, port)));
  return [
    excludedForNothing(i),
    note(
      include === '*' && includePorts.length > 0,
      'outbound.includePorts',
      'all destinations are included already: the included outbound ports change nothing',
      `out tcp/${firstPort(includePorts[0] ?? '')}`,
    ),
    note(
      both.length > 0,
      'outbound.includePorts',
      `outbound port ${both.join(', ')} is both included and excluded: it is excluded`,
      `out tcp/${firstPort(both[0] ?? '')}`,
    ),
    ...networks(i),
    note(
      // Outbound ports alone do not count: they are looked at in OUTPUT only.
      include.length === 0 && i.interfaces.virtual.length > 0,
      'interfaces.virtual',
      'no destination is included, so what comes from a virtual interface is not caught at all',
      cameBy(i.interfaces.virtual),
    ),
    note(
      i.interfaces.virtual.some((name) => i.interfaces.exclude.includes(name)),
      'interfaces.virtual',
      'an interface is both virtual and excluded: what comes from it is treated as outbound',
      cameBy(i.interfaces.virtual.filter((name) => i.interfaces.exclude.includes(name))),
    ),
  ];
}

/** A packet by the first of some interfaces. */
export const cameBy = ([name]: readonly string[]): string | undefined =>
  name === undefined ? undefined : `in tcp/${ANY_PORT} on ${name}`;

/** A port that nothing is said of. */
export const ANY_PORT = 8080;

export const excludedForNothing = (i: Interception): Said =>
  note(
    !isOutbound(i) && i.outbound.exclude.length + i.outbound.excludePorts.length > 0,
    'outbound.exclude',
    'nothing outbound is included, so what is excluded outbound has no effect',
    packetTo(i.outbound.exclude[0]) ?? `out tcp/${firstPort(i.outbound.excludePorts[0] ?? '')}`,
  );

/** Networks that others void: what is excluded is looked at first, and this host itself before that. */
export function networks({ outbound: { include, exclude, includePorts }, loopback }: Interception): readonly Said[] {
  if (include === '*') return [];
  const first = [loopback, '::1/128', ...exclude];
  const excluded = include.filter((word) => first.some((other) => isInside(word, other)));
  const elsewhere = exclude.filter((word) => !include.some((other) => isInside(word, other) || isInside(other, word)));
  return [
    note(
      excluded.length > 0,
      'outbound.include',
      `${excluded.join(', ')} is included but not caught: it lies in what is excluded, or is this host itself`,
      packetTo(excluded[0]),
    ),
    note(
      include.length > 0 && includePorts.length === 0 && elsewhere.length > 0,
      'outbound.exclude',
      `excluding ${elsewhere.join(', ')} has no effect: no included network reaches there`,
      packetTo(elsewhere[0]),
    ),
  ];
}

function isInside(word: string, other: string): boolean {
  const [inner, outer]: readonly (Prefix | undefined)[] = [parsePrefix(word), parsePrefix(other)];
  if (!inner || !outer || familyOfWord(word) !== familyOfWord(other)) return false;
  return inner.mask >= outer.mask && contains(outer, inner.value);
}

/** Whether a port, or a range of them, holds a port. */
export const holdsPort = (word: string, port: number): boolean => holdsPorts(word, String(port));

/** The first port of a range. */
export const firstPort = (word: string): number => parsePortRange(word)?.[0] ?? 0;

/** A packet to a network: to its first address that is a host's. */
function packetTo(word: string | undefined): string | undefined {
  const prefix = word === undefined ? undefined : parsePrefix(word);
  if (word === undefined || !prefix) return undefined;
  const { family, value, mask } = prefix;
  const whole = lengthOf(family, mask) === widthOf(family);
  const host = whole ? value : typeof value === 'bigint' ? value + 1n : value + 1;
  const address = formatAddress(family, host);
  return `out tcp > ${family === 'ipv6' ? `[${address}]` : address}:80`;
}

export function holdsPorts(word: string, other: string): boolean {
  const [outer, inner] = [parsePortRange(word), parsePortRange(other)];
  return outer !== undefined && inner !== undefined && outer[0] <= inner[0] && inner[1] <= outer[1];
}
