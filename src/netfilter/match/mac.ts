import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface MacOptions {
  /** In lower case, two digits a byte. */
  readonly source?: Negatable<string>;
}

const address: Codec<string> = {
  expected: 'a MAC address like 00:11:22:33:44:55',
  read: (word) =>
    /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i.test(word)
      ? word
          .toLowerCase()
          .split(':')
          .map((byte) => byte.padStart(2, '0'))
          .join(':')
      : undefined,
  print: (word) => word,
};

/** `-m mac`. Source: iptables-extensions(8), mac; net/netfilter/xt_mac.c. */
export const mac: MatchExtension<MacOptions> = {
  name: 'mac',
  places: { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  options: { source: negatable(['--mac-source'], address) },
  required: ['source'],
  predicate: () => unknown('the MAC address that sent the packet is not known'),
};
