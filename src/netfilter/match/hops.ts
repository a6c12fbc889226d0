import { integer } from '../codec.ts';
import { negatable, type Option, value } from '../extension.ts';
import type { ListedPart } from '../listed.ts';
import { isIn, NEVER, type Predicate, unless } from '../predicate.ts';

/** What is left of a packet's life, compared with a number: TTL in IPv4, hop limit in IPv6. */
export interface Hops {
  readonly is: 'eq' | 'lt' | 'gt';
  readonly value: number;
  /** Of `eq` only. */
  readonly negated: boolean;
}

const number = integer('a number of hops', 0, 255);

/** `--ttl-eq`, `--ttl-lt` and `--ttl-gt`, of which a rule takes one; for hl likewise. The name alone is `-eq`. */
export function hopOptions(name: 'ttl' | 'hl'): readonly Option<Hops>[] {
  const print = ({ is, value: hops, negated }: Hops): string => `${negated ? '! ' : ''}--${name}-${is} ${hops}`;
  const equal = negatable([`--${name}-eq`, `--${name}`], number);
  const beyond = (is: 'lt' | 'gt'): Option<Hops> => {
    const option = value([`--${name}-${is}`], number);
    return { ...option, print, read: (words, negated, family) => compared(is, option.read(words, negated, family)) };
  };
  return [
    {
      ...equal,
      print,
      read: (words, negated, family) => compared('eq', equal.read(words, negated, family)?.value, negated),
    },
    beyond('lt'),
    beyond('gt'),
  ];
}

const compared = (is: Hops['is'], hops: number | undefined, negated = false): Hops | undefined =>
  hops === undefined ? undefined : { is, value: hops, negated };

export function hopPredicate({ is, value: hops, negated }: Hops): Predicate {
  if (is === 'eq') return unless(negated, isIn('ttl', [hops, hops]));
  if (is === 'lt') return hops === 0 ? NEVER : isIn('ttl', [0, hops - 1]);
  return hops === 255 ? NEVER : isIn('ttl', [hops + 1, 255]);
}

const SIGNS: Readonly<Record<string, string>> = { '==': '-eq', '!=': '-eq', '<': '-lt', '>': '-gt' };

/** `TTL match TTL == 64`. */
export function listedHops(name: 'ttl' | 'hl'): ListedPart {
  const word = name.toUpperCase();
  return [
    new RegExp(`${word} match ${word} (==|!=|<|>) (\\d+)`),
    (sign, hops) => `${sign === '!=' ? '! ' : ''}--${name}${SIGNS[sign]} ${hops}`,
  ];
}
