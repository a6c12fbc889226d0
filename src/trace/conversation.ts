import { CTSTATE, ICMP, ICMPV6, type Packet, type Snapshot, TCP, TCP_FLAGS } from '../netfilter/index.ts';
import { answerTo } from './answer.ts';
import { after, type Connection, openedBy } from './connection.ts';
import { type Decide, explore, hangsOn, type Way } from './decisions.ts';
import { answersApart, begin, beginRefusal, type Circumstances } from './once.ts';
import { clausesOf, MOST_WALKS, NOT_FOLLOWED, placeOf } from './places.ts';
import { refusalOf } from './refusal.ts';
import type { Question, Step, Trace } from './result.ts';
import type { Ground, Walk } from './state.ts';
import { grounds, unreadRules } from './trace.ts';
import { follow } from './walk.ts';

/** One packet of a connection: what it is called, who sends it, and its walk. */
export interface Turn {
  /** `SYN`, `SYN-ACK`, `ACK`, `data`, `data back`, `FIN`, `FIN back`; `first`, `reply`, `later`; `request`, `reply`. */
  readonly name: string;
  readonly by: 'caller' | 'answerer';
  readonly trace: Trace;
}

/** What comes of a connection. */
export type ConversationOutcome =
  /** Packets pass both ways. */
  | { readonly kind: 'open' }
  /** The first packet reaches nobody. */
  | { readonly kind: 'not opened'; readonly because: string }
  /** A packet after the first does not reach its socket, or another one. */
  | { readonly kind: 'broken'; readonly turn: string; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** A connection, packet by packet, up to the first that does not get through. Made by `prepareConversation`. */
export interface Conversation {
  readonly question: Question;
  /** Where rules are undecided, those of the first way, in which all of them match. */
  readonly turns: readonly Turn[];
  readonly outcome: ConversationOutcome;
  /** Where undecided rules lead elsewhere: each outcome that is possible, and the rule it hangs on. */
  readonly possible: readonly { readonly outcome: ConversationOutcome; readonly because: string }[];
}

/** What a packet of a connection is called, and what is different in it. */
interface Part {
  readonly name: string;
  readonly by: Turn['by'];
  readonly tcpFlags?: number;
}

const { SYN, ACK, PSH, FIN } = TCP_FLAGS;

const PARTS_OF_TCP: readonly Part[] = [
  { name: 'SYN', by: 'caller', tcpFlags: SYN },
  { name: 'SYN-ACK', by: 'answerer', tcpFlags: SYN | ACK },
  { name: 'ACK', by: 'caller', tcpFlags: ACK },
  { name: 'data', by: 'caller', tcpFlags: PSH | ACK },
  { name: 'data back', by: 'answerer', tcpFlags: PSH | ACK },
  { name: 'FIN', by: 'caller', tcpFlags: FIN | ACK },
  { name: 'FIN back', by: 'answerer', tcpFlags: FIN | ACK },
];
const PARTS_OF_ICMP: readonly Part[] = [
  { name: 'request', by: 'caller' },
  { name: 'reply', by: 'answerer' },
];
const PARTS: readonly Part[] = [
  { name: 'first', by: 'caller' },
  { name: 'reply', by: 'answerer' },
  { name: 'later', by: 'caller' },
];

const partsOf = ({ protocol }: Packet): readonly Part[] =>
  protocol === TCP ? PARTS_OF_TCP : protocol === ICMP || protocol === ICMPV6 ? PARTS_OF_ICMP : PARTS;

/**
 * Follows whole connections: the question's packet opens it, and each packet after it finds what those before have left in
 * connection tracking.
 *
 * @example prepareConversation(snapshot, [15001])(parseQuestion('in tcp/8888', snapshot)).outcome.kind // 'open'
 */
export function prepareConversation(
  snapshot: Snapshot,
  proxyPorts: readonly number[],
): (question: Question) => Conversation {
  const groundOf = grounds(snapshot, proxyPorts);
  const unread = unreadRules(snapshot);
  return (question) => {
    const ground = groundOf(question.packet.family);
    let first = true;
    const { ways, complete } = explore((decide) => {
      const recorded = first;
      first = false;
      return converse(ground, { ...question, assumptions: [...question.assumptions, ...unread] }, decide, recorded);
    }, MOST_WALKS);
    return merge(question, ways, complete);
  };
}

type Spoken = Pick<Conversation, 'turns' | 'outcome'>;

function converse(ground: Ground, question: Question, decide: Decide, recorded: boolean): Spoken {
  const turns: Turn[] = [];
  let connection: Connection | undefined;
  for (const part of partsOf(question.packet)) {
    const answering = part.by === 'answerer';
    const shared = { ground, decide, assumptions: new Set<string>() };
    const circumstances = answering ? answersApart(shared) : shared;
    const steps: Step[] | undefined = recorded ? [] : undefined;
    const asked = questionFor(part, question, connection, circumstances);
    if (typeof asked === 'string') break;
    const walk = begin(circumstances, asked, {
      steps,
      answering,
      ...(connection ? { opening: connection } : {}),
    });
    const outcome = follow(walk);
    const assumptions = [...new Set([...asked.assumptions, ...shared.assumptions])];
    const traced = { question: { ...asked, assumptions }, steps: steps ?? [], packet: { ...walk.packet }, outcome };
    turns.push({ name: part.name, by: part.by, trace: { ...traced, possible: [] } });
    const lost = lostBy(turns, part, outcome);
    if (lost) {
      if (!connection) refuse(openedBy(walk, question, outcome), walk, shared, turns);
      return { turns, outcome: lost };
    }
    connection = connection ? after(connection, walk) : openedBy(walk, question, outcome);
  }
  return { turns, outcome: { kind: 'open' } };
}

/** The kernel refuses a connection that it does not let in; what it sends is one more turn. */
function refuse(connection: Connection, first: Walk, circumstances: Circumstances, turns: Turn[]): void {
  const refusal = refusalOf(connection, first);
  if (!refusal) return;
  const { name, question } = refusal;
  const steps: Step[] | undefined = turns[0]?.trace.steps.length ? [] : undefined;
  const walk = beginRefusal(circumstances, refusal, { steps });
  const outcome = follow(walk);
  const trace = { question, steps: steps ?? [], packet: { ...walk.packet }, outcome, possible: [] };
  turns.push({ name, by: 'answerer', trace });
}

function questionFor(
  { by, tcpFlags }: Part,
  question: Question,
  connection: Connection | undefined,
  circumstances: Parameters<typeof answerTo>[2],
): Question | string {
  const flags = tcpFlags === undefined ? {} : { tcpFlags };
  if (!connection) return { ...question, packet: { ...question.packet, ...flags } };
  if (by === 'answerer') return answerTo(connection, { later: connection.replied, ...flags }, circumstances);
  const { packet } = question;
  return { ...question, assumptions: [], packet: { ...packet, ...flags, ctstate: CTSTATE.ESTABLISHED } };
}

/** Ends of a packet of the caller's that got through. */
const ARRIVED = ['proxy', 'app', 'sent', 'forwarded', 'delivered'];

function lostBy(
  turns: readonly Turn[],
  { by, name }: Part,
  outcome: Trace['outcome'],
): ConversationOutcome | undefined {
  if (by === 'answerer' ? outcome.kind === 'answered' : ARRIVED.includes(outcome.kind)) return undefined;
  if (outcome.kind === 'unknown') return { kind: 'unknown', because: outcome.because };
  if (turns.length === 1) return { kind: 'not opened', because: outcome.because };
  return { kind: 'broken', turn: name, because: outcome.because };
}

/** Ways are alike where each packet ends in the same place. */
const placesOf = ({ turns, outcome }: Spoken): string =>
  [outcome.kind, ...turns.map(({ trace }) => placeOf(trace))].join('\n');

function merge(question: Question, ways: readonly Way<Spoken>[], complete: boolean): Conversation {
  const [first] = ways;
  if (!first) throw new Error('a connection has at least one way');
  const byPlaces = new Map<string, Way<Spoken>>();
  for (const way of ways) if (!byPlaces.has(placesOf(way.result))) byPlaces.set(placesOf(way.result), way);
  const { turns, outcome } = first.result;
  if (byPlaces.size === 1 && complete) return { question, turns, outcome, possible: [] };
  const decision = hangsOn(first, ways, placesOf).at(-1);
  const because = decision ? `${decision.where}: ${decision.because}` : NOT_FOLLOWED.outcome.because;
  if (byPlaces.size === 1) return { question, turns, outcome: { kind: 'unknown', because }, possible: [] };
  const reached = [...byPlaces.values()].map((way) => {
    return { outcome: way.result.outcome, because: `if ${clausesOf(way, ways, placesOf).join(' and ')}` };
  });
  const possible = complete ? reached : [...reached, NOT_FOLLOWED];
  return { question, turns, outcome: { kind: 'unknown', because }, possible };
}
