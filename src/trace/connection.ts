import type { AddressValue } from '../address/index.ts';
import { type Packet, TCP } from '../netfilter/index.ts';
import type { CompiledRule } from './program.ts';
import type { Endpoint, Outcome, Question } from './result.ts';
import type { Receiver, Walk } from './state.ts';

/** The ends of a packet, as connection tracking keeps them. */
export interface Tuple {
  readonly source: AddressValue | undefined;
  readonly sourcePort: number | undefined;
  readonly destination: AddressValue | undefined;
  readonly destinationPort: number | undefined;
}

/** Which way a packet of a known connection goes: as its first packet did, or back. */
export type Way = 'original' | 'reply';

/** A connection after some of its packets: what became of the first, and what the kernel remembers. */
export interface Connection {
  /** Its first packet as it was asked about: whom the caller calls, under which address. */
  readonly opened: Question;
  /** Where its first packet ended, and the packet as it ended. */
  readonly outcome: Outcome;
  readonly packet: Packet;
  /**
   * Connection tracking's record: its packets as they arrive, and the replies as it expects them. Absent: it keeps none,
   * as tracking is off, the first packet was not tracked, or did not get through.
   */
  readonly record?: { readonly original: Tuple; readonly reply: Tuple; readonly zone: number | undefined };
  readonly ctmark: number | undefined;
  /** A reply has been seen; the caller has answered it, too (TCP). */
  readonly replied: boolean;
  readonly assured: boolean;
  /** Where nat sent it, and the source that nat gave it. */
  readonly destination?: Endpoint;
  readonly source?: Endpoint;
  readonly mappedBy?: CompiledRule;
  readonly receiver?: Receiver;
  readonly byTproxy: boolean;
  /** The device by which its first packet left. */
  readonly device: string;
  readonly own: AddressValue | undefined;
  /** Its first packet was refused before nat had decided on its source: nat is asked about the reset that is sent back. */
  readonly sourceOpen?: boolean;
  /** Rules looked at: the count goes on, as each of the kernel's choices is numbered by it. */
  readonly looked: number;
}

/** The ends of a packet as it is. */
export const endsOf = ({ source, sourcePort, destination, destinationPort }: Packet): Tuple => ({
  source,
  sourcePort,
  destination,
  destinationPort,
});

/** The ends of an answer. */
export const turned = ({ source, sourcePort, destination, destinationPort }: Tuple): Tuple => ({
  source: destination,
  sourcePort: destinationPort,
  destination: source,
  destinationPort: sourcePort,
});

/** Equal as far as they are known. */
export const sameEnds = (one: Tuple, other: Tuple): boolean =>
  same(one.source, other.source) &&
  same(one.destination, other.destination) &&
  same(one.sourcePort, other.sourcePort) &&
  same(one.destinationPort, other.destinationPort);

const same = <T>(one: T | undefined, other: T | undefined): boolean =>
  one === undefined || other === undefined || one === other;

/** Whether connection tracking knows this packet, in its zone, and which way it goes. */
export function wayOf({ record }: Connection, packet: Packet): Way | undefined {
  if (!record || !same(record.zone, packet.ctzone)) return undefined;
  const ends = endsOf(packet);
  return sameEnds(ends, record.original) ? 'original' : sameEnds(ends, record.reply) ? 'reply' : undefined;
}

/** Ends after which nothing of a new connection is remembered. */
const LOST: readonly Outcome['kind'][] = ['dropped', 'rejected', 'unknown'];

/** The connection that a first packet's walk has opened. */
export function openedBy(walk: Walk, opened: Question, outcome: Outcome): Connection {
  const { packet, destination, source, receiver, mappedBy, assigned, device, own, looked } = walk;
  const kept = walk.connection === 'tracked' && !LOST.includes(outcome.kind);
  return {
    opened,
    outcome,
    packet: { ...packet },
    ...(kept ? { record: recordOf(packet) } : {}),
    ctmark: packet.ctmark,
    replied: false,
    assured: false,
    byTproxy: assigned !== undefined,
    device,
    own,
    looked,
    ...(destination ? { destination } : {}),
    ...(source ? { source } : {}),
    ...(receiver ? { receiver } : {}),
    ...(mappedBy ? { mappedBy } : {}),
  };
}

/** What connection tracking keeps of a new connection. */
export const recordOf = (packet: Packet) => ({
  original: {
    source: packet.ctorigsrc,
    sourcePort: packet.ctorigsrcport,
    destination: packet.ctorigdst,
    destinationPort: packet.ctorigdstport,
  },
  reply: {
    source: packet.ctreplsrc,
    sourcePort: packet.ctreplsrcport,
    destination: packet.ctrepldst,
    destinationPort: packet.ctrepldstport,
  },
  zone: packet.ctzone,
});

/** A connection of which only this packet is known: opened from the other side, or under other rules, and not mapped. */
export function foundOpen(opened: Question, walk: Walk, outcome: Outcome): Connection {
  const { packet } = opened;
  const original = endsOf(packet);
  return {
    opened,
    outcome,
    packet,
    record: { original, reply: turned(original), zone: undefined },
    ctmark: 0,
    replied: true,
    assured: true,
    byTproxy: false,
    device: walk.device,
    own: walk.own,
    looked: walk.looked,
  };
}

/** What a packet adds to what connection tracking has seen. UDP is assured only after two seconds. */
export function withPacket(
  { replied, assured }: Connection,
  way: Way,
  protocol: number,
): Pick<Connection, 'replied' | 'assured'> {
  const answered = replied || way === 'reply';
  return { replied: answered, assured: assured || (answered && way === 'original' && protocol === TCP) };
}

/** The connection after one more packet. */
export function after(connection: Connection, { packet, way, looked }: Walk): Connection {
  if (!way) return { ...connection, looked };
  return { ...connection, ...withPacket(connection, way, packet.protocol), ctmark: packet.ctmark, looked };
}
