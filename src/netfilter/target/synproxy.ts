import { parseNumber } from '../codec.ts';
import { type Codec, flag, type TargetExtension, value } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { TCP } from '../protocol.ts';

export interface SynproxyOptions {
  readonly sackPermitted?: true;
  readonly timestamp?: true;
  readonly windowScale?: number;
  readonly segmentSize?: number;
  readonly ecn?: true;
}

/** The tools take 32 bits, and the kernel keeps the lower ones. */
const lower = (what: string, highest: number): Codec<number> => ({
  expected: `${what} from 0 to ${highest}`,
  read(word) {
    const given = parseNumber(word, 0xffff_ffff);
    return given === undefined ? undefined : (given & highest) >>> 0;
  },
  print: String,
});

/** `-j SYNPROXY`. Source: iptables-extensions(8), SYNPROXY; net/ipv4/netfilter/ipt_SYNPROXY.c. */
export const synproxy: TargetExtension<SynproxyOptions> = {
  name: 'SYNPROXY',
  places: { hooks: ['INPUT', 'FORWARD'] },
  protocols: [TCP],
  options: {
    sackPermitted: flag('--sack-perm'),
    timestamp: flag('--timestamp'),
    windowScale: value(['--wscale'], lower('a window scale', 0xff)),
    segmentSize: value(['--mss'], lower('a segment size', 0xffff)),
    ecn: flag('--ecn'),
  },
  listed: listedAfter(
    /SYNPROXY/,
    [/sack-perm/, '--sack-perm'],
    [/timestamp/, '--timestamp'],
    [/wscale (\d+)/, '--wscale $1'],
    [/mss (\d+)/, '--mss $1'],
    [/ecn/, '--ecn'],
  ),
  effect: () => ({
    kind: 'unknown',
    because: 'SYNPROXY answers the sender itself, and opens the connection once the sender has answered back',
  }),
};
