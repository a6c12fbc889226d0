import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { macAddress } from '../mac-address.ts';
import { all, is, NEVER, not, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface MacOptions {
  readonly source?: Negatable<number>;
}

/** `-m mac`. Source: iptables-extensions(8), mac; net/netfilter/xt_mac.c. */
export const mac: MatchExtension<MacOptions> = {
  name: 'mac',
  places: { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  options: { source: negatable(['--mac-source'], macAddress) },
  listed: listed([/MAC (! ?)?(\S+)/, '$1 --mac-source $2']),
  required: ['source'],
  // A packet without a MAC address never matches, negated or not: who asks for another one need not say so.
  predicate: ({ source }) => {
    if (!source) return NEVER;
    const asked = unless(source.negated, is('sourceMac', source.value));
    return source.negated || source.value === 0 ? all(not(is('sourceMac', 0)), asked) : asked;
  },
};
