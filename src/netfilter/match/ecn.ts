import { integer } from '../codec.ts';
import { type MatchExtension, negatable, negatableFlag } from '../extension.ts';
import { ECN_FLAGS } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { ALWAYS, all, hasBits, is, type Predicate, unless } from '../predicate.ts';
import { TCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface EcnOptions {
  readonly ece?: Negatable<true>;
  readonly cwr?: Negatable<true>;
  /** The two bits of the IP header. */
  readonly ect?: Negatable<number>;
}

const has = (flag: number, option: Negatable<true> | undefined): Predicate =>
  option ? unless(option.negated, hasBits('tcpFlags', flag, flag)) : ALWAYS;

/** `-m ecn`: bits of congestion notification. Source: iptables-extensions(8), ecn; net/netfilter/xt_ecn.c. */
export const ecn: MatchExtension<EcnOptions> = {
  name: 'ecn',
  options: {
    ece: negatableFlag('--ecn-tcp-ece'),
    cwr: negatableFlag('--ecn-tcp-cwr'),
    ect: negatable(['--ecn-ip-ect'], integer('the two bits', 0, 3)),
  },
  listed: listedAfter(
    /ECN match/,
    [/(!?)ECE/, '$1 --ecn-tcp-ece'],
    [/(!?)CWR/, '$1 --ecn-tcp-cwr'],
    [/(!?)ECT=(\d)/, '$1 --ecn-ip-ect $2'],
  ),
  refuse({ ece, cwr, ect }, { protocol }) {
    if (!ece && !cwr && !ect) return 'ecn needs one of --ecn-tcp-ece, --ecn-tcp-cwr and --ecn-ip-ect';
    return (ece || cwr) && protocol !== TCP ? 'the flags of TCP need -p tcp' : undefined;
  },
  predicate: ({ ece, cwr, ect }) =>
    all(
      ect ? unless(ect.negated, is('ecn', ect.value)) : ALWAYS,
      has(ECN_FLAGS.ECE, ece),
      has(ECN_FLAGS.CWR, cwr),
      // The flags are read from the TCP header, which a later fragment does not have.
      ece || cwr ? is('fragment', 0) : ALWAYS,
    ),
};
