import { integer, parseUint32 } from '../codec.ts';
import { type Codec, type MatchExtension, negatable, value } from '../extension.ts';
import { IPV6_HEADERS } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/** An option that a header has to carry, and how many bytes of data it has to have; without a length any number will do. */
interface HeaderOption {
  readonly type: number;
  readonly length?: number;
}

export interface OptionsHeaderOptions {
  /** Bytes of the whole header. */
  readonly length?: Negatable<number>;
  readonly options?: readonly HeaderOption[];
}

/** Source: IP6T_OPTS_OPTSNR in ip6t_opts.h. */
const MOST = 16;

/** One byte each; a length of 255 is none. Higher numbers lose what is above their lowest byte, as the tools lose it. */
const list: Codec<readonly HeaderOption[]> = {
  expected: `up to ${MOST} types of options, each with a length after a colon if need be, separated by commas: 5:2,1`,
  read(word) {
    const made: HeaderOption[] = [];
    for (const part of word.split(',')) {
      const [type = '', length, ...more] = part.split(':');
      const number = parseUint32(type);
      const size = length === undefined ? 255 : parseUint32(length);
      if (number === undefined || size === undefined || more.length > 0 || made.length === MOST) return undefined;
      made.push((size & 0xff) === 255 ? { type: number & 0xff } : { type: number & 0xff, length: size & 0xff });
    }
    return made;
  },
  print: (of) => of.map(({ type, length }) => (length === undefined ? type : `${type}:${length}`)).join(','),
};

/** The matches dst and hbh: two headers of IPv6 that carry options. Source: net/ipv6/netfilter/ip6t_hbh.c. */
export const optionsHeader = (
  name: 'dst' | 'hbh',
  header: keyof typeof IPV6_HEADERS,
): MatchExtension<OptionsHeaderOptions> => ({
  name,
  places: { families: ['ipv6'] },
  options: {
    length: negatable([`--${name}-len`], integer('a number of bytes', 0, 0xffff_ffff)),
    options: value([`--${name}-opts`], list),
  },
  listed: listedAfter(
    new RegExp(name),
    [/length:(!?)(\d+)/, `$1 --${name}-len $2`],
    [/opts +([\d:,]+)/, `--${name}-opts $1`],
  ),
  predicate: ({ length, options }) =>
    all(
      hasAnyBit('headers', IPV6_HEADERS[header]),
      length || options ? unknown('what the header holds is not known') : ALWAYS,
    ),
});
