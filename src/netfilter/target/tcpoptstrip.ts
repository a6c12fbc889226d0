import { parseNumber } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type Codec, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { TCP } from '../protocol.ts';

export interface TcpoptstripOptions {
  /** Numbers of TCP options, ascending. */
  readonly options?: readonly number[];
}

/** Names as `iptables -j TCPOPTSTRIP -h` lists them. */
const NAMES: Readonly<Record<string, number>> = {
  wscale: 3,
  mss: 2,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

const optionList: Codec<readonly number[]> = {
  expected: `numbers of TCP options from 2 to 255 or their names (${Object.keys(NAMES).join(' ')}), separated by commas`,
  read(word) {
    const numbers = new Set<number>();
    for (const part of word.split(',')) {
      const number = Object.hasOwn(NAMES, part) ? NAMES[part] : parseNumber(part, 255);
      if (number === undefined || number < 2 || numbers.has(number)) return undefined;
      numbers.add(number);
    }
    return [...numbers].sort((a, b) => a - b);
  },
  print: (numbers) => numbers.join(','),
};

/** `-j TCPOPTSTRIP`: options of TCP become NOPs. Source: iptables-extensions(8), TCPOPTSTRIP; net/netfilter/xt_TCPOPTSTRIP.c. */
export const tcpoptstrip: TargetExtension<TcpoptstripOptions> = {
  name: 'TCPOPTSTRIP',
  places: { tables: ['mangle'] },
  protocols: [TCP],
  options: { options: value(['--strip-options'], optionList) },
  listed: listed([/TCPOPTSTRIP options (\S+)/, '--strip-options $1']),
  effect: () => CONTINUE,
};
