import type { Family, PortRange } from '../address/index.ts';
import type { Drift } from '../interception/index.ts';
import { heldFor, type Predicate, predicateOf, type Rule, type Snapshot } from '../netfilter/index.ts';
import { type Outcome, parseQuestion, prepareOutcome, QuestionRefused } from '../trace/index.ts';
import { outcomePhrase } from './packet.ts';

/** A port that nothing is said of. */
const ANY_PORT = 8080;

/**
 * Finds a packet that goes elsewhere than it should because of a difference, and says so: "in tcp/8888 goes to the app on
 * :8888, not to the proxy on :15006". Followed through both rule sets, so what it says is true; undefined where none of the
 * packets it tries shows anything.
 *
 * @param uid the proxy's user
 * @param now seconds since 1970
 */
export function meaningOf(
  drift: Drift,
  expected: Snapshot,
  actual: Snapshot,
  proxyPorts: readonly number[],
  uid: number,
  now: number,
): string | undefined {
  const { family } = drift;
  if (heldFor(actual, family).length === 0) return undefined;
  const should = prepareOutcome(expected, proxyPorts);
  const does = prepareOutcome(actual, proxyPorts);
  for (const packet of packetsFor(drift, uid)) {
    try {
      const question = parseQuestion(packet, actual, { family, now: now * 1000 });
      const [wanted, found] = [should(question), does(question)];
      if (outcomePhrase(wanted) !== outcomePhrase(found)) return `${packet} ${verb(found)}, not ${phrase(wanted)}`;
    } catch (error) {
      if (!(error instanceof QuestionRefused)) throw error;
    }
  }
  return undefined;
}

function packetsFor({ rule, expected, family }: Drift, uid: number): string[] {
  const ports = [...new Set([rule, expected].flatMap((one) => (one ? portsIn(one, family) : [])))].slice(0, 3);
  const elsewhere = '192.0.2.1';
  return [...ports, ANY_PORT].flatMap((port) => [
    `in tcp/${port}`,
    `self tcp/${port} uid ${uid}`,
    `self tcp/${port}`,
    `out tcp > ${elsewhere}:${port} uid 1000`,
    `out tcp > ${elsewhere}:${port} uid ${uid}`,
  ]);
}

/** The first port of each range that a rule speaks of, be it to exclude it. */
const portsIn = (rule: Rule, family: Family): number[] =>
  rangesIn(predicateOf(rule, family), true).map(([port]) => port);

/** The ranges of destination ports that a rule asks for; what it excludes is not among them. */
export const portRangesIn = (rule: Rule, family: Family): PortRange[] => rangesIn(predicateOf(rule, family), false);

function rangesIn(predicate: Predicate, excluded: boolean): PortRange[] {
  switch (predicate.kind) {
    case 'in':
      return predicate.field === 'destinationPort'
        ? predicate.ranges.map(([low, high]): PortRange => [Number(low), Number(high)]).filter(([low]) => low > 0)
        : [];
    case 'all':
    case 'some':
      return predicate.of.flatMap((part) => rangesIn(part, excluded));
    case 'not':
      return excluded ? rangesIn(predicate.of, excluded) : [];
    default:
      return [];
  }
}

const phrase = (outcome: Outcome): string =>
  outcome.kind === 'proxy' || outcome.kind === 'app' ? `to ${outcomePhrase(outcome)}` : outcomePhrase(outcome);

const verb = (outcome: Outcome): string =>
  outcome.kind === 'proxy' || outcome.kind === 'app'
    ? `goes to ${outcomePhrase(outcome)}`
    : `is ${outcomePhrase(outcome)}`;
