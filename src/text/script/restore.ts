import { isBuiltIn, isTableName, TABLES, type TableName } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { cursorOver, nextWord } from '../words.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { carryOut } from './carry-out.ts';
import type { Body } from './lex.ts';
import { type Holding, heldTable } from './tables.ts';

/** What iptables-restore makes of a text that stands in a script. `keep`: --noflush. Throws a Fault. */
export function restoreText(
  holding: Holding,
  text: string,
  { from, to }: Pick<Body, 'from' | 'to'>,
  keep: boolean,
  line: number,
): void {
  let table: TableName | undefined;
  for (let start = from; start < to; ) {
    const stop = text.indexOf('\n', start);
    const end = stop < 0 || stop > to ? to : stop;
    const words = wordsIn(text, start, text.charAt(end - 1) === '\r' ? end - 1 : end);
    const [first] = words;
    start = end + 1;
    if (!first || first.text.startsWith('#') || first.text === 'COMMIT') continue;
    if (first.text.startsWith('*')) table = openTable(holding, first, keep);
    else restoreLine(holding, table, words, line);
  }
}

function wordsIn(text: string, start: number, end: number): Argument[] {
  const cursor = cursorOver(text, start, end);
  const words: Argument[] = [];
  while (nextWord(cursor)) words.push({ text: cursor.word, at: cursor.start, length: cursor.stop - cursor.start });
  return words;
}

function openTable(holding: Holding, { text, at, length }: Argument, keep: boolean): TableName {
  const name = text.slice(1);
  if (!isTableName(name)) throw new Fault(at, length, 'there is no such table', `Tables are ${TABLES.join(', ')}.`);
  // Without --noflush a table begins anew.
  if (!keep) holding.tables.delete(name);
  heldTable(holding, name);
  return name;
}

function restoreLine(holding: Holding, table: TableName | undefined, words: readonly Argument[], line: number): void {
  const [first, policy] = words;
  if (!first) return;
  if (table === undefined)
    throw new Fault(first.at, first.length, 'a line outside any table', 'A table begins with a line like *nat.');
  if (!first.text.startsWith(':')) {
    const counted = /^\[\d+:\d+\]$/.test(first.text);
    carried(holding, { ...readCall(counted ? words.slice(1) : words, first), table }, line);
    return;
  }
  const named = { ...first, text: first.text.slice(1) };
  const there = heldTable(holding, table).chains.has(named.text);
  const call = { table, asked: first, rule: [] };
  if (!isBuiltIn(table, named.text))
    carried(holding, { ...call, action: there ? 'flush' : 'new-chain', names: [named] }, line);
  else if (policy && policy.text !== '-') carried(holding, { ...call, action: 'policy', names: [named, policy] }, line);
}

/** A line that fails has the whole text refused. */
function carried(holding: Holding, call: Call, line: number): void {
  const ending = carryOut(holding, call, line);
  if (ending.ok !== false) return;
  const { at, length } = call.asked;
  throw ending.fault ?? new Fault(at, length, ending.because, 'iptables-restore would refuse the whole text.');
}
