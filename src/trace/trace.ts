import type { AddressValue, Family } from '../address/index.ts';
import { CTSTATE, type Packet, type Snapshot, TCP, TCP_FLAGS } from '../netfilter/index.ts';
import { type Decide, explore, hangsOn, type Way } from './decisions.ts';
import { hostOf, isLoopback, LOOPBACK } from './host.ts';
import { compileRules } from './program.ts';
import type { Outcome, Question, Step, Trace } from './result.ts';
import type { Ground, Opening, Walk } from './state.ts';
import { follow } from './walk.ts';
import type { Witness } from './witness.ts';

/** Undecided rules are followed both ways, in this many walks at most. */
const MOST_WALKS = 64;

/**
 * Follows one packet through a snapshot, rule by rule.
 *
 * `proxyPorts` are the ports that the mesh's proxy listens on (what recognising the interception tells).
 *
 * @example trace(snapshot, parseQuestion('in tcp/8888', snapshot), [15001]).outcome.kind // 'proxy'
 */
export const trace = (snapshot: Snapshot, question: Question, proxyPorts: readonly number[]): Trace =>
  prepare(snapshot, proxyPorts)(question);

/** The same for many packets: the rules are compiled once. */
export function prepare(snapshot: Snapshot, proxyPorts: readonly number[]): (question: Question) => Trace {
  const groundOf = grounds(snapshot, proxyPorts);
  const unread = (snapshot.unread ?? []).flatMap(({ about, what }) =>
    about === 'rules' ? [`${what} do nothing (they could not be read)`] : [],
  );
  return (question) => {
    const ground = groundOf(question.packet.family);
    let first = true;
    const { ways, complete } = explore((decide) => {
      // Only the first way is written down: the others differ from it where the decisions say so.
      const steps: Step[] | undefined = first ? [] : undefined;
      first = false;
      return { ...walkOnce(ground, question, decide, steps), steps };
    }, MOST_WALKS);
    return merge({ ...question, assumptions: [...question.assumptions, ...unread] }, ways, complete);
  };
}

/** Outcomes alone, unrecorded: the same walk, for those who ask about very many packets. */
export function prepareOutcome(snapshot: Snapshot, proxyPorts: readonly number[]): (question: Question) => Outcome {
  const groundOf = grounds(snapshot, proxyPorts);
  return (question) => {
    const ground = groundOf(question.packet.family);
    const { ways, complete } = explore((decide) => walkOnce(ground, question, decide, undefined), MOST_WALKS);
    const [only] = ways;
    return only && ways.length === 1 ? only.result.outcome : outcomeOf(ways, complete);
  };
}

/** Who goes along with a walk. Decisions that the witness does not take are taken by `decide`; by default always yes. */
export interface Company {
  readonly witness: Witness;
  readonly decide?: Decide;
}

/** One walk in company, for those who compare it with another account of the same packet. Gives the packet as it ended. */
export function prepareWalk(
  snapshot: Snapshot,
  proxyPorts: readonly number[],
): (question: Question, company: Company) => Pick<Trace, 'outcome' | 'packet'> {
  const groundOf = grounds(snapshot, proxyPorts);
  return (question, { witness, decide = () => true }) =>
    walkOnce(groundOf(question.packet.family), question, decide, undefined, witness);
}

function grounds(snapshot: Snapshot, proxyPorts: readonly number[]): (family: Family) => Ground {
  const { listeners, sysctls } = snapshot;
  const made = new Map<Family, Ground>();
  return (family) => {
    const known = made.get(family);
    if (known) return known;
    const ground: Ground = {
      program: compileRules(snapshot, family),
      host: hostOf(snapshot, family),
      listeners,
      proxyPorts: new Set(proxyPorts),
      forwards: family === 'ipv4' ? sysctls?.ipForward : sysctls?.ipv6Forward,
      routeLocalnet: sysctls?.routeLocalnet,
      orderUnknown: snapshot.orderUnknown === true,
    };
    made.set(family, ground);
    return ground;
  };
}

/** What one walk yields. */
interface Walked {
  readonly outcome: Outcome;
  readonly packet: Packet;
  readonly assumptions: ReadonlySet<string>;
}

function walkOnce(
  ground: Ground,
  question: Question,
  decide: Decide,
  steps: Step[] | undefined,
  witness?: Witness,
): Walked {
  const assumptions = new Set<string>();
  const opening =
    question.packet.ctstate === CTSTATE.ESTABLISHED ? openingOf(ground, question, decide, assumptions) : undefined;
  const walk = begin(ground, question, decide, steps, assumptions, opening);
  walk.witness = witness;
  const outcome = follow(walk);
  return { outcome, packet: walk.packet, assumptions };
}

/**
 * What became of the first packet of a connection, under the same rules: its later packets keep the mapping and go to
 * the socket it was given to.
 */
