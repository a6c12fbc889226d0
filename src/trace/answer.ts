import { type AddressValue, formatAddress } from '../address/index.ts';
import { CTSTATE, ICMP, ICMPV6, PACKET_TYPE, type Packet, TCP, TCP_FLAGS, UDP } from '../netfilter/index.ts';
import { type Connection, endsOf, turned } from './connection.ts';
import { USUAL_HOPS } from './defaults.ts';
import { ASSUMED, isOwn, LOOPBACK, sourceTowards } from './host.ts';
import { lookUp } from './lookup.ts';
import type { Circumstances } from './once.ts';
import { NOBODY, type Outcome, type Question, type ReplyAsked } from './result.ts';
import { isTaken, type Receiver } from './state.ts';

/** Whose sockets these are taken to be where nobody says. */
const OWNER = { proxy: 1337, app: 1000 } as const;

const HEARD = ['proxy', 'app', 'sent', 'forwarded', 'delivered'] as const;

/** The answer to a connection's first packet, as whoever got it sends it; or why there is none. */
export function answerTo(
  connection: Connection,
  { later, tcpFlags }: ReplyAsked,
  circumstances: Circumstances,
): Question | string {
  const { ground, assumptions } = circumstances;
  const { outcome, opened } = connection;
  const kind = HEARD.find((name) => name === outcome.kind);
  if (!kind) return `there is nothing to answer: ${outcome.because}`;
  const header = headerOf(connection, later, tcpFlags);
  if (typeof header === 'string') return header;
  const packet: Packet = {
    ...answerFrom(connection),
    ...(kind === 'proxy' || kind === 'app' ? chosenSource(connection, circumstances) : {}),
    ...header,
    ...(kind === 'sent' || kind === 'forwarded'
      ? fromElsewhere(connection)
      : fromHere(connection, kind, (clause) => void (ownersMatter(ground) && assumptions?.add(clause)))),
    ...(kind === 'sent' || kind === 'forwarded' ? NO_MAC_KNOWN : NO_MAC),
  };
  return { direction: kind === 'sent' || kind === 'forwarded' ? 'in' : 'out', packet, assumptions: opened.assumptions };
}

/** This host's own packets have no MAC address where rules look; that of others is not known. */
const NO_MAC = { sourceMac: 0, destinationMac: 0 };
const NO_MAC_KNOWN = { sourceMac: undefined, destinationMac: undefined };

const ownersMatter = ({ program: { reads } }: Circumstances['ground']): boolean => reads.has('uid') || reads.has('gid');

/** A packet back to the caller, without its header: nothing is known of it yet. */
export const answerFrom = (connection: Connection): Packet => ({
  ...connection.opened.packet,
  ...backwards(connection),
  dscp: undefined,
  ecn: undefined,
  ttl: USUAL_HOPS,
  length: undefined,
  packetType: PACKET_TYPE.unicast,
  ...NO_MAC,
  mark: 0,
  ctmark: 0,
  ctstatus: 0,
  ctstate: CTSTATE.ESTABLISHED,
});

/** The ends of the answer: those of the packet that came, the other way round. */
function backwards({ packet }: Connection): Partial<Packet> {
  const { source, sourcePort, destination, destinationPort } = turned(endsOf(packet));
  return { source, sourcePort, destinationPort, ...(destination === undefined ? {} : { destination }) };
}

/**
 * A UDP socket that is bound to any address answers from the address that the kernel would choose, unless its program looks
 * which address was called and says so (IP_PKTINFO).
 */
function chosenSource(connection: Connection, { ground, decide }: Circumstances): Partial<Packet> {
  const { packet, receiver, byTproxy, own } = connection;
  const { family, protocol, source, destination: called } = packet;
  const bound = receiver?.listener?.address;
  if (protocol !== UDP || source === undefined || byTproxy || bound === undefined || Number(bound) !== 0) return {};
  const chosen = sourceFor({ ground, decide, own }, source, called);
  if (chosen === undefined || chosen === called) return {};
  const [usual, other] = [formatAddress(family, called), formatAddress(family, chosen)];
  const asCalled = decide('the address of the answer', {
    where: 'the answer',
    because: 'a UDP socket that is bound to any address may answer from another one than was called',
    yes: `it answers from ${usual}, which was called (IP_PKTINFO)`,
    no: `it answers from ${other}, which the kernel chooses`,
  });
  return asCalled ? {} : { source: chosen };
}

