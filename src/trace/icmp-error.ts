import { type AddressValue, formatAddress } from '../address/index.ts';
import { CTSTATE, CTSTATUS, ICMP, ICMPV6, type Packet } from '../netfilter/index.ts';
import { type Connection, endsOf, sameEnds, type Tuple, turned, type Way, wayOf } from './connection.ts';
import { USUAL_HOPS } from './defaults.ts';
import { NOBODY, type Outcome, type Question } from './result.ts';
import { changed, type Walk } from './state.ts';
import { spokenEnd } from './words.ts';

/** The usual complaint: nobody has this port. Source: RFC 792, RFC 4443. */
export const PORT_UNREACHABLE = {
  ipv4: { icmpType: 3, icmpCode: 3 },
  ipv6: { icmpType: 1, icmpCode: 4 },
} as const;

/** Where the packet complained about ended: only somebody who has it can complain. */
const OUTSIDE: readonly Outcome['kind'][] = ['sent', 'forwarded', 'answered'];

/** A packet that somebody complains about: as it ended, where, and by which device it left. */
export interface Subject {
  readonly packet: Packet;
  readonly outcome: Outcome;
  readonly device: string;
  /** The address from which this host complains about it. */
  readonly from: AddressValue;
}

/**
 * The ICMP error about a packet, as whoever has that packet sends it; or why nobody does. `asked` says what is different:
 * its type, who sends it, where it comes in.
 */
export function errorAbout({ packet, outcome, device, from }: Subject, asked: Question): Question | string {
  const { family } = packet;
  const here = asked.own ?? !OUTSIDE.includes(outcome.kind);
  if (here && (outcome.kind === 'dropped' || outcome.kind === 'unknown' || outcome.kind === 'astray'))
    return `nobody has the packet that it would be about: ${outcome.because}`;
  const direction = here ? 'out' : 'in';
  if (direction !== asked.direction) {
    const where = here ? 'ends on this host, whose error goes out' : 'leaves this host, so the error about it comes in';
    return `the packet ${where}: write '${direction} icmp error about …'`;
  }
  if (packet.source === undefined) return 'whose packet it would be about is not known';
  const { about } = asked;
  const { icmpType, icmpCode, source, in: arrives } = asked.packet;
  const header: Packet = {
    ...packet,
    source: source ?? (here ? from : packet.destination),
    destination: packet.source,
    sourcePort: undefined,
    destinationPort: undefined,
    protocol: family === 'ipv4' ? ICMP : ICMPV6,
    tcpFlags: undefined,
    icmpType,
    icmpCode,
    in: here ? '' : arrives || device,
    // Where the question said by which device a packet goes on, the error goes on by the one that it came in by.
    out: !here && about?.direction === 'in' && about.packet.out !== '' ? about.packet.in : '',
    owned: here ? 1 : 0,
    uid: here ? NOBODY : undefined,
    gid: here ? NOBODY : undefined,
    ttl: USUAL_HOPS,
    length: undefined,
    ...(here ? { sourceMac: 0, destinationMac: 0 } : { sourceMac: undefined, destinationMac: undefined }),
    mark: 0,
    ctstate: CTSTATE.RELATED,
  };
  return { ...asked, direction, packet: header };
}

/**
 * Which way an ICMP error goes within the connection of the packet inside it; undefined where that is not known, or the error
 * is not for its sender. Source: net/netfilter/nf_conntrack_proto_icmp.c, nf_conntrack_inet_error.
 */
export function wayOfError(connection: Connection, packet: Packet, inside: Tuple): Way | undefined {
  const answer = turned(inside);
  const way = wayOf(connection, { ...packet, ...answer, destination: answer.destination ?? packet.destination });
  const expected = way && connection.record?.[way].destination;
  return expected === undefined || expected === packet.destination ? way : undefined;
}

/**
 * The packet inside is rewritten as the error is: it becomes again what its sender sent.
 * Source: net/netfilter/nf_nat_proto.c, nf_nat_icmp_reply_translation.
 */
export function rewriteInside(walk: Walk, ofDestination: boolean): void {
  const { inside, opening, way } = walk;
  const record = opening?.record;
  if (!inside || !record || !way) return;
  const sent = way === 'reply' ? record.original : record.reply;
  walk.inside = ofDestination
    ? { ...inside, source: sent.source, sourcePort: sent.sourcePort }
    : { ...inside, destination: sent.destination, destinationPort: sent.destinationPort };
  changed(walk);
}

/** ICMP's type of "there is a better way". Source: RFC 792. */
export const REDIRECT = 5;

/**
 * nat takes no redirect through that is about a connection which it maps: the two ends would speak of different addresses.
 * Source: net/netfilter/nf_nat_proto.c, nf_nat_icmp_reply_translation.
 */
export function lostRedirect({ inside, packet, way }: Walk): Outcome | undefined {
  if (!inside || !way || packet.protocol !== ICMP || packet.icmpType !== REDIRECT) return undefined;
  if (((packet.ctstatus ?? 0) & (CTSTATUS.SNAT | CTSTATUS.DNAT)) === 0) return undefined;
  return { kind: 'dropped', because: 'nat drops a redirect that is about a connection which it maps' };
}

/** What an ICMP error comes to: its receiver knows the packet inside, or it does not. */
export function errorEnds(walk: Walk, inside: Tuple, out?: string): Outcome {
  const { packet, opening, direction } = walk;
  const about = `its packet ${spokenTuple(packet, inside)}`;
  const sent = opening?.opened.packet;
  // The caller knows what it sent, whoever got that knows its answer.
  const known = sent && (sameEnds(inside, endsOf(sent)) || sameEnds(inside, turned(endsOf(opening.packet))));
  const to = formatAddress(packet.family, packet.destination);
  if (!known) return { kind: 'astray', because: `${out === undefined ? 'this host' : to} has not sent ${about}` };
  if (out === undefined) {
    const because = `the kernel of this host tells the socket of ${about}`;
    walk.steps?.push({ kind: 'socket', decision: because });
    return { kind: 'delivered', because };
  }
  const because = `it leaves ${out && `by ${out} `}and tells ${to} of ${about}`;
  return { kind: direction === 'in' ? 'forwarded' : 'sent', out, because };
}

const spokenTuple = ({ family }: Packet, { source, sourcePort, destination, destinationPort }: Tuple): string =>
  `${source === undefined ? '?' : spokenEnd(family, source, sourcePort)} → ${destination === undefined ? '?' : spokenEnd(family, destination, destinationPort)}`;
