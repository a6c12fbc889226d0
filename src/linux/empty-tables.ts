import type { Family } from '../address/index.ts';
import { BUILT_IN, type TableName } from '../netfilter/index.ts';
import { run } from './command.ts';
import type { Namespace } from './namespace.ts';
import { builtModule } from './socket/installed.ts';
import { type Removal, removeTables } from './table-removal.ts';

/** An nft table that iptables uses. */
export interface TableAt {
  readonly family: Family;
  readonly table: TableName;
}

/**
 * Takes away nft tables that hold nothing: only base chains of iptables, without rules and with policy ACCEPT. iptables leaves
 * them behind, and iptables-save prints them. Atomically: a table that somebody else uses meanwhile stays. Returns what stayed;
 * an empty table does nothing, so that is no failure.
 */
export async function removeEmptyTables(namespace: Namespace, tables: readonly TableAt[]): Promise<readonly TableAt[]> {
  if (tables.length === 0) return [];
  const removals = tables.map((one): Removal => ({ ...one, chains: BUILT_IN[one.table] }));
  const left = namespace.enter.length === 0 ? removeHere(removals) : await removeThere(namespace, removals);
  return tables.filter((one) => left.some(({ family, table }) => family === one.family && table === one.table));
}

function removeHere(removals: readonly Removal[]): readonly Removal[] {
  try {
    return removeTables(removals);
  } catch {
    // Without koffi they stay.
    return removals;
  }
}

/** A netlink socket belongs to the namespace it is opened in, and Node cannot enter one: a second Node does it there. */
async function removeThere(namespace: Namespace, removals: readonly Removal[]): Promise<readonly Removal[]> {
  const node = [
    process.execPath,
    '--input-type=module',
    '-e',
    INSIDE,
    builtModule('dist/linux/table-removal.js'),
    JSON.stringify(removals),
  ];
  const done = await run([...namespace.enter, ...node]);
  return done.status === 0 ? (JSON.parse(done.stdout) as readonly Removal[]) : removals;
}

const INSIDE = `
const [module, removals] = process.argv.slice(1);
const { removeTables } = await import(module);
console.log(JSON.stringify(removeTables(JSON.parse(removals))));`;
