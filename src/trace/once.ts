import { type AddressValue, formatAddress } from '../address/index.ts';
import { CTSTATE, CTSTATUS, type Packet, TCP, TCP_FLAGS } from '../netfilter/index.ts';
import { answerTo, complainsFrom } from './answer.ts';
import { attachRefusal } from './arrival.ts';
import { after, type Connection, endsOf, foundOpen, openedBy, type Tuple } from './connection.ts';
import type { Decide } from './decisions.ts';
import { asItTravels } from './fragments.ts';
import { isLoopback, isMulticast, LOOPBACK } from './host.ts';
import { errorAbout, type Subject } from './icmp-error.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import type { Outcome, Question, Step } from './result.ts';
import type { Ground, Walk } from './state.ts';
import { follow } from './walk.ts';
import type { Witness } from './witness.ts';

/** What one walk yields. */
export interface Walked {
  readonly outcome: Outcome;
  readonly packet: Packet;
  /** Where the answer to the question's packet was followed: the answer as it starts. */
  readonly answer?: Question;
}

/** Who gets to know of a walk, as it goes: where it is written down, and who goes along. */
type Recording = Pick<Beginning, 'steps' | 'witness'>;

/** Follows the packet of a question once, with every doubt decided. */
export function walkOnce(circumstances: Circumstances, question: Question, record: Recording): Walked {
  if (question.about) return walkError(circumstances, question, question.about, record);
  if (question.reply) return walkReply(circumstances, question, question.reply, record);
  if (question.refusal) return walkRefusal(circumstances, question, record);
  const known = question.packet.ctstate === CTSTATE.ESTABLISHED;
  const before = known ? openingOf : question.repeated ? unansweredOf : undefined;
  const beginning = before ? { ...record, opening: before(circumstances, question) } : record;
  const walk = begin(circumstances, question, beginning);
  const outcome = follow(walk);
  return { outcome, packet: walk.packet };
}

/** What every walk of one way has in common. */
export interface Circumstances {
  readonly ground: Ground;
  readonly decide: Decide;
  /** False: of the end nothing is said but where it is. */
  readonly why?: boolean;
  /** What is taken for granted; absent where nobody wants to know. */
  readonly assumptions: Set<string> | undefined;
  /** The packet that opened the question's connection, where it was seen: as it was, which way it went, who knows of it. */
  readonly opener?: { readonly question: Question; readonly decide: Decide; readonly witness: Witness };
}

/** The answer to the question's packet, which has to get through first. */
function walkReply(
  circumstances: Circumstances,
  question: Question,
  asked: NonNullable<Question['reply']>,
  record: Recording,
): Walked {
  const there = beginFirst(circumstances, question);
  const first = openedBy(there, question, follow(there));
  const connection = asked.later ? { ...first, replied: true, assured: question.packet.protocol === TCP } : first;
  const answer = answerTo(connection, asked, answersApart(circumstances));
  if (typeof answer === 'string') {
    return { outcome: { kind: 'unknown', because: answer }, packet: there.packet };
  }
  const walk = begin(answersApart(circumstances), answer, {
    ...record,
    opening: connection,
    answering: true,
  });
  const outcome = follow(walk);
  return { outcome, packet: walk.packet, answer };
}

/** What the kernel sends back for the question's packet. */
function walkRefusal(circumstances: Circumstances, question: Question, record: Recording): Walked {
  const there = beginFirst(circumstances, question);
  const connection = openedBy(there, question, follow(there));
  const refusal = refusalOf(connection, there);
  if (!refusal) {
    const { because } = connection.outcome;
    return { outcome: { kind: 'unknown', because: `the kernel refuses nothing: ${because}` }, packet: there.packet };
  }
  const walk = beginRefusal(circumstances, refusal, record);
  const outcome = follow(walk);
  return { outcome, packet: walk.packet, answer: refusal.question };
}

/** The walk of what the kernel refuses with, which has not begun. */
export function beginRefusal(
  circumstances: Circumstances,
  { question, opening, inside, attached }: Refusal,
  record: Recording,
): Walk {
  const walk = begin(answersApart(circumstances), question, {
    ...record,
    opening,
    inside,
    answering: inside === undefined,
  });
  if (attached) attachRefusal(walk, opening);
  return walk;
}

/** An ICMP error about a packet, which somebody has to have first. */
function walkError(circumstances: Circumstances, question: Question, about: Question, record: Recording): Walked {
  const there = beginFirst(circumstances, about);
  let connection = openedBy(there, about, follow(there));
  let subject = subjectOf(there, connection.outcome);
  if (about.reply) {
    const answer = answerTo(connection, about.reply, answersApart(circumstances));
    if (typeof answer === 'string') return noError(answer);
    const back = begin(answersApart(circumstances), answer, { opening: connection, answering: true });
    subject = subjectOf(back, follow(back));
    connection = after(connection, back);
  }
  const error = errorAbout(subject, question);
  if (typeof error === 'string') return noError(error);
  const inside = endsOf(subject.packet);
  const walk = begin(circumstances, error, { ...record, opening: connection, inside });
  const outcome = follow(walk);
  return { outcome, packet: walk.packet, answer: error };

  function noError(because: string): Walked {
    return { outcome: { kind: 'unknown', because }, packet: there.packet };
  }
}

function subjectOf(walk: Walk, outcome: Outcome): Subject {
  const { packet, device } = walk;
  return { packet, outcome, device, from: complainsFrom(walk, outcome, packet) };
}

