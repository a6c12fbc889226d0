import { integer, parseNumber } from '../codec.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, hasBits, NEVER, type Predicate, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/** A byte under a mask. */
export interface MaskedTos {
  readonly value: number;
  readonly mask: number;
}

export interface TosOptions {
  readonly tos?: Negatable<MaskedTos>;
}

export const byte: Codec<number> = integer('a byte', 0, 255);

/** The byte's upper six bits and its lower two. */
export const dscpOf = (tos: number): number => tos >>> 2;
export const ecnOf = (tos: number): number => tos & 3;

/** Names of old; each stands for the six bits that are not ECN's today, as the tools count them. */
const NAMES: Readonly<Record<string, number>> = {
  'minimize-delay': 0x10,
  'maximize-throughput': 0x08,
  'maximize-reliability': 0x04,
  'minimize-cost': 0x02,
  'normal-service': 0x00,
};

const two = (number: number): string => `0x${number.toString(16).padStart(2, '0')}`;
export const printTos = ({ value, mask }: MaskedTos): string => `${two(value)}/${two(mask)}`;

/** `0x10`, `0x10/0x3f`, `Minimize-Delay`: shared with the target. Source: tos_values.c in iptables. */
export const tosValue: Codec<MaskedTos> = {
  expected: 'a byte, with a mask after a slash if need be (0x10/0x3f), or a name like Minimize-Delay',
  read(word) {
    const name = word.toLowerCase();
    if (Object.hasOwn(NAMES, name)) return { value: NAMES[name] ?? 0, mask: 0x3f };
    const at = word.indexOf('/');
    const value = parseNumber(at < 0 ? word : word.slice(0, at), 255);
    const mask = at < 0 ? 255 : parseNumber(word.slice(at + 1), 255);
    return value === undefined || mask === undefined ? undefined : { value, mask };
  },
  print: printTos,
};

/** The byte under the mask equals the value. A value with bits outside its mask never does. */
function hasTos({ value, mask }: MaskedTos): Predicate {
  if ((value & ~mask) !== 0) return NEVER;
  const part = (field: 'dscp' | 'ecn', of: (tos: number) => number): Predicate =>
    of(mask) === 0 ? ALWAYS : hasBits(field, of(mask), of(value));
  return all(part('dscp', dscpOf), part('ecn', ecnOf));
}

/** `-m tos`. Source: iptables-extensions(8), tos; net/netfilter/xt_dscp.c, tos_mt. */
export const tos: MatchExtension<TosOptions> = {
  name: 'tos',
  options: { tos: negatable(['--tos'], tosValue) },
  listed: listed([/tos match(!?) ?(\S+)/, '$1 --tos $2']),
  required: ['tos'],
  predicate: ({ tos: of }) => (of ? unless(of.negated, hasTos(of.value)) : ALWAYS),
};
