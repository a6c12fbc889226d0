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
import type { Program } from './interception.ts';
import { nativeTable } from './istio-nft.ts';
import { tableText } from './native-text.ts';
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

/** A snapshot in which Istio's native tables stand among the rules of iptables. */
export function withNativeSets<T extends Pick<Snapshot, 'held' | 'native'>>(snapshot: T): T {
  const sets = nativeSets(snapshot);
  return sets.length === 0 ? snapshot : { ...snapshot, held: [...snapshot.held, ...sets] };
}

function tableOf({ chains }: NftTable, name: TableName, family: Family): Table {
  const names = chains.map((chain) => iptablesChain(chain.name));
  const all = chains.map((chain) => chainOf(chain, name, family, names));
  const builtIn = BUILT_IN[name].flatMap((hook) => all.filter((chain) => chain.name === hook));
  return { name, chains: [...builtIn, ...all.filter((chain) => !isBuiltIn(name, chain.name))] };
}

function chainOf({ name, base, rules }: NftChain, table: TableName, family: Family, chains: readonly string[]): Chain {
  const named = iptablesChain(name);
  return {
    name: named,
    ...(base ? { policy: base.policy === 'drop' ? ('DROP' as const) : ('ACCEPT' as const) } : {}),
    rules: rules.flatMap((rule) => {
      const read = iptablesRule(rule, family, table, chains) ?? opaque(rule);
      return read === 'elsewhere' ? [] : [read];
    }),
  };
}

/** Not read: whatever it does is unknown. */
const opaque = ({ handle }: NftRule): Rule => ({
  header: {},
  matches: [{ kind: 'opaque', name: '', words: [`nft rule${handle === undefined ? '' : ` handle ${handle}`}`] }],
});

/** What becomes of each of Istio's native tables: a program's are written, all others go. */
export const nativeWishes = (
  snapshot: Held,
  program: Pick<Program, 'native'> | undefined,
): readonly { readonly name: string; readonly text?: string }[] => {
  const wanted = program?.native ?? [];
  const gone = istioTables(snapshot).filter(({ name }) => !wanted.some((table) => table.name === name));
  return [
    ...wanted.map((table) => ({ name: table.name, text: tableText(table) })),
    ...gone.map(({ name }) => ({ name })),
  ];
};

/** The families of which the tables name addresses; a table of neither was written for IPv4. */
export function nativeFamilies(snapshot: Held): readonly Family[] {
  const text = JSON.stringify(istioTables(snapshot), (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return FAMILIES.filter((family) => text.includes(family === 'ipv4' ? '"protocol":"ip"' : '"protocol":"ip6"'));
}
