import type { Family, PortRange } from '../address/index.ts';
import type { Diverted, Drift, Program } from '../interception/index.ts';
import {
  type Backend,
  BUILT_IN,
  type Chain,
  heldFor,
  type Predicate,
  predicateOf,
  type Rule,
  type RuleSet,
  type Snapshot,
  type Table,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { type Outcome, parseQuestion, prepareOutcome, type Question, QuestionRefused } from '../trace/index.ts';
import { outcomePhrase } from './packet.ts';
import { packetIn, packetsIn } from './sample.ts';

/** A port that nothing is said of. */
const ANY_PORT = 8080;

/** The rules as they should be and as they are, for following packets. */
export interface Followers {
  readonly should: Snapshot;
  readonly does: Snapshot;
  /** The ports of the proxy, and its user. */
  readonly proxyPorts: readonly number[];
  readonly uid: number;
  /** Seconds since 1970. */
  readonly now: number;
  /** Follows through the rules as they should be, and as they are. */
  readonly followed: readonly [wanted: Follow, found: Follow];
}

type Follow = (question: Question) => Outcome;

/**
 * Prepares to follow packets through both. Who listens just now is left out: what the rules mean does not hang on whether
 * the proxy or the app has started yet.
 */
export function followers(expected: Snapshot, actual: Snapshot, { interception }: Program, now: number): Followers {
  const { proxy, inboundPort, outboundPort } = interception;
  const [should, does] = [expected, actual].map(({ listeners: _, ...rest }) => rest) as [Snapshot, Snapshot];
  const proxyPorts = [inboundPort, outboundPort];
  const followed = [prepareOutcome(should, proxyPorts), prepareOutcome(does, proxyPorts)] as const;
  return { should, does, proxyPorts, uid: Number(proxy.uids[0] ?? 1337) || 1337, now, followed };
}

/** What a difference does, in words, and the packet that shows it; none where only a rewritten destination tells. */
export interface Meaning {
  readonly means: string;
  readonly question?: Question;
}

/**
 * Finds a packet that goes elsewhere than it should because of a difference, and says so: "in tcp/8888 goes to the app on
 * :8888, not to the proxy on :15006". Followed through the rules as they are and as they should be, and without this one
 * difference, so that what another one does is not put down to it; undefined where none of the packets it tries shows
 * anything.
 *
 * @param diverted connections that are known to go elsewhere
 */
export function meaningOf(
  drift: Drift,
  backend: Backend,
  followers: Followers,
  diverted: readonly Diverted[],
): Meaning | undefined {
  const { should, does, proxyPorts, uid, now, followed } = followers;
  const { family } = drift;
  if (heldFor(does, family).length === 0) return undefined;
  const [wanted, found] = followed;
  const questions = [...new Set([...packetsIn(diverted, family), ...packetsFor(drift, uid)])].flatMap((packet) => {
    const question = questionOf(packet, does, family, now);
    return question ? [{ packet, question, goes: found(question), should: wanted(question) }] : [];
  });
  const sentence = ({ packet, goes, should }: (typeof questions)[number], goesNow: Outcome = goes): string =>
    `${packet} ${verb(goesNow)}, not ${phrase(should)}`;
  const shown = (one: (typeof questions)[number]): Meaning => ({ means: sentence(one), question: one.question });
  // What is set right when this difference is taken away is its doing.
  const mended = prepareOutcome(withDrift(does, backend, drift, 'mended'), proxyPorts);
  const elsewhere = questions.filter(({ goes, should }) => outcomePhrase(goes) !== outcomePhrase(should));
  const its = elsewhere.find(({ question, goes }) => outcomePhrase(mended(question)) !== outcomePhrase(goes));
  if (its) return shown(its);
  // Of several that do the same each does it by itself; another one may hide what this one does.
  const alone = prepareOutcome(withDrift(should, backend, drift, 'alone'), proxyPorts);
  for (const one of questions) {
    const by = alone(one.question);
    if (outcomePhrase(by) === outcomePhrase(one.should)) continue;
    return outcomePhrase(by) === outcomePhrase(one.goes) ? shown(one) : { means: `by itself: ${sentence(one, by)}` };
  }
  const means = rewritten(diverted, family);
  return means === undefined ? undefined : { means };
}

/** TPROXY's proxy gets the connection all the same, but reads another destination from it. */
function rewritten(diverted: readonly Diverted[], family: Family): string | undefined {
  for (const one of diverted) {
    const { turned, now } = one.fate;
    const [range] = now.values.destinationPort ?? [];
    const packet = packetIn(one, family);
    if (turned?.how === 'TPROXY' && range && packet)
      return `${packet} reaches the proxy as if it had been sent to :${range[0]}`;
  }
  return undefined;
}

/** A snapshot with the chain of a difference in which it is the only one, or which lacks it alone. */
export function withDrift(snapshot: Snapshot, backend: Backend, drift: Drift, which: 'alone' | 'mended'): Snapshot {
  const { family, table, chain: name, kind, policy } = drift;
  const changed = (chain: Chain): Chain => {
    if (kind === 'policy') return { ...chain, policy: which === 'alone' ? (policy ?? 'ACCEPT') : 'ACCEPT' };
    if (kind === 'missing chain') return which === 'alone' ? { ...chain, rules: [] } : chain;
    return { ...chain, rules: drift[which] ?? chain.rules };
  };
  return {
    ...snapshot,
    held: snapshot.held.map((held) =>
      held.backend !== backend || held.rules.family !== family
        ? held
        : { backend, rules: withChain(held.rules, table, name, changed) },
    ),
  };
}

/** The rule set with one chain changed; a table that is not there is one that holds nothing. */
function withChain(rules: RuleSet, table: TableName, name: string, change: (chain: Chain) => Chain): RuleSet {
  const fresh = (): Table => ({
    name: table,
    chains: BUILT_IN[table].map((chain) => ({ name: chain, policy: 'ACCEPT', rules: [] })),
  });
  const tables = tableOf(rules, table) ? rules.tables : [...rules.tables, fresh()];
  return {
    ...rules,
    tables: tables.map((one) =>
      one.name === table
        ? { ...one, chains: one.chains.map((chain) => (chain.name === name ? change(chain) : chain)) }
        : one,
    ),
  };
}

function questionOf(packet: string, snapshot: Snapshot, family: Family, now: number): Question | undefined {
  try {
    return parseQuestion(packet, snapshot, { family, now: now * 1000 });
  } catch (error) {
    if (error instanceof QuestionRefused) return undefined;
    throw error;
  }
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

const phrase = (outcome: Outcome): string => {
  if (outcome.kind === 'proxy' || outcome.kind === 'app') return `to ${outcomePhrase(outcome)}`;
  return outcome.kind === 'nobody listens' ? `where ${outcomePhrase(outcome)}` : outcomePhrase(outcome);
};

const verb = (outcome: Outcome): string =>
  ['proxy', 'app', 'nobody listens'].includes(outcome.kind) ? `goes ${phrase(outcome)}` : `is ${phrase(outcome)}`;
