import { integer } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { flag, type Option, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { TCP } from '../protocol.ts';

export interface TcpmssTargetOptions {
  /** The segment size, or PATH for what the path allows. */
  readonly size?: number;
}

/** Source: XT_TCPMSS_CLAMP_PMTU in xt_TCPMSS.h. */
const PATH = 0xffff;

/** The largest that leaves room for the headers. */
const HIGHEST = { ipv4: 65_515, ipv6: 65_495 } as const;

const print = (size: number): string => (size === PATH ? '--clamp-mss-to-pmtu' : `--set-mss ${size}`);

/** The two options set one number; where both stand, the later one wins. */
const sizes: readonly Option<number>[] = [
  {
    ...value(['--set-mss'], integer('a segment size', 0, HIGHEST.ipv4)),
    repeats: true,
    read([word = ''], _negated, family, before) {
      const size = integer('a segment size', 0, HIGHEST[family]).read(word, family);
      return before === undefined || before === PATH ? size : undefined;
    },
    print,
  },
  {
    ...flag('--clamp-mss-to-pmtu'),
    repeats: true,
    read: (_words, _negated, _family, before) => (before === PATH ? undefined : PATH),
    print,
  },
];

/**
 * `-j TCPMSS`: lowers the segment size that a SYN names. The kernel wants a rule that asks for SYN; only the legacy back
 * end lets it see that. Source: iptables-extensions(8), TCPMSS; net/netfilter/xt_TCPMSS.c.
 */
export const tcpmssTarget: TargetExtension<TcpmssTargetOptions> = {
  name: 'TCPMSS',
  places: ({ size }) => (size === PATH ? { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] } : undefined),
  protocols: [TCP],
  options: { size: sizes },
  listed: listed([/TCPMSS clamp to PMTU/, '--clamp-mss-to-pmtu'], [/TCPMSS set (\d+)/, '--set-mss $1']),
  required: ['size'],
  effect: () => CONTINUE,
};
