import {
  CTSTATE,
  CTSTATUS,
  ICMP,
  ICMPV6,
  type KernelAccount,
  type Packet,
  TCP,
  TCP_FLAGS,
} from '../netfilter/index.ts';
import type { Answers } from './agreement.ts';
import { REDIRECT } from './icmp-error.ts';
import type { Outcome, Question } from './result.ts';

/** A packet that opened a connection, as it was seen to pass. */
export interface Opener {
  readonly question: Question;
  readonly account: KernelAccount;
  /** Which way it went where the rules leave ways open, and where it ended; absent where kernel and simulator part. */
  readonly answers?: Answers;
  readonly outcome?: Outcome;
}

/** Ends of a packet that has left this host. */
const LEFT: readonly Outcome['kind'][] = ['sent', 'forwarded'];

/** Source: net/netfilter/nf_nat_proto.c, nf_nat_icmp_reply_translation; net/ipv4/ip_forward.c. */
const OF_REDIRECTS =
  'it is a redirect that this host sends about a packet on its way: the kernel drops it at nat where nat maps the packet’s connection, or has not decided on its source yet';

const OF_LOST =
  'it is a redirect, of which the kernel tells nothing more: nat drops those about connections that it maps, and does not say of which';

const isRedirect = ({ protocol, icmpType }: Packet): boolean => protocol === ICMP && icmpType === REDIRECT;

/** Whether a packet opens its connection. */
export const isFirst = ({ connection, packet }: KernelAccount): boolean =>
  connection?.reply === false && packet.ctstate !== CTSTATE.ESTABLISHED;

/**
 * What the simulator is asked about a packet that has passed: of a reply, the answer to the packet that opened the connection.
 * Else why nothing is. `refuses`: whether the kernel itself answers such a packet.
 */
export function askedAbout(
  question: Question,
  { connection, quiet }: KernelAccount,
  opener: Opener | undefined,
  refuses: (opener: Opener) => boolean,
): Question | string {
  const { packet, direction } = question;
  const opened = opener?.question;
  if (isRedirect(packet) && quiet && !connection) return OF_LOST;
  const answersItself = direction === 'out' && opened?.direction === 'in';
  if (packet.ctstate === CTSTATE.RELATED) {
    const isIcmp = packet.protocol === ICMP || packet.protocol === ICMPV6;
    if (direction === 'out' && isRedirect(packet)) return OF_REDIRECTS;
    if (isIcmp && !opener) return 'it is about another packet, which was not seen';
    if (opener && answersItself && (packet.protocol === TCP || (isIcmp && refuses(opener))))
      return { ...opener.question, refusal: true };
    // Else a helper has waited for it: it opens a connection.
    if (
      isIcmp &&
      opened &&
      direction === 'out' &&
      connection?.reply &&
      opener.outcome &&
      LEFT.includes(opener.outcome.kind)
    )
      return { ...question, about: opened, own: true };
    if (isIcmp && opened)
      return { ...question, about: connection?.reply ? opened : { ...opened, reply: { later: true } } };
  }
  if (!connection) return question;
  if (!connection.reply) {
    if (packet.ctstate === CTSTATE.ESTABLISHED) {
      if (opened?.packet.ctstate !== CTSTATE.RELATED) return question;
      return { ...question, packet: { ...packet, ctstatus: CTSTATUS.EXPECTED } };
    }
    return opener || connection.confirmed ? { ...question, repeated: true } : question;
  }
  if (!opener) return 'it is a reply, and the packet that opened its connection was not seen';
  const isReset = packet.protocol === TCP && ((packet.tcpFlags ?? 0) & TCP_FLAGS.RST) !== 0;
  if (isReset && answersItself && refuses(opener)) return { ...opener.question, refusal: true };
  const flags = packet.protocol === TCP && packet.tcpFlags !== undefined ? { tcpFlags: packet.tcpFlags } : {};
  return { ...opener.question, reply: { later: true, ...flags } };
}
