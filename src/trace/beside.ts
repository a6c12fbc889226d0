import {
  CTSTATE,
  CTSTATUS,
  ICMP,
  ICMPV6,
  isTableName,
  type KernelAccount,
  type KernelEvent,
  type Snapshot,
  TCP,
  TCP_FLAGS,
} from '../netfilter/index.ts';
import { Comparison, Differs } from './comparison.ts';
import { firstState } from './conntrack.ts';
import { kernelOutcome, kernelSteps, lastPacket, sameRuleIn } from './kernel-steps.ts';
import { walkOnce } from './once.ts';
import type { Outcome, Question, Step, Trace } from './result.ts';
import { grounds, prepare } from './trace.ts';

/** What the simulator says of a packet that has passed. */
export type Simulated =
  | { readonly kind: 'same' }
  /** The same as far as it goes. */
  | { readonly kind: 'as far as known'; readonly because: string }
  | {
      readonly kind: 'differs';
      /** The first step that is the kernel's alone: an index of the trace's steps. */
      readonly at: number;
      /** What the kernel says there; undefined: nothing more. */
      readonly kernel: KernelEvent | undefined;
      /** What the simulator says there, a clause. */
      readonly simulator: string;
      readonly outcome: Outcome;
    }
  /** It was not asked. */
  | { readonly kind: 'not compared'; readonly because: string };

/** A packet that has passed: its walk as the kernel tells it, and what the simulator says of the same packet. */
export interface Passed {
  /** What both say is written down in full; what the kernel says alone, as far as it tells. */
  readonly trace: Trace;
  readonly simulated: Simulated;
  /** Chains of which the kernel tells nothing: what the trace says of them is the simulator's word alone. */
  readonly unconfirmed: readonly string[];
  /** Milliseconds since 1970. */
  readonly seen: number;
}

/** The rules that the simulator goes by, and those that the kernel held when watching began. */
export interface Sides {
  readonly simulated: Snapshot;
  readonly held: Snapshot;
  readonly proxyPorts: readonly number[];
}

/** Openers of connections that are remembered, for their replies. */
const MOST_CONNECTIONS = 10_000;

/** Follows packets that have passed, one after the other, through the rules, and holds the kernel's account beside each walk. */
export function prepareBeside({ simulated, held, proxyPorts }: Sides): (account: KernelAccount) => Passed {
  const groundOf = grounds(simulated, proxyPorts);
  const follow = prepare(simulated, proxyPorts);
  const sameRule = sameRuleIn(simulated, held);
  const openers = new Map<number, Question>();
  return (account) => {
    const tracked = groundOf(account.packet.family).program.conntrack !== false;
    const shown = questionOf(account, tracked && isLookedAt(account, held));
    const refuses = (opener: Question): boolean => REFUSED.includes(follow(opener).outcome.kind);
    const question = askedAbout(shown, account, openers, refuses);
    const { seen } = account;
    const rest = (from: number): readonly Step[] => kernelSteps(account, from, held);
    if (typeof question === 'string') {
      const trace = tracedBy(shown, rest(0), kernelOutcome(account, proxyPorts), account);
      return { trace, simulated: { kind: 'not compared', because: question }, unconfirmed: [], seen };
    }
    const steps: Step[] = [];
    const comparison = new Comparison(account, steps, sameRule);
    const { unconfirmed } = comparison;
    try {
      const ground = groundOf(shown.packet.family);
      const circumstances = { ground, decide: () => true, assumptions: new Set<string>() };
      const { outcome, packet } = walkOnce(circumstances, question, { steps, witness: comparison });
      const because = comparison.ended(outcome, packet);
      const told = { ...shown, assumptions: [...circumstances.assumptions] };
      if (because === undefined) {
        const trace = { question: told, steps: steps.map(decided), packet, outcome, possible: [] };
        return { trace, simulated: { kind: 'same' }, unconfirmed, seen };
      }
      const all = [...steps.map(decided), ...rest(comparison.events)];
      const trace = tracedBy(told, all, kernelOutcome(account, proxyPorts), account);
      return { trace, simulated: { kind: 'as far as known', because }, unconfirmed, seen };
    } catch (difference) {
      if (!(difference instanceof Differs)) throw difference;
      const { fragment, events } = account;
      // Of fragments that are put together only the last one to come is told of further.
      if (fragment && !difference.kernel && difference.agreed.events === events.length) {
        const trace = tracedBy(
          shown,
          steps.slice(0, difference.agreed.steps).map(decided),
          kernelOutcome(account, proxyPorts),
          account,
        );
        const because = 'it is a fragment, and waits for the others before INPUT';
        return { trace, simulated: { kind: 'as far as known', because }, unconfirmed, seen };
      }
      const { agreed, simulator } = difference;
      const kernel = difference.kernel && account.events[agreed.events];
      const both = steps.slice(0, agreed.steps).map(decided);
      const trace = tracedBy(shown, [...both, ...rest(agreed.events)], kernelOutcome(account, proxyPorts), account);
      const { outcome } = follow(question);
      const simulated: Simulated = { kind: 'differs', at: both.length, kernel, simulator, outcome };
      return { trace, simulated, unconfirmed, seen };
    }
  };
}

