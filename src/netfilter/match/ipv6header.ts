import { type Codec, flag, type MatchExtension, negatable } from '../extension.ts';
import { IPV6_HEADERS } from '../fields.ts';
import { listed } from '../listed.ts';
import { ALWAYS, hasBits, is, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface Ipv6headerOptions {
  /** Bits of IPV6_HEADERS. */
  readonly headers?: Negatable<number>;
  /** These among others; otherwise these and no other. */
  readonly soft?: true;
}

const NAMES: Readonly<Record<string, number>> = {
  ...IPV6_HEADERS,
  hop: IPV6_HEADERS['hop-by-hop'],
  dst: IPV6_HEADERS['ipv6-opts'],
  route: IPV6_HEADERS['ipv6-route'],
  frag: IPV6_HEADERS['ipv6-frag'],
  auth: IPV6_HEADERS.ah,
  none: IPV6_HEADERS['ipv6-nonxt'],
  prot: IPV6_HEADERS.protocol,
  // By number, as IPv6 names the header that follows.
  '0': IPV6_HEADERS['hop-by-hop'],
  '43': IPV6_HEADERS['ipv6-route'],
  '44': IPV6_HEADERS['ipv6-frag'],
  '50': IPV6_HEADERS.esp,
  '51': IPV6_HEADERS.ah,
  '59': IPV6_HEADERS['ipv6-nonxt'],
  '60': IPV6_HEADERS['ipv6-opts'],
  '255': IPV6_HEADERS.protocol,
};

const headers: Codec<number> = {
  expected: 'headers: hop dst route frag auth esp none prot, separated by commas',
  read(word) {
    let bits = 0;
    for (const name of word.split(',')) {
      // The tools pass over a comma too many.
      if (name === '') continue;
      if (!Object.hasOwn(NAMES, name)) return undefined;
      bits |= NAMES[name] ?? 0;
    }
    return bits || undefined;
  },
  print: (bits) =>
    Object.entries(IPV6_HEADERS)
      .filter(([, bit]) => (bits & bit) !== 0)
      .map(([name]) => name)
      .join(','),
};

/** `-m ipv6header`. Source: iptables-extensions(8), ipv6header; net/ipv6/netfilter/ip6t_ipv6header.c. */
export const ipv6header: MatchExtension<Ipv6headerOptions> = {
  name: 'ipv6header',
  places: { families: ['ipv6'] },
  options: { headers: negatable(['--header'], headers), soft: flag('--soft') },
  listed: listed(
    [
      /ipv6header flags:(!?)(?:0x([\dA-F]{2})|([a-z\d,-]+))/,
      (bang, bits, names) => `${bang} --header ${names || headers.print(Number.parseInt(bits, 16), 'ipv6')}`,
    ],
    [/soft/, '--soft'],
  ),
  required: ['headers'],
  predicate({ headers: of, soft }) {
    if (!of) return ALWAYS;
    // Softly negated: none of them is there.
    if (soft) return hasBits('headers', of.value, of.negated ? 0 : of.value);
    return unless(of.negated, is('headers', of.value));
  },
};
