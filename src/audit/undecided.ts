import type { Family } from '../address/index.ts';
import type { PacketSet } from '../analysis/index.ts';
import { ruleWords, stepRuleWords } from '../explain/index.ts';
import {
  ALWAYS,
  all,
  compile,
  eachPart,
  type FieldName,
  heldFor,
  type Leaf,
  NEVER,
  not,
  type Packet,
  type Predicate,
  predicateOf,
  some,
} from '../netfilter/index.ts';
import type { RuleStep } from '../trace/index.ts';
import type { Audited } from './audited.ts';
import type { Example, PlacedRule } from './finding.ts';

/** A rule of which Sidestep does not know whether it matches. */
export interface Undecided {
  readonly place: PlacedRule;
  /** The rule as it is typed. */
  readonly words: string;
  readonly predicate: Predicate;
  /** What is not known of it. */
  readonly because: string;
}

/**
 * The rules of iptables of a family that ask for something which Sidestep does not know. What a listing hides is not among it, nor what
 * the kernel itself leaves to chance.
 */
export const undecidedRules = ({ snapshot }: Pick<Audited, 'snapshot'>, family: Family): readonly Undecided[] =>
  heldFor(snapshot, family).flatMap(({ backend, rules: { tables } }) =>
    tables.flatMap(({ name: table, chains }) =>
      chains.flatMap(({ name: chain, rules }) =>
        rules.flatMap((rule, at): readonly Undecided[] => {
          const { unshown, line, ...shown } = rule;
          // In place of rules that the text does not show at all.
          if (unshown?.some(({ part }) => part === 'all of it')) return [];
          const predicate = predicateOf(shown, family, snapshot.sets);
          const because = unknownIn(predicate);
          if (because === undefined) return [];
          const place = { family, table, backend, chain, number: at + 1, ...(line === undefined ? {} : { line }) };
          return [{ place, words: ruleWords(rule, family), predicate, because }];
        }),
      ),
    ),
  );

/** The same of nft's own rules, as far as a packet comes by them. */
export const undecidedNative = ({ trace }: Example): readonly Undecided[] =>
  trace.steps.flatMap((step): readonly Undecided[] => {
    if (step.kind !== 'rule' || !step.native || step.answer !== 'undecided' || !step.decisive) return [];
    const { predicate } = step.decisive;
    const because = unknownIn(predicate);
    if (because === undefined) return [];
    const { table, chain, number } = step;
    const place = { family: step.packet.family, table, backend: 'native', chain, number } as const;
    return [{ place, words: stepRuleWords(step), predicate, because }];
  });

/** Why part of a condition is not known; undefined where all of it is. */
function unknownIn(predicate: Predicate): string | undefined {
  let because: string | undefined;
  eachPart(predicate, (part) => {
    if (part.kind === 'unknown') because ??= part.because;
  });
  return because;
}

/**
 * Those of these packets that may meet the rule's other conditions: nat may have changed what it asks for, so that it is a place to look
 * first, and no more.
 */
export const likely = (packets: PacketSet, predicate: Predicate): PacketSet => {
  switch (predicate.kind) {
    case 'all':
      return predicate.of.reduce(likely, packets);
    case 'not':
      return isLeaf(predicate.of) ? packets.minus(packets.where(predicate.of)) : packets;
    default:
      return isLeaf(predicate) ? packets.where(predicate) : packets;
  }
};

/**
 * A packet of these that a rule asks for, as far as that can be had: sets do not tell apart what no rule does anything with, so that its
 * ports and addresses are put in.
 */
export function askedFor(audited: Pick<Audited, 'example' | 'followed'>, packets: PacketSet, predicate: Predicate) {
  const found = audited.example(likely(packets, predicate));
  if (!found || compile(predicate)(found.question.packet) !== false) return found;
  const { question } = found;
  const packet = leavesOf(predicate).reduce(having, question.packet);
  return audited.followed({ ...question, packet });
}

/** What a condition asks for, whatever else it does. */
const leavesOf = (predicate: Predicate): readonly Leaf[] =>
  predicate.kind === 'all' ? predicate.of.flatMap(leavesOf) : isLeaf(predicate) ? [predicate] : [];

const PUT_IN: readonly FieldName[] = ['source', 'destination', 'sourcePort', 'destinationPort', 'uid', 'gid'];

const having = (packet: Packet, leaf: Leaf): Packet =>
  leaf.kind === 'in' && PUT_IN.includes(leaf.field) && packet[leaf.field] !== undefined
    ? { ...packet, [leaf.field]: leaf.ranges[0]?.[0] }
    : packet;

const isLeaf = (predicate: Predicate): predicate is Leaf => 'field' in predicate;

/** Whether where a packet ends hangs on what is not known of a rule. */
export function hangsOn({ trace }: Example, { place, predicate }: Undecided): boolean {
  const { table, chain, number } = place;
  const where = `${table} ${chain} ${number}`;
  // The rule may stand on another way than the one that is written down: the clauses of all ways name it.
  const isNamed = trace.possible.some(
    ({ because }) => because.includes(` ${where} matches`) || because.includes(` ${where} does not match`),
  );
  const step = trace.steps.find(
    (one): one is RuleStep =>
      one.kind === 'rule' && one.table === table && one.chain === chain && one.number === number,
  );
  return isNamed && matters(predicate, step?.packet ?? trace.question.packet);
}

/** Whether it is the part that is not known which decides, and not chance or the hour beside it. */
function matters(predicate: Predicate, packet: Packet): boolean {
  const [yes, no] = [ALWAYS, NEVER].map((known) => compile(settled(predicate, known))(packet));
  return yes !== no;
}

/** A condition with something known in place of what is not. */
function settled(predicate: Predicate, known: Predicate): Predicate {
  switch (predicate.kind) {
    case 'unknown':
      return known;
    case 'member':
      return settled(predicate.meaning, known);
    case 'not':
      return not(settled(predicate.of, known));
    case 'all':
      return all(...predicate.of.map((part) => settled(part, known)));
    case 'some':
      return some(...predicate.of.map((part) => settled(part, known)));
    default:
      return predicate;
  }
}
