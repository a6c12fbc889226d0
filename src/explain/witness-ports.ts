import type { PortRange } from '../address/index.ts';
import {
  chainOf,
  type HookName,
  type Predicate,
  predicateOf,
  type Rule,
  type RuleSet,
  TCP,
  type ValueField,
} from '../netfilter/index.ts';

/** Ports that tell what a bypass does: among those that are asked for, and among all others. */
export interface WitnessPorts {
  readonly inside: readonly number[];
  readonly outside: readonly number[];
  /** How many more there would have been. */
  readonly left: number;
}

/** More than this are not followed, and fewer where each meets many rules: thousands of rules are no sidecar's. */
const MOST = 512;
/** So many rules may all packets together meet. */
const MOST_RULES = 3_000_000;

const LAST = 65535;

/**
 * The first and the last port of every stretch in which no rule tells one port from another. A stretch begins and ends
 * where a rule's set of ports does, before or after, or where the ports that are asked for do; so whatever happens to any
 * port by a rule that names ports happens to one of these.
 *
 * @param sets the rule sets of one family, before and after
 * @param apart ports that differ from their neighbours without a rule: those that were named, that somebody listens on
 * @example with a rule for 8080, of 8000-9000: 8000, 8079, 8080, 8081, 9000
 */
export function witnessPorts(
  sets: readonly RuleSet[],
  asked: readonly PortRange[],
  apart: readonly number[],
): WitnessPorts {
  const begins = new Set<number>([1]);
  const cut = ([low, high]: PortRange): void => {
    for (const at of [low, high + 1]) if (at >= 1 && at <= LAST) begins.add(at);
  };
  for (const range of asked) cut(range);
  for (const port of apart) cut([port, port]);
  let rulesMet = 1;
  for (const rules of sets) {
    const reached = reachedRules(rules);
    rulesMet += reached.length;
    for (const rule of reached) {
      if (mayBeTcp(rule)) for (const range of namedPorts(predicateOf(rule, rules.family))) cut(range);
    }
  }
  const most = Math.max(32, Math.min(MOST, Math.floor(MOST_RULES / rulesMet)));
  const sorted = [...begins].sort((a, b) => a - b);
  const ends = sorted.map((_, index) => (sorted[index + 1] ?? LAST + 1) - 1);
  const told = [...new Set(sorted.flatMap((low, index) => [low, ends[index] ?? low]))];
  const isAsked = (port: number): boolean => asked.some(([low, high]) => port >= low && port <= high);
  const inside = told.filter(isAsked).slice(0, most);
  // Nearest first: what stays beside the ports that are asked for is what a slip would touch.
  const distance = (port: number): number =>
    Math.min(...asked.map(([low, high]) => Math.min(Math.abs(port - low), Math.abs(port - high))));
  const others = told.filter((port) => !isAsked(port));
  const outside = others.sort((a, b) => distance(a) - distance(b)).slice(0, most - inside.length);
  return {
    inside,
    outside: outside.sort((a, b) => a - b),
    left: told.length - inside.length - outside.length,
  };
}

/** Where a connection from elsewhere passes, or one from here to this host itself. */
const HOOKS: readonly HookName[] = ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'];

/** The rules that stand in a built-in chain, or in one that is reached from there. */
function reachedRules(rules: RuleSet): readonly Rule[] {
  const found = new Set<Rule>();
  for (const { name: table } of rules.tables) {
    const seen = new Set<string>();
    const open: string[] = [...HOOKS];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      for (const rule of chainOf(rules, table, name)?.rules ?? []) {
        found.add(rule);
        if (rule.target?.kind === 'jump' || rule.target?.kind === 'goto') open.push(rule.target.chain);
      }
    }
  }
  return [...found];
}

const mayBeTcp = ({ header: { protocol } }: Rule): boolean =>
  protocol === undefined || (protocol.value === TCP) !== protocol.negated;

/** Of a connection's first packet both are the port that it was sent to. */
const PORT_FIELDS: readonly ValueField[] = ['destinationPort', 'ctorigdstport'];

/** Every range that a formula holds the destination port to, or keeps it out of. */
function namedPorts(predicate: Predicate): readonly PortRange[] {
  switch (predicate.kind) {
    case 'all':
    case 'some':
      return predicate.of.flatMap(namedPorts);
    case 'not':
      return namedPorts(predicate.of);
    case 'in':
      return PORT_FIELDS.includes(predicate.field) ? (predicate.ranges as readonly PortRange[]) : [];
    default:
      return [];
  }
}
