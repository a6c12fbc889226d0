import { FAMILIES } from '../../address/index.ts';
import { Fault } from '../diagnostic.ts';
import { type Argument, readCall } from './arguments.ts';
import { behindAssigned } from './assignment.ts';
import { expand } from './expand.ts';
import { forget } from './forget.ts';
import { changesRules, hidden, mayEnd } from './mentions.ts';
import { commandsIn, type Node, type Place, placeOf, type Simple } from './node.ts';
import { counts, type Run, refuse, type Status } from './state.ts';
import { programOf, type Tool, testsOnly, toolNamed, wordsBefore } from './tool.ts';
import { unsettle, unsettleAll } from './unsure.ts';
import { inFunction } from './variables.ts';

/** A part that may run or not: it must change no rule. What it may do is not known afterwards. */
export function undecided(of: Run, node: Node, place: Place, message: string): Status {
  if (changesRules(of, node)) refuse(of, place, message);
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
  const words = behindAssigned(command.words).flatMap(
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
    if (changesRules(of, body)) of.beyond = placeOf(body).line;
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
  const texts = given.map(({ text }) => text);
  if (tool) guessTool(of, tool, name, given, line);
  else if (name.unknown) {
    // A name that only the shell knows is mostly that of the tool, of either family.
    if (!changesRules(of, command)) return;
    for (const family of FAMILIES) guessTool(of, { family, backend: 'nft', what: 'rules' }, name, given, line);
  } else if (programOf(name.text) === 'ipset') of.sets.guess(texts);
  else if (hidden(of, name.text, texts, command)) of.beyond = line;
}

function guessTool(of: Run, tool: Tool, name: Argument, given: readonly Argument[], line: number): void {
  if (tool.what === 'save') return;
  const holding = of.holding(tool.family, tool.backend);
  const words = given.map(({ text }) => text).join(' ');
  if (tool.what === 'restore') {
    if (!testsOnly(given)) unsettleAll(holding, `${name.text} ${words}`, line);
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
