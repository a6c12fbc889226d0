import type { Family } from '../address/index.ts';
import {
  ALWAYS,
  type Answer,
  actsOf,
  anyOf,
  CONTINUE,
  compile,
  contextOf,
  type Effect,
  type FieldName,
  heldFor,
  type NftAct,
  type NftMachine,
  type NftRule,
  type NftTable,
  nftNeedsConntrack,
  type Snapshot,
  seesFamily,
} from '../netfilter/index.ts';
import { aroundAll, unreadIngress } from './at-device.ts';
import { candidatesOf } from './candidates.ts';
import { leadsBack } from './loops.ts';
import type { CompiledAct, CompiledChain, CompiledRule } from './program.ts';
import { readsOf } from './reads.ts';
import { doesNothing } from './rule.ts';

/** The native tables that packets of a family pass. A dormant table's chains are not hooked in. */
const tablesFor = ({ native = [] }: Snapshot, family: Family): readonly NftTable[] =>
  native.filter((table) => seesFamily(table, family));

/** Compiles the native tables' base chains and all that they lead to, in the order in which they were made. */
export function compileNative(snapshot: Snapshot, family: Family, reads: Set<FieldName>): readonly CompiledChain[] {
  const followed = tablesFor(snapshot, family).filter(({ flags }) => !flags.includes('dormant'));
  const ofDevices = (snapshot.native ?? []).flatMap((table) => unreadIngress(table) ?? []);
  return [...followed.map(aroundAll), ...ofDevices].flatMap((table) =>
    compileTable(table, family, machineOf(snapshot), reads),
  );
}

/** What the meaning of nft's rules hangs on besides them. */
export const machineOf = ({ clocks, interfaces }: Snapshot): NftMachine => ({
  zone: clocks?.nft,
  devices: interfaces && new Map(interfaces.map(({ name, index }) => [name, index])),
});

/** Whether native tables switch connection tracking on, dormant ones too. */
export function nativeAsksConntrack(snapshot: Snapshot, family: Family): Answer {
  const inHeld = heldFor(snapshot, family).flatMap(({ rules }) => rules.tables.flatMap(({ nft }) => nft ?? []));
  const answers = [...tablesFor(snapshot, family), ...inHeld].map((table) => nftNeedsConntrack(table, family));
  return answers.includes(true) || (answers.includes('undecided') && 'undecided');
}

/** A chain that is being compiled. */
type Growing = CompiledChain & { readonly rules: CompiledRule[] };

/** A chain that has no rules yet. */
export function emptyChain(head: Omit<CompiledChain, 'title' | 'rules' | 'find'>): Growing {
  const rules: CompiledRule[] = [];
  return { ...head, title: `${head.table} ${head.name}`, rules, find: candidatesOf(rules) };
}

function compileTable(
  table: NftTable,
  family: Family,
  machine: NftMachine,
  reads: Set<FieldName>,
): readonly CompiledChain[] {
  const title = `${table.family} ${table.name}`;
  const chains = new Map<string, Growing>();
  for (const { name, base } of table.chains) {
    const policy = base && { policy: base.policy === 'drop' ? ('DROP' as const) : ('ACCEPT' as const), base };
    chains.set(name, emptyChain({ name, table: title, backend: 'native', of: table, ...policy }));
  }
  const context = contextOf(table, family, machine);
  const acts = new Map(table.chains.map((chain) => [chain.name, chain.rules.map((rule) => actsOf(rule, context))]));
  const looping = leadsBack(new Map([...acts].map(([name, rules]) => [name, rules.flatMap(jumpsOfActs)])));
  for (const source of table.chains) {
    const chain = chains.get(source.name)!;
    for (const [index, rule] of source.rules.entries()) {
      chain.rules.push(compileNftRule(rule, acts.get(source.name)![index]!, chain, chains, looping, reads));
    }
  }
  return [...chains.values()].filter(({ base }) => base);
}

/** The chains that the acts of a rule lead to. */
export const jumpsOfActs = (acts: readonly NftAct[]): readonly string[] =>
  acts.flatMap(({ alternatives }) =>
    alternatives.flatMap(({ effect }) => (effect.kind === 'jump' || effect.kind === 'goto' ? [effect.chain] : [])),
  );

/** Makes a rule of nft's ready to run, in whichever chain it stands. */
export function compileNftRule(
  rule: NftRule,
  acts: readonly NftAct[],
  chain: CompiledChain,
  chains: ReadonlyMap<string, CompiledChain>,
  looping: (from: string, to: string) => boolean,
  reads: Set<FieldName>,
): CompiledRule {
  const plain: CompiledRule = {
    rule,
    number: chain.rules.length + 1,
    chain,
    test: () => true,
    predicate: ALWAYS,
    conditions: [],
    effect: CONTINUE,
  };
  const compiled = acts.map(({ part, alternatives }): CompiledAct => {
    for (const { when } of alternatives) readsOf(when, reads);
    return {
      alternatives: alternatives.map(({ when, effect }) => ({
        test: compile(when),
        predicate: when,
        as: { ...plain, ...leadsTo(effect, chain, chains, looping) },
      })),
      condition: { part, predicate: anyOf(alternatives.map(({ when }) => when)) },
    };
  });
  const lastDeed = compiled.findLastIndex(
    ({ alternatives }) => !alternatives.every(({ as }) => doesNothing(as.effect)),
  );
  return { ...plain, acts: compiled, lastDeed };
}

/** An effect, and the chain that it leads to. */
function leadsTo(
  effect: Effect,
  from: CompiledChain,
  chains: ReadonlyMap<string, CompiledChain>,
  looping: (from: string, to: string) => boolean,
): Pick<CompiledRule, 'effect' | 'target'> {
  if (effect.kind !== 'jump' && effect.kind !== 'goto') return { effect };
  const target = chains.get(effect.chain);
  // The kernel refuses both, so such rules were never loaded: what they would do has no answer.
  if (!target) return { effect: { kind: 'unknown', because: `there is no chain ${effect.chain} in ${from.table}` } };
  if (!looping(from.name, target.name)) return { effect, target };
  return { effect: { kind: 'unknown', because: `the jump to ${target.name} comes back to ${from.name}: a loop` } };
}
