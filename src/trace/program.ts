import type { Family } from '../address/index.ts';
import {
  type Answer,
  actsOf,
  type Backend,
  type Chain,
  type Condition,
  compile,
  contextOf,
  type Effect,
  effectOf,
  type FieldName,
  heldFor,
  type NftAct,
  type NftHook,
  type NftMachine,
  type NftRule,
  type NftTable,
  type Packet,
  type Policy,
  type Predicate,
  type Rule,
  type RuleSet,
  readConditions,
  type Snapshot,
  TABLES,
  type Table,
  type TableName,
  type Test,
  together,
} from '../netfilter/index.ts';
import type { FindRule } from './candidates.ts';
import { chainsAlike } from './chains-alike.ts';
import { needsConntrack } from './conntrack.ts';
import { contentsOfChain } from './contents.ts';
import { isLookedUp } from './looked-up.ts';
import { leadsBack } from './loops.ts';
import { compileNative, compileNftRule, emptyChain, jumpsOfActs, machineOf, nativeAsksConntrack } from './native.ts';
import { type Plan, planOf } from './plan.ts';

/** A rule made ready to run. */
export interface CompiledRule {
  readonly rule: Rule | NftRule;
  /** One-based position in its chain. */
  readonly number: number;
  readonly chain: CompiledChain;
  /** Whether a packet meets its conditions; asked as the rule's own method. */
  test(packet: Packet): Answer;
  readonly predicate: Predicate;
  /** Its conditions in the kernel's order: asked only to explain an answer. */
  readonly conditions: readonly Condition[];
  readonly effect: Effect;
  /** Matches that may drop a packet which they look at: those before them hold. */
  readonly mayDrop?: readonly {
    readonly condition: Condition;
    readonly full: string;
    readonly before: Test;
    readonly reached: Predicate;
  }[];
  /** Where a jump or goto leads. */
  readonly target?: CompiledChain;
  /** A native rule does several things in turn, each on a condition; `test` and `effect` say nothing of it. */
  readonly acts?: readonly CompiledAct[];
  /** Of a native rule: the last of its acts that does anything but go on; -1 where none does. */
  readonly lastDeed?: number;
}

/** One thing that a native rule does: the first alternative that holds, or the end of the rule. */
export interface CompiledAct {
  readonly alternatives: readonly {
    readonly test: Test;
    readonly predicate: Predicate;
    /** The rule as if this alternative were all that it did. */
    readonly as: CompiledRule;
  }[];
  /** What is missing where none holds. */
  readonly condition: Condition;
}

export interface CompiledChain {
  readonly name: string;
  /** `nat`, or of a native table its family and name: `inet istio-proxy-nat`. */
  readonly table: string;
  /** Table and name, as sentences name it. */
  readonly title: string;
  readonly backend: Backend | 'native';
  /** Built-in chains have one. */
  readonly policy?: Policy;
  readonly rules: readonly CompiledRule[];
  /** Passes rules by that a packet surely does not match. */
  readonly find: FindRule;
  /** A native base chain. */
  readonly base?: NftHook;
  /** The native table that it stands in. */
  readonly of?: NftTable;
}

/** One table of one back end. */
export interface CompiledTable {
  readonly backend: Backend;
  readonly chains: ReadonlyMap<string, CompiledChain>;
}

/** All rules of one family, ready to run. Made once for many packets. */
export interface Program {
  readonly family: Family;
  readonly plan: Plan;
  /** The tables of each name, in the order in which the back ends run. Where no back end holds it, the list is empty. */
  readonly tables: Readonly<Record<TableName, readonly CompiledTable[]>>;
  /** The fields that any rule reads: what nothing reads need not be found out. */
  readonly reads: ReadonlySet<FieldName>;
  /** Of those, whether any hangs on where the packet is and has to be found out anew on its way. */
  readonly lookedUp: boolean;
  /** Whether anything in the namespace switches connection tracking on for this family (netfilter-semantics 4). */
  readonly conntrack: Answer;
  /**
   * Whether rules that run before connection tracking change marks of connections. What `-j CT` leaves in raw is one
   * connection for all packets that its rule takes: then its mark is what those before have left.
   */
  readonly marksTemplates: boolean;
}

