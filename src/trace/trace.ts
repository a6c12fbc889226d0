import type { Family } from '../address/index.ts';
import { rulesRead, type Snapshot } from '../netfilter/index.ts';
import { isUnreadEgress } from './at-device.ts';
import { contentsOfChain } from './contents.ts';
import { type Decide, explore, explorer, type Way } from './decisions.ts';
import { hostOf, isSameHost } from './host.ts';
import { leavingOf } from './interfaces.ts';
import { type Circumstances, type Walked, walkOnce } from './once.ts';
import { MOST_WALKS, outcomeOf, possibleOf } from './places.ts';
import { compileRules, type Program } from './program.ts';
import { chainsAt } from './reached.ts';
import type { End, Outcome, Question, Step, Trace } from './result.ts';
import { byPort } from './sockets.ts';
import type { Ground } from './state.ts';
import type { Witness } from './witness.ts';

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
  const unread = unreadRules(snapshot);
  return (question) => {
    const ground = groundOf(question.packet.family);
    let first = true;
    const { ways, complete } = explore((decide) => {
      // Only the first way is written down: the others differ from it where the decisions say so.
      const steps: Step[] | undefined = first ? [] : undefined;
      first = false;
      const assumptions = new Set<string>();
      return { ...walkOnce({ ground, decide, assumptions }, question, { steps }), steps, assumptions };
    }, MOST_WALKS);
    return merge({ ...question, assumptions: [...question.assumptions, ...unread] }, ways, complete);
  };
}

const UNRECORDED = {};

/** Outcomes alone, unrecorded: the same walk, for those who ask about very many packets. */
export const prepareOutcome = (snapshot: Snapshot, proxyPorts: readonly number[]): ((question: Question) => Outcome) =>
  prepareUnrecorded(snapshot, proxyPorts, true);

/** The same without a word of why: a sentence costs more than many rules do. */
export const prepareEnd = (snapshot: Snapshot, proxyPorts: readonly number[]): ((question: Question) => End) =>
  prepareUnrecorded(snapshot, proxyPorts, false);

function prepareUnrecorded(snapshot: Snapshot, proxyPorts: readonly number[], why: boolean) {
  const groundOf = grounds(snapshot, proxyPorts);
  const { decide, begin, decided, explore } = explorer(MOST_WALKS);
  const made = onceAFamily((family) => ({ ground: groundOf(family), decide, why, assumptions: undefined }));
  const everyWay = (question: Question, circumstances: Circumstances, first: Walked): Outcome => {
    const { ways, complete } = explore(first, () => walkOnce(circumstances, question, UNRECORDED));
    return outcomeOf(ways, complete);
  };
  return (question: Question): Outcome => {
    const circumstances = made(question.packet.family);
    begin();
    const first = walkOnce(circumstances, question, UNRECORDED);
    return decided() ? everyWay(question, circumstances, first) : first.outcome;
  };
}

/** What is made at the first question about a family, and kept. */
function onceAFamily<T>(make: (family: Family) => T): (family: Family) => T {
  let [ipv4, ipv6]: (T | undefined)[] = [];
  return (family) => {
    if (family === 'ipv4') {
      ipv4 ??= make(family);
      return ipv4;
    }
    ipv6 ??= make(family);
    return ipv6;
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
    walkOnce({ ground: groundOf(question.packet.family), decide, assumptions: undefined }, question, { witness });
}

/** What does not change from packet to packet. */
export type Grounds = (family: Family) => Ground;

/**
 * Made once a family.
 *
 * @param like another snapshot, and its grounds: rules that are alike in both are compiled once, and one machine's routes read once
 */
export const grounds = (
  snapshot: Snapshot,
  proxyPorts: readonly number[],
  like?: { readonly snapshot: Snapshot; readonly grounds: Grounds },
): Grounds =>
  onceAFamily((family) => {
    const { listeners, sysctls } = snapshot;
    const known = like && { snapshot: like.snapshot, program: like.grounds(family).program };
    const program = compileRules(snapshot, family, known);
    const host = like && isSameHost(snapshot, like.snapshot) ? like.grounds(family).host : hostOf(snapshot, family);
    return {
      program,
      unread: unreadFamily(snapshot, family),
      host,
      leaving: host.routesKnown ? undefined : leavingOf(program, host.card),
      listeners,
      sockets: listeners && byPort(listeners),
      proxyPorts: new Set(proxyPorts),
      handed: host.rulesKnown ? NO_MARKS : handedMarks(program),
      forwards: family === 'ipv4' ? sysctls?.ipForward : sysctls?.ipv6Forward,
      routeLocalnet: sysctls?.routeLocalnet,
      rpFilter: sysctls?.rpFilter,
      orderUnknown: snapshot.orderUnknown === true,
    };
  });

const NO_MARKS: ReadonlySet<number> = new Set();

function handedMarks(program: Program): ReadonlySet<number> {
  const marks = new Set<number>();
  for (const chain of chainsAt(program))
    for (const effect of contentsOfChain(chain).effects)
      if (effect.kind === 'tproxy' && effect.mark && effect.mark.value !== 0) marks.add(effect.mark.value);
  return marks;
}

/** What could not be read, or is not followed, is taken to do nothing, one clause each. */
export const unreadRules = ({ unread = [], native = [], routes }: Snapshot): readonly string[] => [
  ...unread.flatMap(({ about, what, because }) => {
    if (about === 'rules') return [`${what} do nothing (they could not be read)`];
    // Routes were read, but for this one.
    const aside = about === 'settings' || (about === 'routes' && routes !== undefined);
    return aside ? [`${what} plays no part (${because})`] : [];
  }),
  ...native.flatMap((table) => {
    const title = `table ${table.family} ${table.name}`;
    return [
      ...(isUnreadEgress(table) ? [`what ${title} does at a device is not followed`] : []),
      ...(table.flags.includes('unknown') ? [`${title} is not dormant, which nft's JSON does not tell`] : []),
    ];
  }),
];

/** Why no packet of a family can be followed, where its rules were not read. */
function unreadFamily(snapshot: Snapshot, family: Family): string | undefined {
  if (rulesRead(snapshot, family)) return undefined;
  const spoken = family === 'ipv4' ? 'IPv4' : 'IPv6';
  const refused = snapshot.unread?.find(({ about, what }) => about === 'rules' && what.includes(spoken));
  return `the ${spoken} rules were not read${refused ? `: ${refused.because}` : ''}`;
}

/** A walk, written down where it is the first. */
interface Recorded extends Walked {
  readonly steps: readonly Step[] | undefined;
  readonly assumptions: ReadonlySet<string>;
}

function merge(question: Question, ways: readonly Way<Recorded>[], complete: boolean): Trace {
  const [first] = ways;
  if (!first) throw new Error('a walk has at least one way');
  const outcome = outcomeOf(ways, complete);
  const assumptions = [...new Set([...question.assumptions, ...ways.flatMap(({ result }) => [...result.assumptions])])];
  const { steps = [], packet, answer } = first.result;
  return {
    question: { ...(answer ?? question), assumptions },
    steps,
    packet,
    outcome,
    possible: possibleOf(ways, complete),
    ...(answer ? { inReplyTo: question.about ?? question } : {}),
  };
}
