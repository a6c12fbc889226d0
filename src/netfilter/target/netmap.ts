import { formatPrefix, type Prefix, parsePrefix } from '../../address/index.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface NetmapOptions {
  readonly to?: Prefix;
}

/** A mask with holes is printed; the tools say /32 or /128 instead, which would not be the same. */
const network: Codec<Prefix> = {
  expected: 'an address of the rule set’s family, with a length or a mask: 10.1.0.0/16',
  read(word, family) {
    const prefix = parsePrefix(word);
    return prefix?.family === family ? prefix : undefined;
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
