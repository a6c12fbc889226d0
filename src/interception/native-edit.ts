import { FAMILIES, type Family } from '../address/index.ts';
import {
  type NftChain,
  type NftRule,
  type NftTable,
  type Rule,
  type RuleSet,
  type Snapshot,
  TABLES,
  type TableName,
  tableOf,
} from '../netfilter/index.ts';
import { parseNft } from '../text/index.ts';
import { nativeTable } from './istio-nft.ts';
import { isIstioTable, nativeOf, nativeSets } from './native-sets.ts';
import { iptablesChain } from './nft-rules.ts';
import { nftWords } from './nft-words.ts';

/**
 * The snapshot's native tables after a change that is a function of rule sets: what comes and goes in the rules of iptables that
 * Istio's tables mean comes and goes in them. A rule that comes in both families stands once.
 */
export function nativeAfter(
  snapshot: Pick<Snapshot, 'native'>,
  change: (rules: RuleSet) => RuleSet,
): readonly NftTable[] | undefined {
  const { native } = snapshot;
  const sets = nativeSets(snapshot);
  if (!native || sets.length === 0) return native;
  const pairs = sets.map(({ rules }) => ({ before: rules, after: change(rules) }));
  if (pairs.every(({ before, after }) => before === after)) return native;
  const next = native.map((table) => {
    const name = TABLES.find((one) => nativeTable(one) === table.name);
    return name && isIstioTable(table) ? tableAfter(table, name, pairs) : table;
  });
  return next.every((table, index) => table === native[index]) ? native : next;
}

/** The rules of one family before and after. */
interface Pair {
  readonly before: RuleSet;
  readonly after: RuleSet;
}

function tableAfter(table: NftTable, name: TableName, pairs: readonly Pair[]): NftTable {
  const chains = table.chains.map((chain) => chainAfter(chain, name, pairs));
  return chains.every((chain, index) => chain === table.chains[index]) ? table : { ...table, chains };
}

const rulesIn = (rules: RuleSet, table: TableName, chain: string): readonly Rule[] =>
  tableOf(rules, table)?.chains.find(({ name }) => name === chain)?.rules ?? [];

function chainAfter(chain: NftChain, table: TableName, pairs: readonly Pair[]): NftChain {
  const named = iptablesChain(chain.name);
  const lists = pairs.map(({ before, after }) => ({
    family: after.family,
    before: rulesIn(before, table, named),
    after: rulesIn(after, table, named),
  }));
  if (lists.every(({ before, after }) => before === after)) return chain;
  const gone = new Set<NftRule>();
  for (const { before, after } of lists) {
    for (const rule of before) {
      const native = nativeOf(rule);
      if (native && !after.includes(rule)) gone.add(native);
    }
  }
  // What comes stands before the rule that follows it, or at the end.
  const coming = new Map<NftRule | undefined, Map<string, Set<Family>>>();
  for (const { family, before, after } of lists) {
    for (const [index, rule] of after.entries()) {
      if (before.includes(rule)) continue;
      const next = after.slice(index + 1).find((one) => before.includes(one));
      const at = next && nativeOf(next);
      const words = nftWords(rule, family, table);
      const here = coming.get(at) ?? new Map<string, Set<Family>>();
      coming.set(at, here.set(words, (here.get(words) ?? new Set<Family>()).add(family)));
    }
  }
  const before = (rule: NftRule | undefined): readonly NftRule[] =>
    [...(coming.get(rule) ?? [])].map(([words, families]) => readWords(words, families));
  const rules = chain.rules.flatMap((rule) => [...before(rule), ...(gone.has(rule) ? [] : [rule])]);
  return { ...chain, rules: [...rules, ...before(undefined)] };
}

/** A rule for some families only asks for them. */
function readWords(words: string, families: ReadonlySet<Family>): NftRule {
  const [family] = families;
  const guard = families.size < FAMILIES.length && family ? `meta nfproto ${family} ` : '';
  const [table] = parseNft(`table inet t {\n\tchain c {\n\t\t${guard}${words}\n\t}\n}\n`);
  const [rule] = table?.chains[0]?.rules ?? [];
  if (!rule) throw new TypeError(`no rule: ${words}`);
  const { line: _, ...plain } = rule;
  return plain;
}
