import { BUILT_IN, type Chain, isTableName, TABLES, type TableName } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { newDraft, type Scope } from './draft.ts';
import { familyShown } from './family.ts';
import { checkJumps, loopIn } from './jumps.ts';
import {
  complain,
  lineStartOf,
  MOST_DIAGNOSTICS,
  type OpenChain,
  type OpenTable,
  openChain,
  type Reading,
  saidEnough,
} from './reading.ts';
import { nearest } from './spelling.ts';

/** A line like `*nat`. */
export function openTable(reading: Reading, at: number, end: number): void {
  const { table: before } = reading;
  if (before) {
    reading.table = undefined;
    closeTable(reading, before);
    unfinished(reading, before);
  }
  // Of what stands in a table that cannot be read, nothing is said.
  reading.lost = true;
  reading.family ??= familyShown(reading.text);
  const { family } = reading;
  const name = tableName(reading.text.slice(at + 1, end).trimEnd(), at);
  if (reading.sets.get(family)?.some((table) => table.name === name)) {
    const other = family === 'ipv4' ? 'ipv6' : 'ipv4';
    const hint = `Text of both families needs a line "# family ${other}" before the other part.`;
    throw new Fault(at, name.length + 1, `the table ${name} stands here a second time`, hint);
  }
  reading.lost = false;
  beginTable(reading, name, at, name.length + 1);
}

/** A table begins, with its built-in chains. The family of the text has been found out. */
function beginTable(reading: Reading, name: TableName, at: number, length: number): void {
  const family = reading.family ?? 'ipv4';
  const chains = new Map<string, OpenChain>();
  for (const chain of BUILT_IN[name]) chains.set(chain, openChain(chain, 'ACCEPT'));
  const table: OpenTable = {
    family,
    name,
    at,
    length,
    line: reading.line,
    chains,
    undeclared: [],
    hooks: [],
  };
  reading.table = table;
  reading.draft = newDraft(scopeOf(reading, table));
}

/**
 * The table of rules that stand outside any: what `iptables -S` prints is of one table, and does not say of which. `part`
 * is the text of that one; `at`: where it begins, where others stand before it.
 */
export function openListed(reading: Reading, part: string, at = 0): void {
  const { options, table: before } = reading;
  reading.family ??= familyShown(reading.text);
  if (before) {
    reading.table = undefined;
    closeTable(reading, before);
  }
  const possible = tablesShown(part);
  const shown = (before ? undefined : options.table) ?? (possible.length === 1 ? possible[0] : undefined);
  const twice = before && reading.sets.get(before.family)?.some(({ name }) => name === (shown ?? USUAL));
  if (before && (twice || !possible.includes(shown ?? USUAL))) {
    reading.lost = true;
    const hint = 'Give each table or family by itself, or the output of iptables-save.';
    throw new Fault(at, 2, 'a second table begins here, and which one is not told', hint);
  }
  if (shown === undefined)
    options.note?.(`the table is taken to be ${USUAL}: what iptables -S prints does not name it (--table NAME does)`);
  beginTable(reading, shown ?? USUAL, at, 1);
}

const USUAL: TableName = 'filter';

/** The tables whose built-in chains are exactly those that have a policy; filter and security have the same ones. */
function tablesShown(text: string): readonly TableName[] {
  const chains = [...text.matchAll(/^-P (\S+)/gm)].map(([, chain]) => chain).sort();
  return TABLES.filter((table) => [...BUILT_IN[table]].sort().join(' ') === chains.join(' '));
}

function tableName(name: string, at: number): TableName {
  if (isTableName(name)) return name;
  const near = nearest(name, TABLES);
  const hint = `${near ? `Did you mean *${near}? ` : ''}Tables are ${TABLES.join(', ')}.`;
  throw new Fault(at, Math.min(name.length + 1, 60), 'there is no such table', hint);
}

/** What the rules of a table are read with: names that are not known yet are looked at when the table is closed. */
function scopeOf(reading: Reading, { family, name, chains, undeclared, hooks }: OpenTable): Scope {
  const scope: Scope = {
    family,
    table: name,
    chain: undefined,
    chainNamed: (chain) => chains.get(chain),
    onUndeclared: (chain, at, length) => undeclared.push({ chain, at, length, line: reading.line }),
    onHooks: (extension, allowed, at, length) =>
      hooks.push({ chain: scope.chain ?? '', extension, hooks: allowed, at, length, line: reading.line }),
  };
  return scope;
}

/** Says that a table has no COMMIT. */
export function unfinished(reading: Reading, { name, at, length, line }: OpenTable): void {
  const hint = 'A table ends with a line COMMIT; was the text cut off?';
  complain(reading, new Fault(at, length, `*${name} has no COMMIT`, hint), line, lineStartOf(reading.text, at));
}

/** The table is complete: names that were used have to be there by now, and the kernel has to take it as a whole. */
export function closeTable(reading: Reading, table: OpenTable): void {
  const { text, diagnostics, sets } = reading;
  const { family, name, chains, undeclared, hooks } = table;
  // One list: a loop over `values()` makes an object for each.
  const all = [...chains.values()];
  for (const { name: chain, used } of all) {
    if (!used) continue;
    if (saidEnough(reading)) break;
    const hint = declareFirst(chain, chains, diagnostics.length);
    const fault = new Fault(used.at, used.length, `there is no chain ${chain} in ${name}`, hint);
    complain(reading, fault, used.line, lineStartOf(text, used.at));
  }
  for (const { chain, at, length, line } of undeclared) {
    if (chains.has(chain)) continue;
    if (saidEnough(reading)) break;
    const hint = declareFirst(chain, chains, diagnostics.length);
    const fault = new Fault(at, length, `${chain} is no target, and no chain of ${name}`, hint);
    complain(reading, fault, line, lineStartOf(text, at));
  }
  for (const { at, length, line, message, hint } of checkJumps(name, chains, hooks)) {
    if (saidEnough(reading)) break;
    complain(reading, new Fault(at, length, message, hint), line, lineStartOf(text, at));
  }
  checkLoop(reading, table);
  const tables = sets.get(family) ?? [];
  tables.push({ name, chains: all.map(closeChain) });
  sets.set(family, tables);
}

/** The chain that may have been meant; not looked for once enough has been said. */
function declareFirst(chain: string, chains: OpenTable['chains'], said: number): string {
  const near = said > MOST_DIAGNOSTICS ? undefined : nearest(chain, declaredIn(chains));
  return near === undefined ? `A user chain is declared first: :${chain} - [0:0]` : `Did you mean ${near}?`;
}

function* declaredIn(chains: OpenTable['chains']): Generator<string> {
  for (const { name, used } of chains.values()) if (!used) yield name;
}

function checkLoop(reading: Reading, { name, chains }: OpenTable): void {
  const loop = loopIn(name, chains);
  if (!loop) return;
  const { text } = reading;
  const line = loop.rule.line ?? 1;
  let start = 0;
  for (let count = 1; count < line; count += 1) start = text.indexOf('\n', start) + 1;
  const end = text.indexOf('\n', start);
  const message = `this rule of ${loop.chain} leads in a circle`;
  const hint = 'A chain that leads back to itself would hold a packet for ever.';
  complain(reading, new Fault(start, (end < 0 ? text.length : end) - start, message, hint), line, start);
}

function closeChain({ name, policy, counters, rules }: OpenChain): Chain {
  // Large rule sets have thousands of chains, and objects made by spreads cost several times as much.
  if (counters) return policy ? { name, policy, counters, rules } : { name, counters, rules };
  return policy ? { name, policy, rules } : { name, rules };
}
