import { type AddressValue, type Family, formatAddress, highest, parseAddress } from '../../address/index.ts';
import { asWord, integer, parseUint32 } from '../codec.ts';
import { type Codec, flag, type MatchExtension, negatableFlag, type Option, value } from '../extension.ts';
import { listedText } from '../listed.ts';
import { ALWAYS, choice, NEVER, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

const ACTIONS = ['set', 'rcheck', 'update', 'remove'] as const;
type Action = (typeof ACTIONS)[number];

export interface RecentOptions {
  readonly action?: Negatable<Action>;
  readonly seconds?: number;
  /** Purges entries older than `seconds`. */
  readonly reap?: true;
  readonly hitcount?: number;
  /** The TTL must be that of the packet that was remembered. */
  readonly rttl?: true;
  readonly name?: string;
  readonly mask?: AddressValue;
  readonly side?: 'rsource' | 'rdest';
}

/** Source: XT_RECENT_MAX_NSTAMPS in net/netfilter/xt_recent.c. */
const MOST_HITS = 65_535;

const action = (name: Action): Option<Negatable<Action>> => ({
  ...negatableFlag(`--${name}`),
  read: (_words, negated) => ({ value: name, negated }),
  print: (of) => `${of.negated ? '! ' : ''}--${of.value}`,
});

/** Source: XT_RECENT_NAME_LEN in xt_recent.h, less the closing NUL. */
const LONGEST = 199;

/** The name of a file in /proc/net/xt_recent. */
const list: Codec<string> = {
  expected: 'the name of a list: no slash in it, and 199 characters at most',
  read: (word) =>
    word === '' || word === '.' || word === '..' || /\//.test(word) || word.length > LONGEST ? undefined : word,
  print: asWord,
};

/** An address; a number is one too, so that `24` is 0.0.0.24 and not a length. */
const mask: Codec<AddressValue> = {
  expected: 'a mask like 255.255.255.0',
  read(word, family) {
    const address = parseAddress(word);
    if (address) return address.family === family ? address.value : undefined;
    return family === 'ipv4' ? parseUint32(word) : undefined;
  },
  print: (of, family) => formatAddress(family, of),
};

/** Of `--rsource` and `--rdest` the later one counts. */
const side = (name: 'rsource' | 'rdest'): Option<'rsource' | 'rdest'> => ({
  ...flag(`--${name}`),
  repeats: true,
  read: (_words, _negated, _family, before) => (before === name ? undefined : name),
  print: (of) => `--${of}`,
});

/** `-m recent`. Source: iptables-extensions(8), recent; libxt_recent.c; net/netfilter/xt_recent.c. */
export const recent: MatchExtension<RecentOptions> = {
  name: 'recent',
  options: {
    action: [action('set'), action('rcheck'), action('update'), action('remove')],
    // As the tools print it: a signed number, where the highest ones turn negative.
    seconds: {
      ...value(['--seconds'], integer('a number of seconds', 1, 0xffff_ffff)),
      print: (of) => `--seconds ${of | 0}`,
    },
    reap: flag('--reap'),
    hitcount: value(['--hitcount'], integer('a number of packets', 0, MOST_HITS)),
    rttl: flag('--rttl'),
    name: value(['--name'], list),
    mask: value(['--mask'], mask),
    side: [side('rsource'), side('rdest')],
  },
  listed: listedText(
    /(! )?recent: (SET|CHECK|UPDATE|REMOVE)(?: seconds: (\d+))?(?: (reap))?(?: hit_count: (\d+))?(?: (TTL-Match))? name: /,
    / side: (source|dest) mask: (\S+)/,
    LONGEST,
    (name, bang, what = '', seconds, reap, hits, sameTtl, of, under) =>
      [
        `${bang} --${what === 'CHECK' ? 'rcheck' : what.toLowerCase()}`,
        seconds && `--seconds ${seconds}`,
        reap && '--reap',
        hits && `--hitcount ${hits}`,
        sameTtl && '--rttl',
        `--name ${asWord(name)} ${of === 'source' ? '--rsource' : '--rdest'} --mask ${under}`,
      ].join(' '),
  ),
  required: ['action'],
  refuse({ action: what, seconds, hitcount, reap, rttl }) {
    if (reap && seconds === undefined) return '--reap needs --seconds';
    if (what?.value !== 'set' && what?.value !== 'remove') return undefined;
    return seconds !== undefined || hitcount || rttl
      ? `--${what.value} takes neither --seconds nor --hitcount nor --rttl: they are for --rcheck and --update`
      : undefined;
  },
  complete({ hitcount, ...rest }, family: Family) {
    const { name = 'DEFAULT', mask: under = highest(family), side: of = 'rsource' } = rest;
    return { ...rest, ...(hitcount ? { hitcount } : {}), name, mask: under, side: of };
  },
  predicate({ action: what, name = 'DEFAULT', hitcount, seconds, side: of }) {
    if (!what) return NEVER;
    const whose = of === 'rdest' ? 'destination' : 'source';
    const listed = choice(
      `recent ${name} ${whose} ${hitcount ?? 1} ${seconds ?? ''}`,
      `whether the packet’s ${whose} is in the list ${JSON.stringify(name)} depends on the packets before`,
    );
    return unless(what.negated, what.value === 'set' ? ALWAYS : listed);
  },
};
