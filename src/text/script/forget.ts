import { assignedName, assignmentIn } from './assignment.ts';
import { DECLARES } from './declare.ts';
import { expand } from './expand.ts';
import { type Node, type NodeOf, nodesIn, placeOf, type Simple } from './node.ts';
import type { Run } from './state.ts';
import { assign, blur, isName, type Variables } from './variables.ts';
import type { Word } from './word.ts';

/** Commands of shells that set the variables they are given the names of. */
const SETS: ReadonlySet<string> = new Set([
  ...DECLARES,
  ...'read mapfile readarray getopts printf let unset wait (('.split(' '),
]);

/** After these any variable may have any value. */
const SETS_ANY: ReadonlySet<string> = new Set(['eval', 'source', '.']);

const NAMES = /[A-Za-z_]\w*/g;

/** After a part of a script that may have run or not: what it may have set is not known. */
export function forget(of: Run, node: Node, seen = new Set<Node>()): void {
  if (seen.has(node)) return;
  seen.add(node);
  if (node.kind === 'simple') {
    forgetCommand(of, node, seen);
    return;
  }
  if (node.kind === 'for') assign(of.variables, node.name, undefined);
  if (node.kind === 'function') redefine(of, node);
  for (const part of nodesIn(node)) forget(of, part, seen);
}

/** A function that may have been defined anew is one of both. */
function redefine(of: Run, { name, body }: NodeOf<'function'>): void {
  const before = of.functions.get(name);
  const nodes = before ? [before, body] : [body];
  of.functions.set(name, { kind: 'open', what: 'function that may not be there', nodes, place: placeOf(body) });
}

function forgetCommand(of: Run, { words }: Simple, seen: Set<Node>): void {
  const { variables } = of;
  for (const word of words) forgetWord(variables, word);
  const [first, ...rest] = words.filter((word) => assignedName(word) === undefined);
  if (!first) return;
  const [name] = expand(first, variables) ?? [];
  if (!name || SETS_ANY.has(name.text)) {
    // What is run there is not known: at worst it is one of those.
    if (name) blur(variables);
    return;
  }
  const called = of.functions.get(name.text);
  if (called) forget(of, called, seen);
  else forgetNames(of, name.text, rest);
}

/** What a command of the shell sets: every word that is a name. */
export function forgetNames({ variables }: Run, name: string, given: readonly Word[]): void {
  if (name === 'shift' || name === 'set') variables.parameters = undefined;
  if (name === 'getopts') for (const one of ['OPTARG', 'OPTIND']) assign(variables, one, undefined);
  if (!SETS.has(name)) return;
  if (name === 'read') assign(variables, 'REPLY', undefined);
  if (name === 'mapfile' || name === 'readarray') assign(variables, 'MAPFILE', undefined);
  const counts = name === 'let' || name === '((';
  let target = name !== 'printf';
  for (const word of given) {
    const expanded = expand(word, variables);
    if (!expanded && target && !assignmentIn(word)) blur(variables);
    for (const { text } of expanded ?? []) {
      const names = counts ? [...text.matchAll(NAMES)].map(([one]) => one) : isName(text) && target ? [text] : [];
      for (const one of names) assign(variables, one, undefined);
      if (name === 'printf') target = text === '-v';
    }
  }
}

/** `NAME=…`, `NAME[2]=…`, `${NAME:=…}`. */
function forgetWord(variables: Variables, word: Word): void {
  const assigned = assignedName(word);
  if (assigned !== undefined) assign(variables, assigned, undefined);
  for (const part of word.parts)
    if (part.kind === 'variable' && part.operator?.endsWith('=')) assign(variables, part.name, undefined);
}
