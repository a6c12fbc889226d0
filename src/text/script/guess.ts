import { FAMILIES } from '../../address/index.ts';
import { Fault } from '../diagnostic.ts';
import { type Argument, readCall } from './arguments.ts';
import { assignmentIn, expand } from './expand.ts';
import { forget } from './forget.ts';
import { changesRules, commandsIn, hidden, mayEnd } from './mentions.ts';
import type { Node, Place, Simple } from './parse.ts';
import { counts, faultAt, type Run, type Status } from './state.ts';
import { type Tool, toolNamed, wordsBefore } from './tool.ts';
import { unsettle, unsettleAll } from './unsure.ts';
import { inFunction } from './variables.ts';

/** A part that may run or not: it must change no rule. What it may do is not known afterwards. */
export function undecided(of: Run, node: Node, place: Place, message: string): Status {
  const changes = changesRules(of, node);
  if (changes) of.complain(faultAt(of, place, message), place.line);
  else if (mayEnd(node)) of.assume(`line ${place.line}: the script is taken to go on there`);
  forget(of, node);
  guess(of, node);
  return 'unknown';
}

/** What a part of a script that may run leaves, as far as its words are known. */
export function guess(of: Run, node: Node): void {
  for (const command of commandsIn(node)) {
    if (!counts(of, command.place)) return;
    guessCommand(of, command);
  }
}

function guessCommand(of: Run, command: Simple): void {
  const first = command.words.findIndex((word) => !assignmentIn(word));
  if (first < 0) return;
  const words = command.words
    .slice(first)
    .flatMap(
      (word): readonly Argument[] =>
        expand(word, of.variables) ?? [{ text: '?', at: word.at, length: word.length, unknown: true }],
    );
  const [name, ...given] = words.slice(wordsBefore(words));
  if (!name) return;
  const called = of.functions.get(name.text);
  if (called) guessFunction(of, called, given);
  else guessCall(of, command, name, given);
}

/** As deep as functions are looked into that may be called. */
const DEEPEST_GUESS = 40;

function guessFunction(of: Run, body: Node, given: readonly Argument[]): void {
  if (of.calls.includes(body) || of.calls.length > DEEPEST_GUESS) {
    // Around again, with whatever words: all that it may do is not known.
    if (changesRules(of, body)) of.beyond = commandsIn(body).next().value?.place.line ?? 1;
    return;
  }
  const parameters = given.some(({ unknown }) => unknown) ? undefined : given.map(({ text }) => text);
  of.calls.push(body);
  inFunction(of.variables, parameters, () => guess(of, body));
  of.calls.pop();
}

function guessCall(of: Run, command: Simple, name: Argument, given: readonly Argument[]): void {
  const { line } = command.place;
  const tool = toolNamed(name.text);
  if (tool) guessTool(of, tool, name, given, line);
  else if (name.unknown) {
    // A name that only the shell knows is mostly that of the tool, of either family.
    if (!changesRules(of, command)) return;
    for (const family of FAMILIES) guessTool(of, { family, backend: 'nft', what: 'rules' }, name, given, line);
  } else if (name.text.endsWith('ipset')) of.sets.guess(given.map(({ text }) => text));
  else if (
    hidden(
      of,
      name.text,
      given.map(({ text }) => text),
      command,
    )
  )
    of.beyond = line;
}

function guessTool(of: Run, tool: Tool, name: Argument, given: readonly Argument[], line: number): void {
  if (tool.what === 'save') return;
  const holding = of.holding(tool.family, tool.backend);
  const words = given.map(({ text }) => text).join(' ');
  if (tool.what === 'restore') {
    if (!given.some(({ text }) => text === '-t' || text === '--test'))
      unsettleAll(holding, `${name.text} ${words}`, line);
    return;
  }
  try {
    const call = readCall(given, name);
    const asked = given.findIndex(({ at }) => at === call.asked.at);
    // Before the command itself it could be a table’s name.
    if (given.slice(0, Math.max(0, asked)).some(({ unknown }) => unknown)) unsettleAll(holding, words, line);
    else unsettle(holding, call, line);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (given.some(({ unknown }) => unknown)) unsettleAll(holding, words, line);
  }
}
