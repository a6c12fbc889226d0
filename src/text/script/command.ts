import { Fault } from '../diagnostic.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { assignedName, assignedValue, assignmentIn, behindAssigned } from './assignment.ts';
import { carryOut } from './carry-out.ts';
import { DECLARES, declare } from './declare.ts';
import { expand } from './expand.ts';
import { forget } from './forget.ts';
import { guess } from './guess.ts';
import { changesRules } from './mentions.ts';
import type { Node, Simple } from './node.ts';
import { restore } from './restore.ts';
import { runOther } from './shell.ts';
import { counts, type Run, refuse, type Status } from './state.ts';
import { heldTable, looksAt } from './tables.ts';
import { type Tool, toolNamed, wordsBefore } from './tool.ts';
import { unsettle } from './unsure.ts';
import { assign, inFunction, type Value, withAssigned } from './variables.ts';
import type { Word } from './word.ts';

/** Runs the body of a function. */
type RunBody = (body: Node) => Status;

/** How often a function may be within itself, and functions within each other. */
const DEEPEST_RECURSION = 50;
const DEEPEST_CALL = 300;

/** Runs one command: a call of iptables, of a function, or of what the shell itself knows. */
export function runSimple(of: Run, node: Simple, caught: boolean, runBody: RunBody): Status {
  if (!counts(of, node.place)) return 'unknown';
  const command = behindAssigned(node.words);
  const [first, ...rest] = command;
  const assigned = assignments(of, node.words.slice(0, node.words.length - command.length), !first);
  if (!first) return assigned.every(({ sure }) => sure) ? 'ok' : 'unknown';
  const declares = expand(first, of.variables)?.[0]?.text ?? '';
  if (DECLARES.has(declares)) return declare(of, declares, rest);
  const words: Argument[] = [];
  for (const word of command) {
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
  if (called)
    return withAssigned(of.variables, assigned, () => callFunction(of, called, words.slice(1), node, runBody));
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

/** What is assigned before a command. Where none follows it is assigned at once: a later one sees an earlier one. */
function assignments({ variables }: Run, words: readonly Word[], alone: boolean): readonly Assigned[] {
  return words.map((word) => {
    const assignment = assignmentIn(word);
    const name = assignedName(word) ?? '';
    const value = assignment && assignedValue(assignment, variables);
    if (alone) assign(variables, name, value);
    // How `$(…)` ended is how the assignment ends.
    const sure = word.parts.every(({ kind }) => kind !== 'other' && kind !== 'command');
    return { name, value, sure };
  });
}

interface Assigned {
  readonly name: string;
  readonly value: Value;
  readonly sure: boolean;
}

function notLiteral(of: Run, node: Simple, { at, length, line }: Word): Status {
  if (changesRules(of, node)) refuse(of, { at, length, line }, 'what this word is, only the shell knows');
  else of.skip('a command with words that only the shell knows', node.place.line);
  guess(of, node);
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

function callFunction(of: Run, body: Node, given: readonly Argument[], node: Simple, runBody: RunBody): Status {
  const within = of.calls.filter((one) => one === body).length;
  if (within >= DEEPEST_RECURSION || of.calls.length >= DEEPEST_CALL) {
    const what =
      within > 0 ? 'functions that call each other without end' : `functions ${DEEPEST_CALL} deep in each other`;
    refuse(of, node.place, what);
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