/** Ends of a packet for which the kernel itself sends something back. */
const REFUSED: readonly Outcome['kind'][] = ['rejected', 'nobody listens'];

/** The packet as it began, with what connection tracking made of it later. */
function questionOf({ direction, packet, tellsConnections }: KernelAccount, looked: boolean): Question {
  // A wrong checksum, say: nothing of it is in the headers.
  const found = tellsConnections && looked ? CTSTATE.INVALID : firstState(packet);
  return { direction, packet: { ...packet, ctstate: packet.ctstate ?? found }, assumptions: [] };
}

/** Whether the packet has come further than where connection tracking looks. */
const isLookedAt = ({ events }: KernelAccount, held: Snapshot): boolean =>
  events.some(
    (event) =>
      event.kind !== 'policy' && event.kind !== 'rule' && (event.kind !== 'asked' || isBehindTracking(event, held)),
  );

function isBehindTracking(
  { table, chain: name }: { readonly table: string; readonly chain: string },
  { native = [] }: Snapshot,
): boolean {
  if (isTableName(table)) return table !== 'raw';
  const chains = native.find((one) => `${one.family} ${one.name}` === table)?.chains;
  const priority = chains?.find((chain) => chain.name === name)?.base?.priority;
  return priority !== undefined && priority > TRACKING;
}

/** The priority at which connection tracking looks at packets. Source: netfilter_ipv4.h, NF_IP_PRI_CONNTRACK. */
const TRACKING = -200;

/** What the simulator is asked: of a reply, the answer to the packet that opened the connection. Else why nothing is. */
function askedAbout(
  question: Question,
  { connection }: KernelAccount,
  openers: Map<number, Question>,
  refuses: (opener: Question) => boolean,
): Question | string {
  const { packet, direction } = question;
  const opener = connection && openers.get(connection.id);
  const answersItself = direction === 'out' && opener?.direction === 'in';
  if (packet.ctstate === CTSTATE.RELATED) {
    const isIcmp = packet.protocol === ICMP || packet.protocol === ICMPV6;
    if (isIcmp && !opener) return 'it is about another packet, which was not seen';
    if (answersItself && (packet.protocol === TCP || (isIcmp && refuses(opener)))) return { ...opener, refusal: true };
    // Else a helper has waited for it: it opens a connection.
    if (isIcmp && opener)
      return { ...question, about: connection.reply ? opener : { ...opener, reply: { later: true } } };
  }
  if (!connection) return question;
  if (!connection.reply) {
    if (packet.ctstate === CTSTATE.ESTABLISHED) {
      if (opener?.packet.ctstate !== CTSTATE.RELATED) return question;
      return { ...question, packet: { ...packet, ctstatus: CTSTATUS.EXPECTED } };
    }
    if (opener) return { ...question, repeated: true };
    if (openers.size < MOST_CONNECTIONS) openers.set(connection.id, question);
    return question;
  }
  if (!opener) return 'it is a reply, and the packet that opened its connection was not seen';
  const isReset = packet.protocol === TCP && ((packet.tcpFlags ?? 0) & TCP_FLAGS.RST) !== 0;
  if (isReset && answersItself && refuses(opener)) return { ...opener, refusal: true };
  const flags = packet.protocol === TCP && packet.tcpFlags !== undefined ? { tcpFlags: packet.tcpFlags } : {};
  return { ...opener, reply: { later: true, ...flags } };
}

const tracedBy = (question: Question, steps: readonly Step[], outcome: Outcome, { events, packet }: KernelAccount) => ({
  question,
  steps,
  outcome,
  packet: lastPacket(events) ?? packet,
  possible: [],
});

/** A rule that was open is so no more: the kernel has told whether it matched. */
function decided(step: Step): Step {
  if (step.kind !== 'rule' || step.answer !== 'undecided' || step.taken === undefined) return step;
  const { taken, decisive, effect, ...rest } = step;
  if (taken) return { ...rest, answer: 'matched', ...(effect ? { effect } : {}) };
  return { ...rest, answer: 'passed by', ...(decisive ? { decisive } : {}) };
}
