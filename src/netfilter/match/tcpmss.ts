import type { PortRange } from '../../address/index.ts';
import { parseNumber } from '../codec.ts';
import { type Codec, type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { unknown } from '../predicate.ts';
import { TCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface TcpmssOptions {
  readonly sizes?: Negatable<PortRange>;
}

const HIGHEST = 65_535;

const sizes: Codec<PortRange> = {
  expected: 'a segment size from 0 to 65535, or a range like 536:1459',
  read(word) {
    const at = word.indexOf(':');
    const low = at === 0 ? 0 : parseNumber(at < 0 ? word : word.slice(0, at), HIGHEST);
    const high = at < 0 ? low : at === word.length - 1 ? HIGHEST : parseNumber(word.slice(at + 1), HIGHEST);
    return low === undefined || high === undefined || low > high ? undefined : [low, high];
  },
  print: ([low, high]) => (low === high ? String(low) : `${low}:${high}`),
};

/** `-m tcpmss`. Source: iptables-extensions(8), tcpmss; net/netfilter/xt_tcpmss.c. */
export const tcpmss: MatchExtension<TcpmssOptions> = {
  name: 'tcpmss',
  protocols: [TCP],
  options: { sizes: negatable(['--mss'], sizes) },
  listed: listed([/tcpmss match (!?)(\S+)/, '$1 --mss $2']),
  required: ['sizes'],
  predicate: () => unknown('the segment size that the packet names is not known'),
};
