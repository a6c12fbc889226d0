import { CTSTATE, makePacket, TCP, TCP_FLAGS, UDP } from '../netfilter/index.ts';
import { answerFrom, complainsFrom } from './answer.ts';
import { type Connection, endsOf, recordOf, type Tuple } from './connection.ts';
import { errorAbout, PORT_UNREACHABLE } from './icmp-error.ts';
import { NOBODY, type Question } from './result.ts';
import type { Walk } from './state.ts';

/** What the kernel of this host sends back for a packet that nobody here takes. */
export interface Refusal {
  readonly name: string;
  readonly question: Question;
  readonly opening: Connection;
  /** An ICMP error: the ends of the packet inside it. */
  readonly inside?: Tuple;
  /**
   * It is given the connection of the packet that it refuses, before any table sees it.
   * Source: net/ipv4/netfilter/nf_reject_ipv4.c; net/ipv4/icmp.c, icmp_glue_bits.
   */
  readonly attached?: true;
}

/** Types and codes of ICMP errors as REJECT names them. Source: iptables-extensions(8), REJECT; RFC 792, RFC 4443. */
const ERRORS: Readonly<Record<string, readonly [type: number, code: number]>> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

/** The refusal of a connection's first packet that has come from elsewhere; undefined: nothing is sent back. */
export function refusalOf(connection: Connection, walk: Walk): Refusal | undefined {
  const { outcome, opened } = connection;
  const { protocol, family } = opened.packet;
  if (outcome.kind === 'nobody listens') {
    if (protocol === TCP) return reset(connection, false);
    return protocol === UDP ? errorOf(connection, walk, PORT_UNREACHABLE[family]) : undefined;
  }
  if (outcome.kind !== 'rejected') return undefined;
  const attached = walk.connection === 'tracked';
  const known = attached
    ? { ...connection, record: recordOf(walk.packet), sourceOpen: !walk.sourceDecided }
    : connection;
  if (outcome.with === 'tcp-reset') return reset(known, attached);
  const [icmpType, icmpCode] = ERRORS[outcome.with] ?? [];
  if (icmpType === undefined || icmpCode === undefined) return undefined;
  const error = errorOf(known, walk, { icmpType, icmpCode });
  return error && attached ? { ...error, attached } : error;
}

function reset(connection: Connection, attached: boolean): Refusal {
  const flags = { tcpFlags: TCP_FLAGS.RST | TCP_FLAGS.ACK };
  // A reset of REJECT belongs to no socket; that of a port without a listener to one of the kernel's.
  const owner = connection.outcome.kind === 'rejected' ? { owned: 0 } : { owned: 1, uid: NOBODY, gid: NOBODY };
  const ctstate = attached ? CTSTATE.RELATED : CTSTATE.ESTABLISHED;
  const packet = { ...answerFrom(connection), ...flags, ...owner, in: '', out: '', ctstate };
  const question: Question = { direction: 'out', packet, assumptions: [] };
  return { name: 'RST', question, opening: connection, ...(attached ? { attached } : {}) };
}

function errorOf(
  connection: Connection,
  walk: Walk,
  header: { readonly icmpType: number; readonly icmpCode: number },
): Refusal | undefined {
  const { packet, outcome, device, opened } = connection;
  const { family, protocol } = opened.packet;
  const asked = makePacket({ family, destination: packet.destination, protocol, ...header });
  const from = complainsFrom(walk, outcome, packet);
  const question = errorAbout(
    { packet, outcome, device, from },
    { direction: 'out', packet: asked, about: opened, assumptions: [] },
  );
  if (typeof question === 'string') return undefined;
  return { name: 'ICMP error', question, opening: connection, inside: endsOf(packet) };
}
