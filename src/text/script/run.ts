import type { Family } from '../../address/index.ts';
import type { Backend } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { type Argument, type Call, readCall } from './arguments.ts';
import { carryOut } from './carry-out.ts';
import { assignedValue, assignmentIn, expand, type Variables } from './expand.ts';
import { changesRules, commandsIn, mayEnd } from './mentions.ts';
import type { Node, Place, Simple } from './parse.ts';
import { restoreText } from './restore.ts';
import { type Holding, heldTable, looksAt } from './tables.ts';
import { type Tool, toolNamed, wordsBefore } from './tool.ts';

/** How a command ended: a command that is not looked at may have ended either way. */
export type Status = 'ok' | 'failed' | 'unknown';

/** A script while it runs. */
export interface Run {
  /** The script itself. */
  readonly text: string;
  readonly variables: Variables;
  readonly functions: Map<string, Node>;
  holding(family: Family, backend: Backend): Holding;
  /** A command whose words make no sense, or that only a shell could run. */
  complain(fault: Fault, line: number): void;
  /** A call whose rule cannot be read, or that may have been made or not. */
  unread(call: Call, holding: Holding, line: number): void;
  /** A command that failed as its author must have expected, or as nobody minds. */
  failure(line: number, because: string): void;
  /** A command that is none of iptables. */
  skip(name: string, line: number): void;
  /** What is taken for granted. */
  assume(clause: string): void;
  /** `exit` was met, or a failure under `set -e`. */
  ended: boolean;
  /** `set -e`. */
  strict: boolean;
  /** Commands run so far: bounded. */
  count: number;
  depth: number;
}

/** More commands than anybody's script runs; a loop in a loop could make them any number. */
const MOST_COMMANDS = 50_000;
const DEEPEST_CALL = 50;

const LITERAL =
  "Expected literal words, one command after the other.\nRun the script in a namespace of its own and give what it leaves: unshare -n sh -c 'sh FILE; iptables-save'";

const faultAt = ({ at, length }: Place, message: string): Fault => new Fault(at, length, message, LITERAL);

/** Runs a part of a script. */
export function run(of: Run, node: Node, caught = false): Status {
  if (of.ended) return 'ok';
  switch (node.kind) {
    case 'simple':
      return simple(of, node, caught);
    case 'list': {
      let status: Status = 'ok';
      for (const one of node.nodes) {
        status = run(of, one, caught);
        if (status === 'failed' && of.strict && !caught && isPlain(one)) end(of, one);
        if (of.ended) break;
      }
      return status;
    }
    case 'chain':
      return chain(of, node, caught);
    case 'pipe':
      return pipe(of, node);
    case 'if':
      return branch(of, node, caught);
    case 'for':
      return loop(of, node, caught);
    case 'function':
      of.functions.set(node.name, node.body);
      return 'ok';
    case 'open':
      return undecided(of, node, node.place, `this stands in a ${node.what}, whose way is not known`);
  }
}

/** A failure ends a strict script where nothing looks at it. */
const isPlain = ({ kind }: Node): boolean => kind === 'simple' || kind === 'chain';

function end(of: Run, node: Node): void {
  const [first] = commandsIn(node);
  of.assume(`line ${first?.place.line ?? 1}: a command fails there, and set -e ends the script`);
  of.ended = true;
}

function chain(of: Run, { first, rest }: Extract<Node, { readonly kind: 'chain' }>, caught: boolean): Status {
  let status = run(of, first, caught || rest.some(({ op }) => op === '||'));
  for (const [index, { op, node }] of rest.entries()) {
    if (of.ended) return status;
    if (status === 'unknown') {
      const [command] = commandsIn(node);
      undecided(of, node, command?.place ?? NOWHERE, 'whether this runs depends on a command that is not looked at');
      continue;
    }
    if ((op === '&&') !== (status === 'ok')) continue;
    status = run(of, node, caught || rest.slice(index + 1).some((one) => one.op === '||'));
  }
  return status;
}

const NOWHERE: Place = { at: 0, length: 1, line: 1 };

