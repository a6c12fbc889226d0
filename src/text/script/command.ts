import { Fault } from '../diagnostic.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { carryOut } from './carry-out.ts';
import { assignedValue, assignmentIn, expand } from './expand.ts';
import { changesRules } from './mentions.ts';
import type { Node, Place, Simple } from './parse.ts';
import { restoreText } from './restore.ts';
import { runOther } from './shell.ts';
import { faultAt, type Run, type Status } from './state.ts';
import { heldTable, looksAt } from './tables.ts';
import { type Tool, toolNamed, wordsBefore } from './tool.ts';

/** Runs the body of a function. */
type RunBody = (body: Node) => Status;

/** More commands than anybody's script runs; a loop in a loop could make them any number. */
const MOST_COMMANDS = 50_000;
const DEEPEST_CALL = 50;

/** Runs one command: a call of iptables, of a function, or of what the shell itself knows. */
export function runSimple(of: Run, node: Simple, caught: boolean, runBody: RunBody): Status {
  of.count += 1;
  if (of.count > MOST_COMMANDS) {
    if (!of.ended) of.complain(faultAt(node.place, `more than ${MOST_COMMANDS} commands`), node.place.line);
    of.ended = true;
    return 'unknown';
  }
  let from = 0;
  for (
    let assigned = assignmentIn(node.words[0] ?? NO_WORD);
    assigned;
    assigned = assignmentIn(node.words[from] ?? NO_WORD)
  ) {
    of.variables.set(assigned.name, assignedValue(assigned.value, of.variables));
    from += 1;
  }
  const words: Argument[] = [];
  for (const word of node.words.slice(from)) {
    const expanded = expand(word, of.variables);
    if (!expanded) return notLiteral(of, node, word);
    words.push(...expanded);
  }
  const before = wordsBefore(words);
  const [name, ...given] = words.slice(before);
  if (!name) return 'ok';
  const tool = toolNamed(name.text);
  if (tool) return call(of, tool, name, given, node, caught);
  const called = of.functions.get(name.text);
  if (called) return callFunction(of, called, given, node, runBody);
  return runOther(of, name.text, given, node);
}

const NO_WORD = { parts: [], at: 0, length: 0, line: 0 };

function notLiteral(of: Run, node: Simple, { at, length, line }: Place): Status {
  if (changesRules(node, of.functions)) {
    of.complain(faultAt({ at, length, line }, 'what this word is, only the shell knows'), line);
    guess(of, node);
  } else of.skip('a command with words that only the shell knows', node.place.line);
  return 'unknown';
}

/** What a command that may run asks for, as far as its words are known. */
export function guess(of: Run, { words, place }: Simple): void {
  const guessed = words.flatMap(
    (word): readonly Argument[] => expand(word, of.variables) ?? [{ text: '?', at: word.at, length: word.length }],
  );
  const [name, ...given] = guessed.slice(wordsBefore(guessed));
  // A name that only the shell knows is mostly that of the tool.
  const tool = name && (toolNamed(name.text) ?? (name.text === '?' ? toolNamed('iptables') : undefined));
  if (!name || tool?.what !== 'rules') return;
  try {
    of.unread(readCall(given, name), of.holding(tool.family, tool.backend), place.line);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
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
    if (ending.ok) return 'ok';
    if (ending.fault && !caught) throw ending.fault;
    if (read.action !== 'check') of.failure(line, ending.because);
    return 'failed';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    of.complain(error, line);
    if (read) of.unread(read, holding, line);
    return 'failed';
  }
}

/** A text in the script is loaded as it stands; a file, or a text with variables in it, is not known. */
function restore(of: Run, tool: Tool, name: Argument, given: readonly Argument[], { input, place }: Simple): Status {
  const { line } = place;
  if (!input || (input.open && /[$`]/.test(of.text.slice(input.from, input.to)))) {
    const what = input ? 'a text with variables in it' : 'rules that do not stand here';
    of.complain(faultAt({ at: name.at, length: name.length, line }, `this loads ${what}`), line);
    return 'unknown';
  }
  const has = (...flags: readonly string[]): boolean => given.some(({ text }) => flags.includes(text));
  // A test changes nothing.
  if (has('-t', '--test')) return 'ok';
  try {
    restoreText(of.holding(tool.family, tool.backend), of.text, input, has('-n', '--noflush'), line);
    return 'ok';
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    of.complain(error, line);
    return 'failed';
  }
}

function callFunction(of: Run, body: Node, given: readonly Argument[], node: Simple, runBody: RunBody): Status {
  if (of.depth >= DEEPEST_CALL) {
    of.complain(faultAt(node.place, 'functions that call each other without end'), node.place.line);
    return 'unknown';
  }
  const outer = new Map([...of.variables].filter(([name]) => /^[\d@*#]+$/.test(name)));
  for (const name of outer.keys()) of.variables.delete(name);
  for (const [index, { text }] of given.entries()) of.variables.set(String(index + 1), text);
  of.variables.set('#', String(given.length));
  of.variables.set('@', given.map(({ text }) => text).join(' '));
  of.variables.set('*', given.map(({ text }) => text).join(' '));
  of.depth += 1;
  const status = runBody(body);
  of.depth -= 1;
  if (of.leaving === 'function') of.leaving = undefined;
  for (const name of ['@', '*', '#', ...given.map((_, index) => String(index + 1))]) of.variables.delete(name);
  for (const [name, value] of outer) of.variables.set(name, value);
  return status;
}
