import { formatPrefix, lengthOf, masked, type Prefix, parseAddress, parsePrefix } from '../../address/index.ts';
import type { Effect } from '../effect.ts';
import { type Codec, type Places, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface NptOptions {
  readonly source?: Prefix;
  readonly destination?: Prefix;
}

const LONGEST = 64;

const network: Codec<Prefix> = {
  expected: `an IPv6 network with a length of ${LONGEST} at most, like 2001:db8::/48`,
  read(word) {
    const prefix = parsePrefix(word);
    const length = prefix?.family === 'ipv6' ? lengthOf('ipv6', prefix.mask) : undefined;
    // Bits beyond the length are refused by the kernel, not cleared.
    const whole = parseAddress(word.split('/')[0] ?? '')?.value;
    return prefix && length !== undefined && length <= LONGEST && whole === masked(prefix.value, prefix.mask)
      ? prefix
      : undefined;
  },
  print: formatPrefix,
};

const translation = (name: 'SNPT' | 'DNPT', places: Places): TargetExtension<NptOptions> => ({
  name,
  places,
  options: { source: value(['--src-pfx'], network), destination: value(['--dst-pfx'], network) },
  listed: listed([new RegExp(`${name} src-pfx (\\S+) dst-pfx (\\S+)`), '--src-pfx $1 --dst-pfx $2']),
  required: ['source', 'destination'],
  effect: (): Effect => ({
    kind: 'unknown',
    because: `${name} translates a prefix without keeping a connection, which Sidestep does not follow`,
  }),
});

/** `-j SNPT` and `-j DNPT`: prefix translation without state (RFC 6296). Source: iptables-extensions(8); net/ipv6/netfilter/ip6t_NPT.c. */
export const snpt = translation('SNPT', { families: ['ipv6'], tables: ['mangle'], hooks: ['INPUT', 'POSTROUTING'] });
export const dnpt = translation('DNPT', { families: ['ipv6'], tables: ['mangle'], hooks: ['PREROUTING', 'OUTPUT'] });
