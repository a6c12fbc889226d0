import { CTSTATE, isTableName, type KernelAccount, type KernelEvent, type Snapshot } from '../netfilter/index.ts';
import { agreeing } from './agreement.ts';
import { Comparison, Differs } from './comparison.ts';
import { firstState } from './conntrack.ts';
import type { Decide } from './decisions.ts';
import { kernelOutcome, kernelSteps, lastPacket, sameRuleIn } from './kernel-steps.ts';
import { walkOnce } from './once.ts';
import { askedAbout, isFirst, type Opener } from './opener.ts';
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

/** Openers of connections that are remembered, for their later packets and replies. */
const MOST_CONNECTIONS = 10_000;

/** Follows packets that have passed, one after the other, through the rules, and holds the kernel's account beside each walk. */
export function prepareBeside({ simulated, held, proxyPorts }: Sides): (account: KernelAccount) => Passed {
  const groundOf = grounds(simulated, proxyPorts);
  const follow = prepare(simulated, proxyPorts);
  const sameRule = sameRuleIn(simulated, held);
  const openers = new Map<number, Opener>();
  return (account) => {
    const tracked = groundOf(account.packet.family).program.conntrack !== false;
    const shown = questionOf(account, tracked && isLookedAt(account, held));
    const { seen, connection } = account;
    const opener = connection && openers.get(connection.id);
    const refuses = ({ question, outcome }: Opener): boolean =>
      REFUSED.includes((outcome ?? follow(question).outcome).kind);
    const question = askedAbout(shown, account, opener, refuses);
    const opens = connection !== undefined && !opener && typeof question !== 'string' && isFirst(account);
    const remember = (how: Partial<Opener>): void => {
      if (opens && openers.size < MOST_CONNECTIONS) openers.set(connection.id, { question: shown, account, ...how });
    };
    remember({});
    const rest = (from: number): readonly Step[] => kernelSteps(account, from, held);
    if (typeof question === 'string') {
      const trace = tracedBy(shown, rest(0), kernelOutcome(account, proxyPorts), account);
      return { trace, simulated: { kind: 'not compared', because: question }, unconfirmed: [], seen };
    }
    let comparison = new Comparison(account, [], sameRule);
    const ground = groundOf(shown.packet.family);
    const walk = (decide: Decide) => {
      const steps: Step[] = [];
      comparison = new Comparison(account, steps, sameRule);
      const assumptions = new Set<string>();
      const circumstances = { ground, decide, assumptions, ...again(opener) };
      const { outcome, packet } = walkOnce(circumstances, question, { steps, witness: comparison });
      return { outcome, packet, steps, assumptions, because: comparison.ended(outcome, packet) };
    };
    const again = ({ question, account, answers }: Partial<Opener> = {}) =>
      question && account && answers
        ? {
            opener: {
              question,
              decide: (key: string) => answers.get(key) ?? true,
              witness: new Comparison(account, [], sameRule),
            },
          }
        : {};
    try {
      const { result, answers } = agreeing(walk);
      const { outcome, packet, steps, assumptions, because } = result;
      const { unconfirmed } = comparison;
      remember({ answers, outcome });
      const told = { ...shown, assumptions: [...assumptions] };
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
      const { unconfirmed } = comparison;
      // Of fragments that are put together only the last one to come is told of further.
      if (fragment && !difference.kernel && difference.agreed.events === events.length) {
        const trace = tracedBy(
          shown,
          difference.agreed.steps.map(decided),
          kernelOutcome(account, proxyPorts),
          account,
        );
        const because = 'it is a fragment, and waits for the others before INPUT';
        return { trace, simulated: { kind: 'as far as known', because }, unconfirmed, seen };
      }
      const { agreed, simulator } = difference;
      const kernel = difference.kernel && account.events[agreed.events];
      const both = agreed.steps.map(decided);
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
