import { isBuiltIn, isTableName, TABLES, type TableName } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { cursorOver, nextWord } from '../words.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { carryOut } from './carry-out.ts';
import { joined } from './expand.ts';
import type { Body } from './lex.ts';
import type { Simple } from './node.ts';
import { partsOf } from './read-word.ts';
import { type Run, refuse, type Status } from './state.ts';
import { type Holding, heldTable } from './tables.ts';
import { type Tool, testsOnly } from './tool.ts';
import { unsettleAll } from './unsure.ts';

/** A call of iptables-restore: a text in the script is loaded as it stands, with the values of variables in it; a file is not known. */
export function restore(
  of: Run,
  tool: Tool,
  name: Argument,
  given: readonly Argument[],
  { input, place }: Simple,
): Status {
  const { line } = place;
  const keep = given.some(({ text }) => text === '-n' || text === '--noflush');
  const holding = of.holding(tool.family, tool.backend);
  const text = input && filledIn(of, input);
  if (!text) {
    const what = input ? 'a text with variables in it' : 'rules that do not stand here';
    refuse(of, { ...name, line }, `this loads ${what}`);
    unsettleAll(holding, name.text, line);
    return 'unknown';
  }
  // A test changes nothing.
  if (testsOnly(given)) return 'ok';
  try {
    restoreText(holding, text, keep, line);
    return 'ok';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    of.complain(text.place(error), line);
    unsettleAll(holding, name.text, line);
    return 'failed';
  }
}

/** A body with the values of variables in it, and where its faults stand in the script. */
interface Filled {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  place(fault: Fault): Fault;
}

function filledIn(of: Run, { from, to, open }: Body): Filled | undefined {
  const source = of.text.slice(from, to);
  if (!open || !/[$`\\]/.test(source)) return { text: of.text, from, to, place: (fault) => fault };
  const text = joined(partsOf(source), of.variables);
  if (text === undefined) return undefined;
  return {
    text,
    from: 0,
    to: text.length,
    // The line as it stands in the script: values have changed its columns.
    place: ({ at, message, hint }) => {
      const number = text.slice(0, at).split('\n').length - 1;
      const before = source.split('\n').slice(0, number).join('\n').length + (number > 0 ? 1 : 0);
      const length = Math.max(1, source.slice(before).split('\n', 1)[0]?.length ?? 1);
      return new Fault(from + Math.min(before, source.length), length, message, hint);
    },
  };
}

/** What iptables-restore makes of a text that stands in a script. `keep`: --noflush. Throws a Fault. */
function restoreText(holding: Holding, { text, from, to }: Filled, keep: boolean, line: number): void {
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
