import type { TableName } from '../netfilter/index.ts';
import { refresh } from './arrival.ts';
import { runChain } from './chain.ts';
import { mapAgain, mapBack } from './mapping.ts';
import { natSilence } from './nat.ts';
import type { CompiledTable } from './program.ts';
import type { Outcome } from './result.ts';
import { snapshotOf, type Walk } from './state.ts';

/** Asks one table of a hook: of every back end that holds it, in their order. Undefined: the packet passes on. */
export function askTable(walk: Walk, name: TableName): Outcome | undefined {
  const tables = inOrder(walk, name, walk.ground.program.tables[name]);
  if (name === 'nat') return askNat(walk, tables);
  if (tables.length === 0) say(walk, name, 'nft', 'no rules');
  for (const { backend, chains } of tables) {
    const base = chains.get(walk.hook);
    if (!base || (base.rules.length === 0 && base.policy !== 'DROP' && base.policy !== 'QUEUE')) {
      say(walk, name, backend, 'no rules');
      continue;
    }
    say(walk, name, backend);
    const outcome = runChain(walk, base);
    if (outcome) return outcome;
  }
  return undefined;
}

/** nat decides once a connection and direction; the first back end that maps the connection has decided. */
function askNat(walk: Walk, tables: readonly CompiledTable[]): Outcome | undefined {
  const silence = natSilence(walk);
  const ofDestination = walk.hook === 'PREROUTING' || walk.hook === 'OUTPUT';
  if (silence === undefined && walk.way) return keepMapping(walk, tables, ofDestination);
  if (tables.length === 0) say(walk, 'nat', 'nft', 'no rules');
  let decided: string | undefined;
  for (const { backend, chains } of tables) {
    const base = chains.get(walk.hook);
    const quiet = base && base.rules.length > 0 ? (silence ?? decided) : 'no rules';
    say(walk, 'nat', backend, quiet);
    if (!base || quiet !== undefined) continue;
    const before = ofDestination ? walk.destination : walk.source;
    const outcome = runChain(walk, base);
    if (outcome) return outcome;
    if ((ofDestination ? walk.destination : walk.source) !== before)
      decided = 'not asked: the other back end has mapped it';
  }
  if (silence === undefined) settleMapping(walk, ofDestination);
  return undefined;
}

/** A known connection is rewritten as its first packet was, and its replies back; no rule is asked. */
function keepMapping(walk: Walk, tables: readonly CompiledTable[], ofDestination: boolean): undefined {
  const before = snapshotOf(walk);
  const done = walk.way === 'reply' ? mapBack(walk, ofDestination) : mapAgain(walk, ofDestination);
  const rewritten = done !== undefined;
  const silent = `not asked: ${done ?? `a known connection stays unmapped, as its first packet was`}`;
  const changed = walk.copy === before ? {} : { changed: snapshotOf(walk) };
  for (const { backend, chains } of tables.length > 0 ? tables : [{ backend: 'nft' as const, chains: undefined }]) {
    const quiet = chains?.get(walk.hook)?.rules.length || rewritten ? silent : 'no rules';
    walk.steps?.push({ kind: 'table', hook: walk.hook, table: 'nat', backend, silent: quiet, ...changed });
  }
  settleMapping(walk, ofDestination);
  return undefined;
}

function settleMapping(walk: Walk, ofDestination: boolean): void {
  if (ofDestination) walk.destinationDecided = true;
  else walk.sourceDecided = true;
  refresh(walk);
}

/** Both back ends may hold the table. Where their order was not read, both orders are followed. */
function inOrder(walk: Walk, name: TableName, tables: readonly CompiledTable[]): readonly CompiledTable[] {
  if (!walk.ground.orderUnknown || tables.length < 2) return tables;
  const holding = tables.filter(({ chains }) => chains.get(walk.hook)?.rules.length);
  if (holding.length < 2) return tables;
  const where = `${name} ${walk.hook}`;
  const [one, other] = holding.map(({ backend }) => backend);
  const first = walk.decide(`order ${where}`, {
    where,
    because: 'both back ends hold rules here, and which runs first is not known',
    yes: `${one} runs first`,
    no: `${other} runs first`,
  });
  return first ? tables : [...tables].reverse();
}

function say(walk: Walk, table: TableName, backend: CompiledTable['backend'], silent?: string): void {
  walk.steps?.push({ kind: 'table', hook: walk.hook, table, backend, ...(silent === undefined ? {} : { silent }) });
}
