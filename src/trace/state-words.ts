import { CTSTATE, type Packet, TCP, TCP_FLAGS } from '../netfilter/index.ts';

const KNOWN: readonly (readonly [state: number, words: string])[] = [
  [CTSTATE.NEW, 'a new connection'],
  [CTSTATE.ESTABLISHED, 'an open connection'],
  [CTSTATE.RELATED, 'related to an open connection'],
  [CTSTATE.INVALID, 'invalid for conntrack'],
  [CTSTATE.UNTRACKED, 'not tracked'],
];

/** A new connection to conntrack that does not begin as one. */
const MIDDLE = 'a packet of a connection that conntrack does not know';

/** What conntrack knows of a packet's connection, as the sentence about it ends. */
export function stateWords({ ctstate, protocol, tcpFlags }: Pick<Packet, 'ctstate' | 'protocol' | 'tcpFlags'>): string {
  if (ctstate === CTSTATE.NEW && protocol === TCP && tcpFlags !== undefined && tcpFlags !== TCP_FLAGS.SYN)
    return MIDDLE;
  return KNOWN.find(([state]) => state === ctstate)?.[1] ?? 'connection state not known';
}

/** The state that such an ending says, and where the ending begins; undefined where there is none. */
export function stateAtEnd(text: string): { readonly state: number; readonly at: number } | undefined {
  const at = text.lastIndexOf(',');
  if (at < 0) return undefined;
  const words = text.slice(at + 1).trim();
  const state = words === MIDDLE ? CTSTATE.NEW : KNOWN.find(([, each]) => each === words)?.[0];
  return state === undefined ? undefined : { state, at };
}
