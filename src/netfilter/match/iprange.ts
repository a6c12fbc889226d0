import { type AddressValue, type Family, formatAddress, parseAddress } from '../../address/index.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, isIn, NEVER, type Predicate, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/** Both ends inclusive. The tools take a range whose ends stand the wrong way round; it holds nothing. */
type Addresses = readonly [first: AddressValue, last: AddressValue];

export interface IprangeOptions {
  readonly source?: Negatable<Addresses>;
  readonly destination?: Negatable<Addresses>;
}

const range: Codec<Addresses> = {
  expected: 'an address, or a range of them like 10.0.0.5-10.0.0.9',
  read(word, family) {
    const [from = '', to = from, ...more] = word.split('-');
    const first = ofFamily(from, family);
    const last = ofFamily(to, family);
    return first === undefined || last === undefined || more.length > 0 ? undefined : [first, last];
  },
  print: ([first, last], family) => `${formatAddress(family, first)}-${formatAddress(family, last)}`,
};

function ofFamily(word: string, family: Family): AddressValue | undefined {
  const address = parseAddress(word);
  return address?.family === family ? address.value : undefined;
}

const within = (field: 'source' | 'destination', option: Negatable<Addresses> | undefined): Predicate => {
  if (!option) return ALWAYS;
  const [first, last] = option.value;
  return unless(option.negated, first > last ? NEVER : isIn(field, [first, last]));
};

/** `-m iprange`. Source: iptables-extensions(8), iprange; net/netfilter/xt_iprange.c. */
export const iprange: MatchExtension<IprangeOptions> = {
  name: 'iprange',
  options: {
    source: negatable(['--src-range'], range),
    destination: negatable(['--dst-range'], range),
  },
  listed: listed(
    [/source IP range (! )?(\S+)/, '$1 --src-range $2'],
    [/destination IP range (! )?(\S+)/, '$1 --dst-range $2'],
  ),
  refuse: ({ source, destination }) => (source || destination ? undefined : 'iprange needs --src-range or --dst-range'),
  predicate: ({ source, destination }) => all(within('source', source), within('destination', destination)),
};