function openingOf(ground: Ground, question: Question, decide: Decide, assumptions: Set<string>): Opening {
  const { packet } = question;
  const flags = packet.protocol === TCP ? { tcpFlags: TCP_FLAGS.SYN } : {};
  const first: Question = { ...question, packet: { ...packet, ...flags, ctstate: CTSTATE.NEW } };
  const walk = begin(ground, first, decide, undefined, assumptions, undefined);
  const outcome = follow(walk);
  const opened = !['dropped', 'rejected', 'unknown', 'nobody listens'].includes(outcome.kind);
  if (!opened) {
    assumptions.add('the connection was opened from the other side or under other rules, and is not mapped');
    return { outcome, packet: { ...packet, ctmark: 0 }, byTproxy: false, looked: walk.looked };
  }
  assumptions.add('the connection was opened under these same rules');
  const { destination, source, receiver, mappedBy } = walk;
  return {
    outcome,
    packet: walk.packet,
    byTproxy: walk.assigned !== undefined,
    looked: walk.looked,
    ...(destination ? { destination } : {}),
    ...(source ? { source } : {}),
    ...(receiver ? { receiver } : {}),
    ...(mappedBy ? { mappedBy } : {}),
  };
}

function begin(
  ground: Ground,
  { direction, packet }: Question,
  decide: Decide,
  steps: Step[] | undefined,
  assumptions: Set<string>,
  opening: Opening | undefined,
): Walk {
  return {
    ground,
    direction,
    asked: packet,
    // Until connection tracking has looked at it, a packet belongs to none.
    packet: { ...packet, ctstate: CTSTATE.INVALID, ctzone: 0 },
    steps,
    decide,
    assumptions,
    opening,
    own: ground.host.known ? undefined : ownAddress(direction, packet),
    witness: undefined,
    hook: direction === 'in' ? 'PREROUTING' : 'OUTPUT',
    pass: 1,
    connection: 'none',
    destinationDecided: false,
    sourceDecided: false,
    destination: undefined,
    source: undefined,
    mappedBy: undefined,
    assigned: undefined,
    receiver: undefined,
    device: '',
    gateway: undefined,
    marked: false,
    looked: opening?.looked ?? 0,
    copy: undefined,
  };
}

/** Where no interfaces are known, the question tells which address is this host's own. */
function ownAddress(direction: Question['direction'], packet: Packet): AddressValue | undefined {
  const { source, destination, out, family } = packet;
  if (direction === 'in') return out ? undefined : destination;
  // Loopback's addresses speak to this host only.
  return out === LOOPBACK || (source !== undefined && isLoopback(family, source)) ? destination : source;
}

type Written = Walked & { readonly steps: readonly Step[] | undefined };

function merge(question: Question, ways: readonly Way<Written>[], complete: boolean): Trace {
  const [first] = ways;
  if (!first) throw new Error('a walk has at least one way');
  const outcome = outcomeOf(ways, complete);
  const assumptions = [...new Set([...question.assumptions, ...ways.flatMap(({ result }) => [...result.assumptions])])];
  const { steps = [], packet } = first.result;
  return { question: { ...question, assumptions }, steps, packet, outcome, possible: possibleOf(ways) };
}

/** Outcomes that lead to the same place are one, however they came about. */
const placeOf = ({ outcome }: Walked): string => {
  switch (outcome.kind) {
    case 'proxy':
      return `proxy ${outcome.port} ${outcome.original ? `${outcome.original.address} ${outcome.original.port}` : ''}`;
    case 'app':
    case 'nobody listens':
      return `${outcome.kind} ${outcome.port}`;
    case 'rejected':
      return `rejected ${outcome.with}`;
    case 'forwarded':
    case 'sent':
      return `${outcome.kind} ${outcome.out}`;
    case 'dropped':
    case 'delivered':
    case 'unknown':
      return outcome.kind;
  }
};

function outcomeOf(ways: readonly Way<Walked>[], complete: boolean): Outcome {
  const [first] = ways;
  const places = new Set(ways.map(({ result }) => placeOf(result)));
  if (first && places.size === 1 && complete) return first.result.outcome;
  if (places.size === 1) return { kind: 'unknown', because: `more than ${MOST_WALKS} ways lead through these rules` };
  // The last of them is the nearest to where the ways part.
  const decision = first ? hangsOn(first, ways, placeOf).at(-1) : undefined;
  return {
    kind: 'unknown',
    because: decision ? `${decision.where}: ${decision.because}` : 'several ways lead through these rules',
  };
}

/** One entry for each place that the ways lead to, where there are several. */
function possibleOf(ways: readonly Way<Walked>[]): Trace['possible'] {
  const byPlace = new Map<string, Way<Walked>>();
  for (const way of ways) if (!byPlace.has(placeOf(way.result))) byPlace.set(placeOf(way.result), way);
  if (byPlace.size < 2) return [];
  return [...byPlace.values()].map((way) => {
    const clauses = hangsOn(way, ways, placeOf).map(({ yes, no, answer }) => (answer ? yes : no));
    return { outcome: way.result.outcome, because: `if ${clauses.join(' and ')}` };
  });
}
