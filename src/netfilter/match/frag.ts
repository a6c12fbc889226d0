import { integer, type NumberRange, numberRange, silentWhenFull } from '../codec.ts';
import { flag, type MatchExtension, negatable, type Option } from '../extension.ts';
import { IPV6_HEADERS } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, is, unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface FragOptions {
  readonly id?: Negatable<NumberRange>;
  /** The kernel does not look at it. */
  readonly length?: Negatable<number>;
  readonly reserved?: true;
  readonly first?: true;
  readonly more?: 'fragmore' | 'fraglast';
}

const HIGHEST = 0xffff_ffff;

const place = (name: 'fragmore' | 'fraglast'): Option<'fragmore' | 'fraglast'> => ({
  ...flag(`--${name}`),
  read: () => name,
  print: (of) => `--${of}`,
});

/** `-m frag`: IPv6's Fragment header. Source: iptables-extensions(8), frag; net/ipv6/netfilter/ip6t_frag.c. */
export const frag: MatchExtension<FragOptions> = {
  name: 'frag',
  places: { families: ['ipv6'] },
  options: {
    id: silentWhenFull(negatable(['--fragid'], numberRange('an id', HIGHEST)), HIGHEST),
    length: negatable(['--fraglen'], integer('a number of bytes', 0, HIGHEST)),
    reserved: flag('--fragres'),
    first: flag('--fragfirst'),
    more: [place('fragmore'), place('fraglast')],
  },
  listed: listedAfter(
    /frag/,
    [/ids?:(!?)(\d+(?::\d+)?)/, '$1 --fragid $2'],
    [/length:(!?)(\d+)/, '$1 --fraglen $2'],
    [/reserved/, '--fragres'],
    [/first/, '--fragfirst'],
    [/more/, '--fragmore'],
    [/last/, '--fraglast'],
  ),
  predicate: ({ id, reserved, first, more }) =>
    all(
      hasAnyBit('headers', IPV6_HEADERS['ipv6-frag']),
      first ? is('fragment', 0) : ALWAYS,
      id || reserved || more ? unknown('what the Fragment header holds is not known') : ALWAYS,
    ),
};