/** A rule set that is compiled already. */
export interface Compiled {
  readonly snapshot: Snapshot;
  readonly program: Program;
}

/**
 * Compiles the rules of one family.
 *
 * @param like chains that say the same in it are taken from there
 */
export function compileRules(snapshot: Snapshot, family: Family, like?: Compiled): Program {
  const held = heldFor(snapshot, family);
  const machine = machineOf(snapshot);
  const reads = new Set<FieldName>();
  const conditionsOf = readConditions(family, snapshot.sets);
  const effectFor = effects(family);
  const known = like && haveSameSets(like.snapshot, snapshot) ? like.program.tables : undefined;
  const tables = {} as Record<TableName, CompiledTable[]>;
  for (const name of TABLES) {
    tables[name] = held.flatMap(({ backend, rules }) =>
      rules.tables
        .filter((table) => table.name === name)
        .map((table) => {
          const alike = chainsAlike(
            table,
            known?.[name].find((one) => one.backend === backend),
          );
          return compileTable(table, { backend, family, reads, machine, conditionsOf, effectFor, alike });
        }),
    );
  }
  const natives = compileNative(snapshot, family, reads);
  const asked = [asksConntrack(held.map(({ rules }) => rules)), nativeAsksConntrack(snapshot, family)];
  const conntrack = asked.includes(true) || (asked.includes('undecided') && 'undecided');
  const early = [...tables.raw.flatMap(({ chains }) => [...chains.values()]), ...natives];
  const marksTemplates = early.some((chain) => marksConnections(chain, new Set()));
  const lookedUp = [...reads].some((field) => field === 'socketLookup' || isLookedUp(field));
  return { family, tables, reads, lookedUp, conntrack, marksTemplates, plan: planOf(tables, natives) };
}

/** What is in a set is part of what a rule says. */
const haveSameSets = (one: Snapshot, other: Snapshot): boolean =>
  one.sets === other.sets || (one.ipsets !== undefined && one.ipsets === other.ipsets);

/** Whether a rule of the chain, or of those it leads to, changes a connection's mark. */
function marksConnections(chain: CompiledChain, seen: Set<CompiledChain>): boolean {
  if (seen.has(chain)) return false;
  seen.add(chain);
  const marks = ({ effect, target, acts = [] }: CompiledRule): boolean =>
    (effect.kind === 'continue' && effect.assign.some(({ field }) => field === 'ctmark')) ||
    (target !== undefined && marksConnections(target, seen)) ||
    acts.some(({ alternatives }) => alternatives.some(({ as }) => marks(as)));
  return chain.rules.some(marks);
}

function asksConntrack(sets: readonly RuleSet[]): Answer {
  let answer: Answer = false;
  for (const { tables, family } of sets)
    for (const { chains } of tables)
      for (const { rules } of chains)
        for (const rule of rules) {
          const asks = needsConntrack(rule, family);
          if (asks === true) return true;
          if (asks === 'undecided') answer = asks;
        }
  return answer;
}

/** What all rules of a table have in common while they are compiled. */
interface Compiling {
  readonly backend: Backend;
  readonly family: Family;
  readonly reads: Set<FieldName>;
  readonly machine: NftMachine;
  readonly conditionsOf: ReturnType<typeof readConditions>;
  readonly effectFor: (target: Rule['target']) => Effect;
  /** Chains that are compiled already. */
  readonly alike: ReadonlyMap<string, CompiledChain>;
}