/** The answer's sender is somebody else: what is not known of it is decided anew. */
export const answersApart = (circumstances: Circumstances): Circumstances => ({
  ...circumstances,
  decide: (key, doubt) => circumstances.decide(`answer ${key}`, doubt),
});

/**
 * What became of the first packet of a connection, under the same rules: its later packets keep the mapping and go to
 * the socket it was given to.
 */
function openingOf(circumstances: Circumstances, question: Question): Connection {
  const { packet } = question;
  const flags = packet.protocol === TCP ? { tcpFlags: TCP_FLAGS.SYN } : {};
  const expected = ((packet.ctstatus ?? 0) & CTSTATUS.EXPECTED) !== 0;
  const ctstate = expected ? CTSTATE.RELATED : CTSTATE.NEW;
  const supposed = { ...question, packet: { ...packet, ...flags, ctstate, ctstatus: 0 } };
  const first: Question = circumstances.opener?.question ?? supposed;
  const walk = beginFirst(circumstances, first);
  const outcome = follow(walk);
  const { assumptions } = circumstances;
  if (['dropped', 'rejected', 'unknown', 'nobody listens'].includes(outcome.kind)) {
    assumptions?.add('the connection was opened from the other side or under other rules, and is not mapped');
    return foundOpen(first, walk, outcome);
  }
  assumptions?.add('the connection was opened under these same rules');
  return { ...openedBy(walk, first, outcome), replied: true, assured: packet.protocol === TCP };
}

/** What became of an equal packet that came before. */
function unansweredOf(circumstances: Circumstances, question: Question): Connection {
  const first = circumstances.opener?.question ?? question;
  const walk = beginFirst(circumstances, first);
  return openedBy(walk, first, follow(walk));
}

/** The walk of the first packet of the connection that is asked about. */
const beginFirst = ({ opener, ...circumstances }: Circumstances, first: Question): Walk =>
  opener
    ? begin({ ...circumstances, decide: opener.decide }, first, { witness: opener.witness })
    : begin(circumstances, first, {});

/** What is different from walk to walk. */
interface Beginning {
  readonly steps?: Step[] | undefined;
  readonly witness?: Witness | undefined;
  readonly opening?: Connection;
  readonly answering?: boolean;
  readonly inside?: Tuple | undefined;
  readonly own?: AddressValue;
}

/** A walk that has not begun. */
export function begin(
  circumstances: Circumstances,
  question: Question,
  { steps, witness, opening, answering = false, inside, own }: Beginning,
): Walk {
  const { ground, decide, why = true, assumptions } = circumstances;
  const { direction, packet, via, unbound = false } = question;
  return {
    ground,
    direction,
    asked: packet,
    packet: asItTravels(packet),
    steps,
    decide,
    why,
    assumptions,
    opening,
    answering,
    inside,
    unbound,
    via,
    own: ground.host.known ? undefined : (own ?? opening?.own ?? ownFor(circumstances, question)),
    witness,
    hook: direction === 'in' ? 'PREROUTING' : 'OUTPUT',
    pass: 1,
    connection: 'none',
    way: undefined,
    destinationDecided: false,
    sourceDecided: false,
    destination: undefined,
    source: undefined,
    mappedBy: undefined,
    assigned: undefined,
    receiver: undefined,
    device: '',
    supposed: false,
    gateway: undefined,
    marked: false,
    looked: opening?.looked ?? 0,
    typedSource: undefined,
    typedDestination: undefined,
    copy: undefined,
  };
}

/** A packet that goes on by an interface may be addressed to this host all the same, where nat sends it elsewhere. */
function ownFor(circumstances: Circumstances, question: Question): AddressValue | undefined {
  const { direction, packet } = question;
  const own = ownAddress(direction, packet);
  if (own !== undefined || direction !== 'in' || isNoCards(packet)) return own;
  const walk = begin({ ...circumstances, assumptions: undefined }, question, { own: packet.destination });
  follow(walk);
  if (walk.destination === undefined) return undefined;
  circumstances.assumptions?.add(`${formatAddress(packet.family, packet.destination)} is an address of this host`);
  return packet.destination;
}

/** Addresses that no network card has: loopback's, groups, everybody's and nobody's. */
const isNoCards = ({ family, destination }: Packet): boolean =>
  isLoopback(family, destination) ||
  isMulticast(family, destination) ||
  destination === 0xffff_ffff ||
  BigInt(destination) === 0n;

/** Where no interfaces are known, the question tells which address is this host's own. */
export function ownAddress(direction: Question['direction'], packet: Packet): AddressValue | undefined {
  const end = ownEnd(direction, packet);
  return end && packet[end];
}

/**
 * Which of a packet's addresses that is.
 *
 * @param fromLoopback whether its source is an address of loopback's, for who can tell that without looking at the source
 */
export function ownEnd(
  direction: Question['direction'],
  packet: Packet,
  fromLoopback = isFromLoopback,
): 'source' | 'destination' | undefined {
  const { out } = packet;
  // What is not read of a packet need not be told apart by those who ask about all packets.
  if (direction === 'in') return out ? undefined : 'destination';
  if (out === LOOPBACK) return 'destination';
  // Loopback's addresses speak to this host only.
  return fromLoopback(packet) ? 'destination' : 'source';
}

const isFromLoopback = ({ family, source }: Packet): boolean => source !== undefined && isLoopback(family, source);
