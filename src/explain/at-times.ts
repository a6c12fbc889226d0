import type { Family } from '../address/index.ts';
import {
  effectOf,
  heldFor,
  type NftRule,
  type NftStatement,
  type NftTable,
  type Predicate,
  predicateOf,
  type Rule,
  type Snapshot,
} from '../netfilter/index.ts';
import { printNftRule, printRule } from '../text/index.ts';

/** A rule that one of two snapshots holds alone and that matches at times: at random, up to a limit, by what it has seen before. */
export interface AtTimes {
  /** Where it stands, in words: `before.txt`. */
  readonly origin: string;
  /** As iptables or nft writes it; of a rule that jumps, without the name of the chain. */
  readonly rule: string;
}

/**
 * The rules by which packets go another way at times, and that two snapshots do not both hold. How often such a rule matches is nothing
 * that packets tell, so what is proved of all packets does not speak of it.
 */
export function apartAtTimes(before: Snapshot, after: Snapshot, families: readonly Family[]): readonly AtTimes[] {
  const [one, other] = [before, after].map((snapshot) => rulesAtTimes(snapshot, families)) as [string[], string[]];
  const only = (rules: readonly string[], others: readonly string[], { origin }: Snapshot): readonly AtTimes[] => {
    const left = new Map<string, number>();
    for (const rule of others) left.set(rule, (left.get(rule) ?? 0) + 1);
    return rules.flatMap((rule) => {
      const count = left.get(rule) ?? 0;
      left.set(rule, count - 1);
      return count > 0 ? [] : [{ origin, rule }];
    });
  };
  return [...only(one, other, before), ...only(other, one, after)];
}

const rulesAtTimes = (snapshot: Snapshot, families: readonly Family[]): readonly string[] => [
  ...families.flatMap((family) =>
    heldFor(snapshot, family).flatMap(({ rules }) =>
      rules.tables.flatMap(({ chains }) =>
        chains.flatMap((chain) =>
          chain.rules.flatMap((rule) => (isAtTimes(rule, family) ? wordsOf(rule, family) : [])),
        ),
      ),
    ),
  ),
  ...(snapshot.native ?? []).flatMap((table) =>
    table.chains.flatMap(({ rules }) => rules.flatMap((rule) => nativeWords(rule, table))),
  ),
];

/** One that only counts or logs sends nothing anywhere. */
function isAtTimes(rule: Rule, family: Family): boolean {
  const effect = effectOf(rule.target, family);
  return !(effect.kind === 'continue' && effect.assign.length === 0) && hangsOnChance(predicateOf(rule, family));
}

function hangsOnChance(predicate: Predicate): boolean {
  switch (predicate.kind) {
    case 'choice':
      return true;
    case 'not':
      return hangsOnChance(predicate.of);
    case 'member':
      return hangsOnChance(predicate.meaning);
    case 'all':
    case 'some':
      return predicate.of.some(hangsOnChance);
    default:
      return false;
  }
}

/** Chains may have other names, and comments do nothing. */
function wordsOf(rule: Rule, family: Family): string {
  const { target, matches } = rule;
  const jumps = target?.kind === 'jump' || target?.kind === 'goto';
  const { target: _, ...conditions } = { ...rule, matches: matches.filter(({ name }) => name !== 'comment') };
  return jumps ? printRule(conditions, family) : printRule({ ...conditions, ...(target ? { target } : {}) }, family);
}

const NATIVE_AT_TIMES: ReadonlySet<NftStatement['kind']> = new Set([
  ...(['limit', 'quota', 'limit-reference', 'quota-reference', 'connection-limit', 'meter'] as const),
]);

/** What sends a packet nowhere. */
const IDLE: ReadonlySet<NftStatement['kind']> = new Set([
  ...NATIVE_AT_TIMES,
  ...(['match', 'counter', 'log'] as const),
]);

function nativeWords(rule: NftRule, table: NftTable): readonly string[] {
  if (rule.statements.every(({ kind }) => IDLE.has(kind))) return [];
  const { comment: _, ...bare } = rule;
  const words = printNftRule(bare, table);
  const isByChance = rule.statements.some(({ kind }) => NATIVE_AT_TIMES.has(kind)) || /\bnumgen\b/.test(words);
  return isByChance ? [words] : [];
}