function compileTable(table: Table, compiling: Compiling): CompiledTable {
  const { backend, alike } = compiling;
  const anew = table.chains.filter(({ name }) => !alike.has(name));
  const made = new Map(
    anew.map(({ name, policy }) => [
      name,
      emptyChain({ name, table: table.name, backend, ...(policy ? { policy } : {}) }),
    ]),
  );
  const chains = new Map<string, CompiledChain>();
  for (const { name } of table.chains) chains.set(name, alike.get(name) ?? made.get(name)!);
  const acts = actsIn(table, compiling);
  const looping = leadsBack(new Map(table.chains.map((chain) => [chain.name, jumpsOf(chain, acts)])));
  for (const source of anew) {
    const chain = made.get(source.name)!;
    const { rules } = source;
    for (let at = 0; at < rules.length; at += 1) {
      const rule = rules[at]!;
      const { nft } = rule;
      chain.rules.push(
        nft
          ? compileNftRule(nft, acts.get(nft)!, chain, chains, looping, compiling.reads)
          : compileRule(rule, chain, chains, looping, compiling),
      );
    }
  }
  for (const chain of chains.values()) for (const field of contentsOfChain(chain).reads) compiling.reads.add(field);
  return { backend, chains };
}

function compileRule(
  rule: Rule,
  chain: CompiledChain,
  chains: ReadonlyMap<string, CompiledChain>,
  looping: (from: string, to: string) => boolean,
  { conditionsOf, effectFor }: Compiling,
): CompiledRule {
  const conditions = conditionsOf(rule);
  const predicate = together(conditions);
  let effect = effectFor(rule.target);
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
  const number = chain.rules.length + 1;
  const compiled: Growing = { rule, number, chain, test: testFirst, predicate, conditions, effect };
  if (conditions.some(({ mayDrop }) => mayDrop !== undefined)) compiled.mayDrop = droppingOf(conditions);
  if (target) compiled.target = target;
  return compiled;
}

type Growing = { -readonly [K in keyof CompiledRule]: CompiledRule[K] };

/**
 * The test of a rule that no packet has come to: then its own is made. Of large rule sets few rules are ever asked, and those who look
 * at all packets ask none.
 */
function testFirst(this: Growing, packet: Packet): Answer {
  this.test = compile(this.predicate);
  return this.test(packet);
}

const droppingOf = (conditions: readonly Condition[]): NonNullable<CompiledRule['mayDrop']> =>
  conditions.flatMap((condition, index) => {
    if (condition.mayDrop === undefined) return [];
    const reached = together(conditions.slice(0, index));
    return [{ condition, full: condition.mayDrop, before: compile(reached), reached }];
  });

/** What targets do: of those that are one object, as text that was read has them, one effect. */
function effects(family: Family): Compiling['effectFor'] {
  const known = new Map<Rule['target'], Effect>();
  return (target) => {
    let effect = known.get(target);
    if (!effect) {
      effect = effectOf(target, family);
      known.set(target, effect);
    }
    return effect;
  };
}

/** What rules of a table do that only nft shows. */
function actsIn(
  { chains, name, nft }: Table,
  { family, machine }: Pick<Compiling, 'family' | 'machine'>,
): ReadonlyMap<NftRule, readonly NftAct[]> {
  const rules: NftRule[] = [];
  // Few rules have it, and all are asked.
  for (const chain of chains)
    for (let at = 0; at < chain.rules.length; at += 1) {
      const { nft } = chain.rules[at]!;
      if (nft) rules.push(nft);
    }
  if (rules.length === 0) return new Map();
  // Rules that were moved into another table have its name and nothing of its sets.
  const bare = { family: family === 'ipv4' ? 'ip' : 'ip6', name, flags: [], objects: [], sets: [] } as const;
  const context = contextOf(nft ?? { ...bare, flowtables: [], chains: [] }, family, machine);
  return new Map(rules.map((rule) => [rule, actsOf(rule, context)]));
}

function jumpsOf({ rules }: Chain, acts: ReadonlyMap<NftRule, readonly NftAct[]>): readonly string[] {
  const jumps = new Set<string>();
  for (let at = 0; at < rules.length; at += 1) {
    const { target, nft } = rules[at]!;
    if (nft) for (const jump of jumpsOfActs(acts.get(nft)!)) jumps.add(jump);
    else if (target?.kind === 'jump' || target?.kind === 'goto') jumps.add(target.chain);
  }
  return [...jumps];
}
