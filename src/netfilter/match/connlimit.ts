import { type Family, lengthOf, parseIpv4, parseIpv6, widthOf } from '../../address/index.ts';
import { integer, parseNumber } from '../codec.ts';
import { type Codec, flag, type MatchExtension, type Option, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { choice } from '../predicate.ts';

export interface ConnlimitOptions {
  readonly limit?: { readonly above: boolean; readonly connections: number };
  /** Hosts are counted together whose addresses begin with as many equal bits. */
  readonly length?: number;
  readonly side?: 'saddr' | 'daddr';
}

const count = integer('a number of connections', 0, 0xffff_ffff);

/** Turned round by a `!`, either is the other. */
const limit = (name: 'above' | 'upto'): Option<{ above: boolean; connections: number }> => ({
  ...value([`--connlimit-${name}`], count),
  negatable: true,
  read([word = ''], negated, family) {
    const connections = count.read(word, family);
    return connections === undefined ? undefined : { above: (name === 'above') !== negated, connections };
  },
  print: ({ above, connections }) => `--connlimit-${above ? 'above' : 'upto'} ${connections}`,
});

const length: Codec<number> = {
  expected: 'the length of a prefix, or a mask like 255.255.255.0',
  read(word, family: Family) {
    const width = widthOf(family);
    const number = parseNumber(word, 0xffff_ffff);
    // In IPv4 a number that is too high is an address to the tools, whose mask they take to be whole.
    if (number !== undefined) return number <= width ? number : family === 'ipv4' ? width : undefined;
    const mask = family === 'ipv4' ? parseIpv4(word) : parseIpv6(word);
    return mask === undefined ? undefined : (lengthOf(family, mask) ?? width);
  },
  print: String,
};

const side = (name: 'saddr' | 'daddr'): Option<'saddr' | 'daddr'> => ({
  ...flag(`--connlimit-${name}`),
  read: () => name,
  print: (of) => `--connlimit-${of}`,
});

/** `-m connlimit`. Source: iptables-extensions(8), connlimit; libxt_connlimit.c; net/netfilter/xt_connlimit.c. */
export const connlimit: MatchExtension<ConnlimitOptions> = {
  name: 'connlimit',
  options: {
    limit: [limit('above'), limit('upto')],
    length: value(['--connlimit-mask'], length),
    side: [side('saddr'), side('daddr')],
  },
  listed: listed([
    /#conn (src|dst)\/(\d+) (>|<=) (\d+)/,
    (side, mask, than, most) =>
      `--connlimit-${than === '>' ? 'above' : 'upto'} ${most} --connlimit-mask ${mask} --connlimit-${side === 'src' ? 'saddr' : 'daddr'}`,
  ]),
  required: ['limit'],
  complete: ({ limit: of, length: bits, side: on = 'saddr' }, family) => ({
    ...(of ? { limit: of } : {}),
    length: bits ?? widthOf(family),
    side: on,
  }),
  predicate: ({ limit: of, length: bits, side: on }) =>
    choice(
      `connlimit ${of?.above} ${of?.connections} ${bits} ${on}`,
      `it depends on how many connections there are (${of?.above ? 'more than' : 'up to'} ${of?.connections})`,
    ),
};
