import { Fault } from '../diagnostic.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { carryOut } from './carry-out.ts';
import { DECLARES, declare } from './declare.ts';
import { assignedValue, assignmentIn, expand, itemAssignedIn, joined } from './expand.ts';
import { forget } from './forget.ts';
import { guess } from './guess.ts';
import type { Body } from './lex.ts';
import { changesRules } from './mentions.ts';
import type { Node, Simple } from './parse.ts';
import { restoreText } from './restore.ts';
import { runOther } from './shell.ts';
import { counts, faultAt, type Run, type Status } from './state.ts';
import { heldTable, looksAt } from './tables.ts';
import { type Tool, toolNamed, wordsBefore } from './tool.ts';
import { unsettle, unsettleAll } from './unsure.ts';
import { assign, inFunction, type Value } from './variables.ts';
import { partsOf, type Word } from './word.ts';

/** Runs the body of a function. */
type RunBody = (body: Node) => Status;

/** How often a function may be within itself, and functions within each other. */
const DEEPEST_RECURSION = 50;
const DEEPEST_CALL = 300;

/** Runs one command: a call of iptables, of a function, or of what the shell itself knows. */
export function runSimple(of: Run, node: Simple, caught: boolean, runBody: RunBody): Status {
  if (!counts(of, node.place)) return 'unknown';
  const { from, assigned } = assignments(of, node);
  if (from === node.words.length) {
    for (const one of assigned) assign(of.variables, one.name, one.value);
    return assigned.every(({ sure }) => sure) ? 'ok' : 'unknown';
  }
  const first = expand(node.words[from]!, of.variables)?.[0]?.text;
  if (first !== undefined && DECLARES.has(first)) return declare(of, first, node.words.slice(from + 1));
  const words: Argument[] = [];
  for (const word of node.words.slice(from)) {
    // How it ended does not change where it leads.
    if (LEAVES.has(words[0]?.text ?? '')) {
      words.push(...(expand(word, of.variables) ?? [{ text: isLast(word) ? last(of) : '?', at: word.at, length: 1 }]));
      continue;
    }
    const expanded = expand(word, of.variables);
    if (!expanded) return notLiteral(of, node, word);
    words.push(...expanded);
  }
  of.count += Math.floor(words.length / 50);
  if (words[0]?.text === 'command' && /^-[vV]$/.test(words[1]?.text ?? ''))
    return words.slice(2).every(({ text }) => toolNamed(text) ?? of.functions.has(text)) ? 'ok' : 'unknown';
  const called = of.functions.get(words[0]?.text ?? '');
  if (called) {
    const before = assigned.map(
      ({ name }) => [name, of.variables.values.get(name), of.variables.values.has(name)] as const,
    );
    for (const one of assigned) assign(of.variables, one.name, one.value);
    const status = callFunction(of, called, words.slice(1), node, runBody);
    for (const [name, value, was] of before) {
      if (was) of.variables.values.set(name, value);
      else of.variables.values.delete(name);
    }
    return status;
  }
  const [name, ...given] = words.slice(wordsBefore(words));
  if (!name) return 'ok';
  const tool = toolNamed(name.text);
  if (tool) return call(of, tool, name, given, node, caught);
  return runOther(of, name, given, node);
}

const LEAVES: ReadonlySet<string> = new Set(['exit', 'return', 'break', 'continue']);

/** `$?`. */
const isLast = ({ parts: [only, another] }: Word): boolean =>
  only?.kind === 'variable' && only.name === '?' && another === undefined;

const last = (of: Run): string => (of.last === 'ok' ? '0' : of.last === 'failed' ? '1' : '?');

/** What is assigned before a command, and at which word that begins. */
function assignments(of: Run, { words }: Simple) {
  const assigned: { readonly name: string; readonly value: Value; readonly sure: boolean }[] = [];
  let from = 0;
  for (const word of words) {
    const item = itemAssignedIn(word);
    const assignment = item === undefined ? assignmentIn(word) : undefined;
    if (item === undefined && !assignment) break;
    from += 1;
    const name = item ?? assignment!.name;
    const value = assignment && assignedValue(assignment, of.variables);
    // How `$(…)` ended is how the assignment ends.
    const sure = word.parts.every(({ kind }) => kind !== 'other' && kind !== 'command');
    assigned.push({ name, value, sure });
    // A later one sees an earlier one.
    if (from < words.length && assignmentIn(words[from]!) && assignedLast(words, from))
      assign(of.variables, name, value);
  }
  return { from, assigned };
}

/** Whether nothing but assignments follows. */
const assignedLast = (words: readonly Word[], from: number): boolean =>
  words.slice(from).every((word) => assignmentIn(word) !== undefined || itemAssignedIn(word) !== undefined);

function notLiteral(of: Run, node: Simple, { at, length, line }: Word): Status {
  if (changesRules(of, node)) {
    of.complain(faultAt(of, { at, length, line }, 'what this word is, only the shell knows'), line);
    guess(of, node);
  } else {
    of.skip('a command with words that only the shell knows', node.place.line);
    guess(of, node);
  }
  forget(of, node);
  return 'unknown';
}

function call(of: Run, tool: Tool, name: Argument, given: readonly Argument[], node: Simple, caught: boolean): Status {
  const { line } = node.place;
  if (tool.what === 'save') return 'ok';
  if (tool.what === 'restore') return restore(of, tool, name, given, node);
  const holding = of.holding(tool.family, tool.backend);
  let read: Call | undefined;
  try {
    read = readCall(given, name);
    of.count += Math.floor(looksAt(heldTable(holding, read.table), read) / 50);
    const ending = carryOut(holding, read, line);
    if (ending.ok === undefined) return 'unknown';
    if (ending.ok) return 'ok';
    if (ending.fault && !caught) throw ending.fault;
    if (read.action !== 'check') of.failure(line, ending.because);
    return 'failed';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    of.complain(error, line);
    if (read) unsettle(holding, read, line);
    return 'failed';
  }
}

/** A text in the script is loaded as it stands, with the values of variables in it; a file is not known. */
function restore(of: Run, tool: Tool, name: Argument, given: readonly Argument[], { input, place }: Simple): Status {
  const { line } = place;
  const has = (...flags: readonly string[]): boolean => given.some(({ text }) => flags.includes(text));
  const holding = of.holding(tool.family, tool.backend);
  const text = input && filledIn(of, input);
  if (!text) {
    const what = input ? 'a text with variables in it' : 'rules that do not stand here';
    of.complain(faultAt(of, { at: name.at, length: name.length, line }, `this loads ${what}`), line);
    unsettleAll(holding, name.text, line);
    return 'unknown';
  }
  // A test changes nothing.
  if (has('-t', '--test')) return 'ok';
  try {
    restoreText(holding, text.text, text, has('-n', '--noflush'), line);
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

function callFunction(of: Run, body: Node, given: readonly Argument[], node: Simple, runBody: RunBody): Status {
  const within = of.calls.filter((one) => one === body).length;
  if (within >= DEEPEST_RECURSION || of.calls.length >= DEEPEST_CALL) {
    const what =
      within > 0 ? 'functions that call each other without end' : `functions ${DEEPEST_CALL} deep in each other`;
    of.complain(faultAt(of, node.place, what), node.place.line);
    guess(of, node);
    return 'unknown';
  }
  of.calls.push(body);
  const status = inFunction(
    of.variables,
    given.map(({ text }) => text),
    () => runBody(body),
  );
  of.calls.pop();
  if (of.leaving === 'function') of.leaving = undefined;
  return status;
}
