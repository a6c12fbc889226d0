import { FAMILIES, type Family } from '../address/index.ts';
import {
  BUILT_IN,
  type Chain,
  type HeldRules,
  isBuiltIn,
  type NftChain,
  type NftRule,
  type NftTable,
  type Rule,
  type Snapshot,
  TABLES,
  type Table,
  type TableName,
} from '../netfilter/index.ts';
import { printNftRule } from '../text/index.ts';
import { nativeTable } from './istio-nft.ts';
import { iptablesChain, iptablesRule } from './nft-rules.ts';

/** Whether a table is one of those that Istio's native form consists of. */
export const isIstioTable = ({ family, name }: Pick<NftTable, 'family' | 'name'>): boolean =>
  family === 'inet' && TABLES.some((table) => nativeTable(table) === name);

/** Istio's native form, as people call it. */
export const NATIVE_TITLE = 'Istio (native nftables)';

/** What of a snapshot is asked about native tables. */
type Held = Pick<Snapshot, 'native'>;

export const istioTables = ({ native = [] }: Held): readonly NftTable[] => native.filter(isIstioTable);

/**
 * Istio's native tables as the rules of iptables that mean the same, one set a family: all that recognises, summarises and
 * compares reads those. A rule that iptables has no words for is kept as one that cannot be read.
 */
export function nativeSets(snapshot: Held): readonly HeldRules[] {
  const { native } = snapshot;
  if (!native) return [];
  const before = known.get(native);
  if (before) return before;
  const sets = setsOf(istioTables(snapshot));
  known.set(native, sets);
  return sets;
}

/** A snapshot never changes, and many ask what its tables catch. */
const known = new WeakMap<readonly NftTable[], readonly HeldRules[]>();

function setsOf(tables: readonly NftTable[]): readonly HeldRules[] {
  if (tables.length === 0) return [];
  return FAMILIES.map((family) => ({
    backend: 'nft',
    rules: {
      family,
      tables: TABLES.flatMap((name) => {
        const found = tables.find((table) => table.name === nativeTable(name));
        return found ? [tableOf(found, name, family)] : [];
      }),
    },
  }));
}

/**
 * A snapshot in which Istio's native tables stand among the rules of iptables, and no longer among the native ones. iptables' own
 * sets that hold nothing make room for them.
 */
export function withNativeSets<T extends Pick<Snapshot, 'held' | 'native'>>(snapshot: T): T {
  const sets = nativeSets(snapshot);
  if (sets.length === 0) return snapshot;
  const busy = snapshot.held.filter(({ rules }) => rules.tables.length > 0);
  return { ...snapshot, held: [...busy, ...sets], native: snapshot.native?.filter((table) => !isIstioTable(table)) };
}

function tableOf(of: NftTable, name: TableName, family: Family): Table {
  const { chains } = of;
  const names = chains.map((chain) => iptablesChain(chain.name));
  const all = chains.map((chain) => chainOf(chain, of, name, family, names));
  const builtIn = BUILT_IN[name].flatMap((hook) => all.filter((chain) => chain.name === hook));
  return { name, chains: [...builtIn, ...all.filter((chain) => !isBuiltIn(name, chain.name))] };
}

function chainOf(
  { name, base, rules }: NftChain,
  of: NftTable,
  table: TableName,
  family: Family,
  chains: readonly string[],
): Chain {
  const named = iptablesChain(name);
  return {
    name: named,
    ...(base ? { policy: base.policy === 'drop' ? ('DROP' as const) : ('ACCEPT' as const) } : {}),
    rules: rules.flatMap((rule) => {
      const read = readOnce(rule, family, () => iptablesRule(rule, family, table, chains) ?? opaque(rule, of));
      if (read === 'elsewhere') return [];
      written.set(read, rule);
      return [read];
    }),
  };
}

type Read = Rule | 'elsewhere';

/** A native rule that stays is the same rule of iptables before and after a change. */
const once = { ipv4: new WeakMap<NftRule, Read>(), ipv6: new WeakMap<NftRule, Read>() };

function readOnce(rule: NftRule, family: Family, read: () => Read): Read {
  const before = once[family].get(rule);
  if (before !== undefined) return before;
  const now = read();
  once[family].set(rule, now);
  return now;
}

const written = new WeakMap<Rule, NftRule>();

/** The native rule that a rule of `nativeSets` stands for. */
export const nativeOf = (rule: Rule): NftRule | undefined => written.get(rule);

/** Not read: whatever it does is unknown. */
const opaque = (rule: NftRule, table: NftTable): Rule => ({
  header: {},
  matches: [{ kind: 'opaque', name: '', words: [printNftRule(rule, table)] }],
});

/** The families of which the tables name addresses; a table of neither was written for IPv4. */
export function nativeFamilies(snapshot: Held): readonly Family[] {
  const text = JSON.stringify(istioTables(snapshot), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return FAMILIES.filter((family) => text.includes(family === 'ipv4' ? '"protocol":"ip"' : '"protocol":"ip6"'));
}
