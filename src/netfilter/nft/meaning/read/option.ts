import { ALWAYS, all, is, NEVER, type Predicate, unknown } from '../../../predicate.ts';
import { DCCP, SCTP, TCP } from '../../../protocol.ts';
import type { NftExpression } from '../../expression.ts';
import type { NftContext } from '../context.ts';
import { integer } from '../datatype.ts';
import { notKnown, presence, type Subject } from '../subject.ts';

type Option = Extract<
  NftExpression,
  { readonly kind: 'tcp option' | 'raw tcp option' | 'ip option' | 'sctp chunk' | 'dccp option' }
>;

const inFirst = (protocol: number): Predicate => all(is('protocol', protocol), is('fragment', 0));

/** The headers that carry them, and what they are called. nft asks for no protocol before them, so without one they are missing. */
const CARRIERS = {
  'tcp option': [inFirst(TCP), 'which options the TCP header has'],
  'raw tcp option': [inFirst(TCP), 'which options the TCP header has'],
  'sctp chunk': [is('protocol', SCTP), 'which chunks the SCTP packet has'],
  'dccp option': [inFirst(DCCP), 'which options the DCCP header has'],
} as const;

/**
 * What a header carries besides its fields: whether it is there, or a field of it, without which the rule ends.
 * Source: nft(8), EXTENSION HEADER EXPRESSIONS; net/netfilter/nft_exthdr.c, nft_exthdr_tcp_eval.
 */
export function readOption(option: Option, { family }: NftContext): Subject {
  if (option.kind === 'ip option')
    return notKnown('which options the IPv4 header has', family === 'ipv4' ? ALWAYS : NEVER);
  const [carrier, what] = CARRIERS[option.kind];
  if (option.kind === 'raw tcp option') {
    // `exists` and a byte of it are written alike, and so are `missing` and a byte that is zero.
    const open = unknown(`${what} is not known`);
    const cases = [
      { low: 0, high: 0, when: open },
      { low: 1, high: Number.MAX_SAFE_INTEGER, when: all(carrier, open) },
    ];
    return { kind: 'cases', type: integer, needs: ALWAYS, cases };
  }
  if (option.kind !== 'dccp option' && option.field !== undefined) return notKnown(what, carrier);
  return presence(all(carrier, unknown(`${what} is not known`)));
}
