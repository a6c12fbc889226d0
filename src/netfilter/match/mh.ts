import { type NumberRange, parseNumber, silentWhenFull } from '../codec.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, is, unknown, unless } from '../predicate.ts';
import { MOBILITY } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface MhOptions {
  readonly type?: Negatable<NumberRange>;
}

/** Names as `ip6tables -p mh -h` lists them, each with its short one, from 0 on. */
const NAMES = [
  ['binding-refresh-request', 'brr'],
  ['home-test-init', 'hoti'],
  ['careof-test-init', 'coti'],
  ['home-test', 'hot'],
  ['careof-test', 'cot'],
  ['binding-update', 'bu'],
  ['binding-acknowledgement', 'ba'],
  ['binding-error', 'be'],
] as const;

/** A whole name, or the first one that begins so. */
function typeOf(word: string): number | undefined {
  const number = parseNumber(word, 255);
  if (number !== undefined || word === '') return number;
  const name = word.toLowerCase();
  const whole = NAMES.findIndex((names) => names.some((known) => known === name));
  const begun = whole >= 0 ? whole : NAMES.findIndex((names) => names.some((known) => known.startsWith(name)));
  return begun < 0 ? undefined : begun;
}

const types: Codec<NumberRange> = {
  expected: 'a type from 0 to 255 or its name, or a range of them like 5:7',
  read(word) {
    const [from = '', to = from, ...more] = word.split(':');
    const open = word.includes(':');
    const low = open && from === '' ? 0 : typeOf(from);
    const high = open && to === '' ? 255 : typeOf(to);
    return low === undefined || high === undefined || low > high || more.length > 0 ? undefined : [low, high];
  },
  print: ([low, high]) => (low === high ? String(low) : `${low}:${high}`),
};

/** `!5:7`, `hoti:cot`: types as a listing has them. */
const LISTED = (() => {
  const type = ['\\d+', ...NAMES.map(([name]) => name)].join('|');
  return new RegExp(`(!?)((?:${type})(?::(?:${type}))?)`);
})();

/** `-m mh`: IPv6's Mobility header. Source: iptables-extensions(8), mh; libip6t_mh.c; net/ipv6/netfilter/ip6t_mh.c. */
export const mh: MatchExtension<MhOptions> = {
  name: 'mh',
  places: { families: ['ipv6'] },
  protocols: [MOBILITY],
  listed: listedAfter(/mh/, [LISTED, '$1 --mh-type $2']),
  options: { type: silentWhenFull(negatable(['--mh-type'], types), 255) },
  predicate({ type }) {
    const full = !type || (type.value[0] === 0 && type.value[1] === 255);
    // Never true of a later fragment, negated or not.
    return all(
      unless(type?.negated ?? false, full ? ALWAYS : unknown('the type of the Mobility header is not known')),
      is('fragment', 0),
    );
  },
};