/** A part that may run or not: it must change no rule. */
function undecided(of: Run, node: Node, place: Place, message: string): Status {
  if (changesRules(node, of.functions)) {
    of.complain(faultAt(place, message), place.line);
    for (const command of commandsIn(node)) guess(of, command);
  } else if (mayEnd(node)) of.assume(`line ${place.line}: the script is taken to go on there`);
  for (const { words } of commandsIn(node)) {
    for (const word of words) {
      const assigned = assignmentIn(word);
      if (assigned) of.variables.set(assigned.name, undefined);
    }
  }
  return 'unknown';
}

/** What a command that may run asks for, as far as its words are known. */
function guess(of: Run, { words, place }: Simple): void {
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

function pipe(of: Run, { nodes, negated }: Extract<Node, { readonly kind: 'pipe' }>): Status {
  let status: Status = 'unknown';
  for (const node of nodes) status = run(of, node, true);
  if (!negated || status === 'unknown') return status;
  return status === 'ok' ? 'failed' : 'ok';
}

function branch(of: Run, node: Extract<Node, { readonly kind: 'if' }>, caught: boolean): Status {
  for (const { when, body } of node.branches) {
    const status = run(of, when, true);
    if (status === 'ok') return run(of, body, caught);
    if (status === 'unknown')
      return undecided(of, node, node.place, 'this stands in an if, whose condition is not known');
  }
  return node.otherwise ? run(of, node.otherwise, caught) : 'ok';
}

function loop(of: Run, node: Extract<Node, { readonly kind: 'for' }>, caught: boolean): Status {
  const values: string[] = [];
  for (const word of node.words ?? [undefined]) {
    const expanded = word && expand(word, of.variables);
    if (!expanded) return undecided(of, node, node.place, 'this loop goes over words that are not known');
    values.push(...expanded.map(({ text }) => text));
  }
  let status: Status = 'ok';
  for (const value of values) {
    of.variables.set(node.name, value);
    status = run(of, node.body, caught);
  }
  return status;
}

function simple(of: Run, node: Simple, caught: boolean): Status {
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
  if (called) return callFunction(of, called, given, node, caught);
  return other(of, name.text, given, node);
}

const NO_WORD = { parts: [], at: 0, length: 0, line: 0 };

function notLiteral(of: Run, node: Simple, { at, length, line }: Place): Status {
  if (changesRules(node, of.functions)) {
    of.complain(faultAt({ at, length, line }, 'what this word is, only the shell knows'), line);
    guess(of, node);
  } else of.skip('a command with words that only the shell knows', node.place.line);
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

function callFunction(of: Run, body: Node, given: readonly Argument[], node: Simple, caught: boolean): Status {
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
  const status = run(of, body, caught);
  of.depth -= 1;
  for (const name of ['@', '*', '#', ...given.map((_, index) => String(index + 1))]) of.variables.delete(name);
  for (const [name, value] of outer) of.variables.set(name, value);
  return status;
}

/** Commands of the shell that matter here; all others are passed over. */
function other(of: Run, name: string, given: readonly Argument[], node: Simple): Status {
  switch (name) {
    case 'true':
    case ':':
      return 'ok';
    case 'false':
      return 'failed';
    case 'exit':
      of.ended = true;
      return 'ok';
    case 'set':
      for (const { text } of given) if (/^[-+][a-z]*e/.test(text)) of.strict = text.startsWith('-');
      return 'ok';
    case 'export':
    case 'readonly':
    case 'local':
    case 'declare':
      for (const word of node.words.slice(1)) {
        const assigned = assignmentIn(word);
        if (assigned) of.variables.set(assigned.name, assignedValue(assigned.value, of.variables));
      }
      return 'ok';
    case 'unset':
      for (const { text } of given) of.variables.set(text, '');
      return 'ok';
    case 'echo':
    case 'printf':
    case 'cd':
    case 'sleep':
      return 'ok';
    default:
      of.skip(name, node.place.line);
      return LIKELY.has(name) ? 'ok' : 'unknown';
  }
}

/** Programs that prepare the ground for rules, and mostly succeed. */
const LIKELY: ReadonlySet<string> = new Set('modprobe sysctl ip ipset mkdir touch logger depmod insmod'.split(' '));
