import { formatAddress, parseIpv6 } from '../../address/index.ts';
import { integer, type NumberRange, numberRange, silentWhenFull } from '../codec.ts';
import { type Codec, flag, type MatchExtension, negatable, value } from '../extension.ts';
import { IPV6_HEADERS } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface RtOptions {
  readonly type?: Negatable<number>;
  readonly segments?: Negatable<NumberRange>;
  readonly length?: Negatable<number>;
  /** The rest is of type 0. */
  readonly reserved?: true;
  readonly addresses?: readonly bigint[];
  readonly notStrict?: true;
}

const HIGHEST = 0xffff_ffff;
/** Source: IP6T_RT_HOPS in ip6t_rt.h. */
const MOST = 16;

const addresses: Codec<readonly bigint[]> = {
  expected: `up to ${MOST} IPv6 addresses separated by commas`,
  read(word) {
    const made: bigint[] = [];
    for (const part of word.split(',')) {
      const address = parseIpv6(part);
      if (address === undefined || made.length === MOST) return undefined;
      made.push(address);
    }
    return made;
  },
  print: (of) => of.map((address) => formatAddress('ipv6', address)).join(','),
};

/** `-m rt`: IPv6's Routing header. Source: iptables-extensions(8), rt; libip6t_rt.c; net/ipv6/netfilter/ip6t_rt.c. */
export const rt: MatchExtension<RtOptions> = {
  name: 'rt',
  places: { families: ['ipv6'] },
  options: {
    type: negatable(['--rt-type'], integer('a type of routing header', 0, HIGHEST)),
    segments: silentWhenFull(negatable(['--rt-segsleft'], numberRange('a number of segments', HIGHEST)), HIGHEST),
    length: negatable(['--rt-len'], integer('a number of bytes', 0, HIGHEST)),
    reserved: flag('--rt-0-res'),
    addresses: value(['--rt-0-addrs'], addresses),
    notStrict: flag('--rt-0-not-strict'),
  },
  listed: listedAfter(
    /rt/,
    // The highest ones turn negative.
    [/type:(!?)(-?\d+)/, (bang, type) => `${bang} --rt-type ${Number(type) >>> 0}`],
    [/segslefts?:(!?)(\d+(?::\d+)?)/, '$1 --rt-segsleft $2'],
    [/length:(!?)(\d+)/, '$1 --rt-len $2'],
    [/reserved/, '--rt-0-res'],
    [/0-addrs ([\da-f:.,]+)/, '--rt-0-addrs $1'],
    [/0-not-strict/, '--rt-0-not-strict'],
  ),
  refuse(options) {
    // The tools look at what has been said so far, and keys stand in the order in which they were said.
    const said = Object.keys(options);
    const after = (later: keyof RtOptions, earlier: keyof RtOptions): boolean =>
      !said.includes(later) || (said.includes(earlier) && said.indexOf(earlier) < said.indexOf(later));
    const { type } = options;
    const isZero = type?.value === 0 && !type.negated;
    if ((options.reserved || options.addresses) && !isZero) return '--rt-0-res and --rt-0-addrs need --rt-type 0';
    if (!after('reserved', 'type') || !after('addresses', 'type')) return '--rt-type 0 has to stand before them';
    return after('notStrict', 'addresses') ? undefined : '--rt-0-not-strict needs --rt-0-addrs before it';
  },
  predicate: ({ type, segments, length, reserved, addresses: of }) =>
    all(
      hasAnyBit('headers', IPV6_HEADERS['ipv6-route']),
      type || segments || length || reserved || of ? unknown('what the Routing header holds is not known') : ALWAYS,
    ),
};
