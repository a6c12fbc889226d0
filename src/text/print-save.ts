import type { Family } from '../address/index.ts';
import {
  type Backend,
  BUILT_IN,
  type Chain,
  type Counters,
  isBuiltIn,
  type RuleSet,
  type Table,
  type TableName,
} from '../netfilter/index.ts';
import { printSpec } from './print-rule.ts';

/** How a rule set is printed. */
export interface PrintOptions {
  /** The real counters, of rules too; without them chains end in `[0:0]`. */
  readonly counters?: boolean;
  /** This table only. */
  readonly table?: TableName;
  /**
   * Whose words and order: nft (the default) lists tables in an order of its own and says some conditions otherwise;
   * legacy lists them as the kernel came to know them, which is the order of the rule set.
   */
  readonly backend?: Backend;
}

/** The order in which iptables-nft-save lists tables, seen on 1.8.9. */
const NFT_ORDER: readonly TableName[] = ['mangle', 'security', 'raw', 'filter', 'nat'];

/**
 * A rule set as iptables-save writes it, without its comment lines: built-in chains first, user chains by name, rules in
 * the order of the chains. Ends in a newline; empty where there is no table.
 */
export function printSave(rules: RuleSet, options: PrintOptions = {}): string {
  const chosen = rules.tables.filter(({ name }) => options.table === undefined || name === options.table);
  const order = (table: Table): number => NFT_ORDER.indexOf(table.name);
  const tables = options.backend === 'legacy' ? chosen : chosen.toSorted((a, b) => order(a) - order(b));
  return tables.map((table) => printTable(table, rules.family, options)).join('');
}

function printTable(table: Table, family: Family, { counters = false, backend = 'nft' }: PrintOptions): string {
  const chains = inSaveOrder(table);
  let text = `*${table.name}\n`;
  for (const { name, policy, counters: counted } of chains)
    text += `:${name} ${policy ?? (isBuiltIn(table.name, name) ? 'ACCEPT' : '-')} ${printCounters(counters ? counted : undefined)}\n`;
  for (const { name, rules } of chains) {
    for (const rule of rules) {
      if (counters) text += `${printCounters(rule.counters)} `;
      text += `-A ${name}${printSpec(rule, family, backend)}\n`;
    }
  }
  return `${text}COMMIT\n`;
}

const printCounters = (counters: Counters | undefined): string =>
  counters ? `[${counters.packets}:${counters.bytes}]` : '[0:0]';

/** Built-in chains in the order of the hooks, those that are missing too; then user chains, sorted by the bytes of their names. */
export function inSaveOrder({ name, chains }: Table): readonly Chain[] {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const builtIn = BUILT_IN[name].map((hook): Chain => byName.get(hook) ?? { name: hook, policy: 'ACCEPT', rules: [] });
  const own = chains.filter((chain) => !isBuiltIn(name, chain.name)).sort((a, b) => byBytes(a.name, b.name));
  return [...builtIn, ...own];
}

/** Code points sort as the bytes of UTF-8 do, which plain comparison of UTF-16 does not. */
function byBytes(a: string, b: string): number {
  if (a === b) return 0;
  const left = [...a];
  const right = [...b];
  for (let index = 0; index < left.length && index < right.length; index += 1) {
    const difference = (left[index]?.codePointAt(0) ?? 0) - (right[index]?.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
