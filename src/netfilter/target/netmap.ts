import { formatPrefix, hostPrefix, lengthOf, type Prefix, parseAddress, parsePrefix } from '../../address/index.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface NetmapOptions {
  readonly to?: Prefix;
}

/** Of a mask with holes the tools make /32 or /128. */
const network: Codec<Prefix> = {
  expected: 'an address of the rule set’s family, with a length or a mask: 10.1.0.0/16',
  read(word, family) {
    const prefix = parsePrefix(word);
    if (prefix?.family !== family) return undefined;
    if (lengthOf(family, prefix.mask) !== undefined) return prefix;
    const address = parseAddress(word.slice(0, word.indexOf('/')));
    return address && hostPrefix(family, address.value);
  },
  print: formatPrefix,
};

/** `-j NETMAP`: one network for another, host for host. Source: iptables-extensions(8), NETMAP; net/netfilter/xt_NETMAP.c. */
export const netmap: TargetExtension<NetmapOptions> = {
  name: 'NETMAP',
  places: { tables: ['nat'] },
  options: { to: value(['--to'], network) },
  listed: listed([/to:(\S+)/, '--to $1']),
  required: ['to'],
  effect: ({ to }) => ({
    kind: 'nat',
    change: 'either',
    ...(to ? { address: { value: to.value, mask: to.mask } } : {}),
  }),
};
