import type { Family } from '../../address/index.ts';
import { bitNames } from '../codec.ts';
import { flag, type MatchExtension, negatable } from '../extension.ts';
import { ADDRESS_TYPE, type ValueField } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasAnyBit, type Predicate, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface AddrtypeOptions {
  /** Bits of ADDRESS_TYPE. */
  readonly source?: Negatable<number>;
  readonly destination?: Negatable<number>;
  /** The address must be of that kind on the packet's own interface. */
  readonly limitIn?: true;
  readonly limitOut?: true;
}

const types = bitNames('kinds of address', ADDRESS_TYPE, 'cut');
const { UNICAST, LOCAL, ANYCAST, MULTICAST, UNREACHABLE, UNSPEC, BROADCAST } = ADDRESS_TYPE;

/** What ip6tables refuses: IPv6 has no broadcast, and the kernel looks at no other route types. */
const ONLY_IPV4 = ~(UNSPEC | UNICAST | LOCAL | ANYCAST | MULTICAST | UNREACHABLE);

/**
 * IPv4: the address is of one of these kinds. IPv6: an address may be of several kinds at once (a local one is unicast
 * too), and each kind that is asked for must hold; only those that the routing table decides are alternatives.
 */
function ofType(field: ValueField, bits: number, family: Family): Predicate {
  if (family === 'ipv4') return hasAnyBit(field, bits);
  const parts = [MULTICAST, UNICAST, UNSPEC, LOCAL | ANYCAST | UNREACHABLE].map((group) => group & bits);
  return all(...parts.filter((group) => group !== 0).map((group) => hasAnyBit(field, group)));
}

/** `-m addrtype`. Source: iptables-extensions(8), addrtype; net/netfilter/xt_addrtype.c. */
export const addrtype: MatchExtension<AddrtypeOptions> = {
  name: 'addrtype',
  places: ({ limitIn, limitOut }) =>
    limitIn
      ? { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] }
      : limitOut
        ? { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] }
        : undefined,
  options: {
    source: negatable(['--src-type'], types),
    destination: negatable(['--dst-type'], types),
    limitIn: flag('--limit-iface-in'),
    limitOut: flag('--limit-iface-out'),
  },
  listed: listedAfter(
    /ADDRTYPE match/,
    [/src-type (!?)(\S+)/, '$1 --src-type $2'],
    [/dst-type (!?)(\S+)/, '$1 --dst-type $2'],
    [/limit-in/, '--limit-iface-in'],
    [/limit-out/, '--limit-iface-out'],
  ),
  refuse({ source, destination, limitIn, limitOut }, { family }) {
    if (!source && !destination) return 'addrtype needs --src-type or --dst-type';
    if (limitIn && limitOut) return '--limit-iface-in and --limit-iface-out exclude each other';
    const bits = (source?.value ?? 0) | (destination?.value ?? 0);
    if (family === 'ipv6' && (bits & BROADCAST) !== 0) return 'IPv6 has no broadcast addresses';
    return family === 'ipv6' && (bits & ONLY_IPV4) !== 0 ? 'ip6tables does not know this kind of address' : undefined;
  },
  predicate({ source, destination, limitIn, limitOut }, { family }) {
    const on = limitIn ? 'In' : limitOut ? 'Out' : '';
    return all(
      source ? unless(source.negated, ofType(`sourceType${on}`, source.value, family)) : ALWAYS,
      destination ? unless(destination.negated, ofType(`destinationType${on}`, destination.value, family)) : ALWAYS,
    );
  },
};