/** Where something of this host's own leads to, and what is not known of it. */
type Sending = Pick<Circumstances, 'ground' | 'decide'> & { readonly own: AddressValue | undefined };

/** The address from which the kernel would send to another host; `none` where it would send nothing there. */
function sourceFor(sending: Sending, to: AddressValue, none: AddressValue) {
  const { ground, decide } = sending;
  const { host } = ground;
  const routed = lookUp(
    host,
    {
      destination: to,
      mark: 0,
      marked: false,
      in: LOOPBACK,
      source: typeof to === 'bigint' ? 0n : 0,
      taken: isTaken(sending, to),
    },
    decide,
  );
  return routed.kind === 'local'
    ? to
    : routed.kind === 'device'
      ? sourceTowards(host, routed, { destination: to })
      : none;
}

/**
 * The address from which this host complains about a packet: the one that was called, but where that is another host's, and a
 * rule has refused it on its way there. Source: net/ipv4/icmp.c, icmp_send; net/ipv6/icmp.c, icmp6_send.
 */
export function complainsFrom(walk: Sending, { kind }: Outcome, { family, source, destination }: Packet): AddressValue {
  const { ground, own } = walk;
  if (kind !== 'rejected' || source === undefined || isOwn(ground.host, destination, isTaken(walk, destination)))
    return destination;
  if (!ground.host.known) return own ?? ASSUMED.own[family];
  return sourceFor(walk, source, destination) ?? destination;
}

/** ICMP's answers: to an echo, a timestamp, an information or address mask request; IPv6's echo. */
const ANSWERS: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [13, 14],
  [15, 16],
  [17, 18],
  [128, 129],
]);

function headerOf({ opened }: Connection, later: boolean, tcpFlags: number | undefined): Partial<Packet> | string {
  const { protocol, icmpType } = opened.packet;
  if (protocol === TCP) return { tcpFlags: tcpFlags ?? (later ? TCP_FLAGS.ACK : TCP_FLAGS.SYN | TCP_FLAGS.ACK) };
  if (protocol !== ICMP && protocol !== ICMPV6) return {};
  const answer = icmpType === undefined ? undefined : ANSWERS.get(icmpType);
  return answer === undefined ? `nobody answers ICMP type ${icmpType ?? '?'}` : { icmpType: answer, icmpCode: 0 };
}

/** It comes back by the device that the first packet left by. */
function fromElsewhere({ device, opened }: Connection): Partial<Packet> {
  const { packet } = opened;
  // Where the question said by which device it goes on, the answer goes on by the one that it came in by.
  return {
    in: device,
    out: opened.direction === 'in' && packet.out !== '' ? packet.in : '',
    owned: 0,
    uid: undefined,
    gid: undefined,
  };
}

function fromHere(
  { receiver }: Connection,
  kind: 'proxy' | 'app' | 'delivered',
  assume: (clause: string) => void,
): Partial<Packet> {
  const owner = kind === 'delivered' ? { uid: NOBODY, gid: NOBODY } : ownerOf(receiver, kind, assume);
  return { in: '', out: '', owned: 1, ...owner };
}

/** An answer carries its socket's owner: a SYN-ACK the listener's (netfilter-semantics 20). */
function ownerOf(receiver: Receiver | undefined, kind: 'proxy' | 'app', assume: (clause: string) => void) {
  const known = receiver?.listener?.uid;
  const uid = known ?? OWNER[kind];
  const whose = kind === 'proxy' ? "the proxy's" : "the app's";
  assume(known === undefined ? `${whose} uid and gid are ${uid}` : `${whose} gid is ${uid}, as its uid is`);
  return { uid, gid: uid };
}
