import type { Family } from '../address/index.ts';
import {
  type Answer,
  type Backend,
  type Chain,
  type Condition,
  compile,
  conditionsOf,
  type Effect,
  effectOf,
  type FieldName,
  heldFor,
  type Policy,
  type Predicate,
  predicateOf,
  type Rule,
  type RuleSet,
  type Snapshot,
  TABLES,
  type Table,
  type TableName,
  type Test,
} from '../netfilter/index.ts';
import { needsConntrack } from './conntrack.ts';

/** A rule made ready to run. */
export interface CompiledRule {
  readonly rule: Rule;
  /** One-based position in its chain. */
  readonly number: number;
  readonly chain: CompiledChain;
  readonly test: Test;
  readonly predicate: Predicate;
  /** Its conditions in the kernel's order, each with its own test: asked only to explain an answer. */
  readonly conditions: readonly { readonly condition: Condition; readonly test: Test }[];
  readonly effect: Effect;
  /** Where a jump or goto leads. */
  readonly target?: CompiledChain;
}

export interface CompiledChain {
  readonly name: string;
  readonly table: TableName;
  readonly backend: Backend;
  /** Built-in chains have one. */
  readonly policy?: Policy;
  readonly rules: readonly CompiledRule[];
}

/** One table of one back end. */
export interface CompiledTable {
  readonly backend: Backend;
  readonly chains: ReadonlyMap<string, CompiledChain>;
}

/** All rules of one family, ready to run. Made once for many packets. */
export interface Program {
  readonly family: Family;
  /** The tables of each name, in the order in which the back ends run. Where no back end holds it, the list is empty. */
  readonly tables: Readonly<Record<TableName, readonly CompiledTable[]>>;
  /** The fields that any rule reads: what nothing reads need not be found out. */
  readonly reads: ReadonlySet<FieldName>;
  /** Whether anything in the namespace switches connection tracking on for this family (netfilter-semantics 4). */
  readonly conntrack: Answer;
}

/** Compiles the rules of one family. */
export function compileRules(snapshot: Snapshot, family: Family): Program {
  const held = heldFor(snapshot, family);
  const reads = new Set<FieldName>();
  const tables = {} as Record<TableName, CompiledTable[]>;
  for (const name of TABLES) {
    tables[name] = held.flatMap(({ backend, rules }) =>
      rules.tables.filter((table) => table.name === name).map((table) => compileTable(table, backend, family, reads)),
    );
  }
  return { family, tables, reads, conntrack: asksConntrack(held.map(({ rules }) => rules)) };
}

function asksConntrack(sets: readonly RuleSet[]): Answer {
  let answer: Answer = false;
  for (const { tables, family } of sets) {
    for (const rule of tables.flatMap(({ chains }) => chains.flatMap(({ rules }) => rules))) {
      const asks = needsConntrack(rule, family);
      if (asks === true) return true;
      if (asks === 'undecided') answer = asks;
    }
  }
  return answer;
}

function compileTable(table: Table, backend: Backend, family: Family, reads: Set<FieldName>): CompiledTable {
  const chains = new Map<string, CompiledChain & { readonly rules: CompiledRule[] }>();
  for (const { name, policy } of table.chains) {
    chains.set(name, { name, table: table.name, backend, ...(policy ? { policy } : {}), rules: [] });
  }
  const looping = loops(table);
  for (const source of table.chains) {
    const chain = chains.get(source.name);
    if (chain)
      for (const rule of source.rules) chain.rules.push(compileRule(rule, chain, chains, looping, family, reads));
  }
  return { backend, chains };
}

function compileRule(
  rule: Rule,
  chain: CompiledChain,
  chains: ReadonlyMap<string, CompiledChain>,
  looping: (from: string, to: string) => boolean,
  family: Family,
  reads: Set<FieldName>,
): CompiledRule {
  const predicate = predicateOf(rule, family);
  readsOf(predicate, reads);
  let effect = effectOf(rule.target, family);
  let target: CompiledChain | undefined;
  if (effect.kind === 'jump' || effect.kind === 'goto') {
    target = chains.get(effect.chain);
    // The kernel refuses both, so such rules were never loaded: what they would do has no answer.
    if (!target) effect = { kind: 'unknown', because: `there is no chain ${effect.chain} in table ${chain.table}` };
    else if (looping(chain.name, target.name)) {
      effect = { kind: 'unknown', because: `the jump to ${target.name} comes back to ${chain.name}: a loop` };
      target = undefined;
    }
  }
  return {
    rule,
    number: chain.rules.length + 1,
    chain,
    test: compile(predicate),
    predicate,
    conditions: conditionsOf(rule, family).map((condition) => ({ condition, test: compile(condition.predicate) })),
    effect,
    ...(target ? { target } : {}),
  };
}

/** Whether a jump from one chain to another closes a loop: whether the other leads back. */
function loops({ chains }: Table): (from: string, to: string) => boolean {
  const next = new Map(chains.map((chain) => [chain.name, jumpsOf(chain)]));
  const reach = new Map<string, Set<string>>();
  const reachable = (start: string): Set<string> => {
    const known = reach.get(start);
    if (known) return known;
    const seen = new Set([start]);
    const waiting = [start];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      for (const to of next.get(name) ?? []) {
        if (seen.has(to)) continue;
        seen.add(to);
        waiting.push(to);
      }
    }
    reach.set(start, seen);
    return seen;
  };
  return (from, to) => reachable(to).has(from);
}

const jumpsOf = (chain: Chain): readonly string[] => [
  ...new Set(
    chain.rules.flatMap(({ target }) => (target?.kind === 'jump' || target?.kind === 'goto' ? [target.chain] : [])),
  ),
];

function readsOf(predicate: Predicate, reads: Set<FieldName>): void {
  switch (predicate.kind) {
    case 'in':
    case 'bits':
    case 'any-bit':
    case 'name':
      reads.add(predicate.field);
      return;
    case 'not':
      readsOf(predicate.of, reads);
      return;
    case 'all':
    case 'some':
      for (const part of predicate.of) readsOf(part, reads);
      return;
    case 'always':
    case 'never':
    case 'choice':
    case 'unknown':
      return;
  }
}
