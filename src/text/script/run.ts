import { runSimple } from './command.ts';
import { expand, fitsWord, joined } from './expand.ts';
import { undecided } from './guess.ts';
import { runsWhatItReads } from './mentions.ts';
import { type Node, type NodeOf, type Place, placeOf } from './node.ts';
import { loseSight, type Run, type Status } from './state.ts';
import { assign, inSubshell } from './variables.ts';
import { plainOf, plainText, type Word } from './word.ts';

/** Runs a part of a script. */
export function run(of: Run, node: Node, caught = false): Status {
  if (of.ended || of.leaving) return 'ok';
  switch (node.kind) {
    case 'simple':
      return ended(
        of,
        runSimple(of, node, caught, (body) => run(of, body, caught)),
        node.place,
      );
    case 'list': {
      let status: Status = 'ok';
      for (const one of node.nodes) {
        status = run(of, one, caught);
        if (of.ended || of.leaving) break;
      }
      return status;
    }
    case 'subshell': {
      const place = placeOf(node);
      const status = apart(of, place, () => run(of, node.node, caught));
      return ended(of, node.beside ? 'ok' : status, place);
    }
    case 'chain':
      return chain(of, node, caught);
    case 'pipe': {
      const status = pipe(of, node);
      return node.negated ? status : ended(of, status, placeOf(node));
    }
    case 'if':
      return branch(of, node, caught);
    case 'for':
      return loop(of, node, caught);
    case 'while':
      return repeat(of, node, caught);
    case 'case':
      return choose(of, node, caught);
    case 'function':
      of.functions.set(node.name, node.body);
      return 'ok';
    case 'open':
      return undecided(of, node, node.place, `this stands in a ${node.what}, whose way is not known`);
  }
}

/** Runs what somebody looks at the end of: there `set -e` does nothing. */
function watched(of: Run, node: Node, caught: boolean): Status {
  of.watched += 1;
  const status = run(of, node, caught);
  of.watched -= 1;
  return status;
}

/** Runs what a subshell runs: what it sets, and its end, are its own. */
function apart(of: Run, place: Place, act: () => Status): Status {
  const { functions, strict } = of;
  of.functions = new Map(functions);
  const status = inSubshell(of.variables, act);
  if (of.leaving === 'loop' || of.leaving === 'round') loseSight(of, place, 'this leaves a loop around its shell');
  Object.assign(of, { functions, strict, leaving: undefined });
  return status;
}

/** A command ended: a failure ends a strict script where nobody looks at it. */
function ended(of: Run, status: Status, { line }: Place): Status {
  if (of.leaving === undefined) {
    of.last = status;
    if (status === 'failed' && of.strict && of.watched === 0) {
      of.assume(`line ${line}: a command fails there, and set -e ends the script`);
      of.leaving = 'shell';
    }
  }
  return status;
}

function chain(of: Run, { first, rest }: NodeOf<'chain'>, caught: boolean): Status {
  let status = watched(of, first, caught || rest.some(({ op }) => op === '||'));
  for (const [index, { op, node }] of rest.entries()) {
    if (of.ended || of.leaving) return status;
    if (status === 'unknown') {
      undecided(of, node, placeOf(node), 'whether this runs depends on a command that is not looked at');
      continue;
    }
    if ((op === '&&') !== (status === 'ok')) continue;
    const later = rest.slice(index + 1);
    const go = later.length > 0 ? watched : run;
    status = go(of, node, caught || later.some((one) => one.op === '||'));
  }
  return status;
}

function pipe(of: Run, node: NodeOf<'pipe'>): Status {
  const { nodes, negated } = node;
  let status: Status = 'unknown';
  const [only, another] = nodes;
  if (only && !another) status = watched(of, only, true);
  else {
    if (runsWhatItReads(of, nodes)) loseSight(of, placeOf(node), 'this runs commands that another one prints');
    // Each part has a shell of its own.
    for (const one of fed(nodes)) status = apart(of, placeOf(one), () => watched(of, one, true));
  }
  if (!negated || status === 'unknown') return status;
  return status === 'ok' ? 'failed' : 'ok';
}

/** `cat <<END | iptables-restore`: what cat reads, the next one reads. */
const fed = (nodes: readonly Node[]): readonly Node[] =>
  nodes.map((node, index) => {
    const before = nodes[index - 1];
    if (node.kind !== 'simple' || before?.kind !== 'simple' || node.input || !before.input) return node;
    return before.words.length === 1 && plainOf(before.words[0]) === 'cat' ? { ...node, input: before.input } : node;
  });

function branch(of: Run, node: NodeOf<'if'>, caught: boolean): Status {
  for (const { when, body } of node.branches) {
    const status = watched(of, when, true);
    if (of.ended || of.leaving) return status;
    if (status === 'ok') return run(of, body, caught);
    if (status === 'unknown')
      return undecided(of, node, node.place, 'this stands in an if, whose condition is not known');
  }
  return node.otherwise ? run(of, node.otherwise, caught) : 'ok';
}

function loop(of: Run, node: NodeOf<'for'>, caught: boolean): Status {
  const values: string[] = [];
  for (const word of node.words ?? [EVERY]) {
    const expanded = isPattern(word) ? undefined : expand(word, of.variables);
    if (!expanded) return undecided(of, node, node.place, 'this loop goes over words that are not known');
    values.push(...expanded.map(({ text }) => text));
  }
  let status: Status = 'ok';
  for (const value of values) {
    assign(of.variables, node.name, value);
    status = round(of, node.body, caught);
    if (stops(of)) break;
  }
  return status;
}

/** `for x` alone goes over what the script or function was given. */
const EVERY: Word = { parts: [{ kind: 'variable', name: '@', quoted: true }], at: 0, length: 0, line: 0 };

/** A pattern of file names. */
const isPattern = ({ parts }: Word): boolean => parts.some((part) => /[*?]/.test(plainText(part) ?? ''));

function round(of: Run, body: Node, caught: boolean): Status {
  of.loops += 1;
  const status = run(of, body, caught);
  of.loops -= 1;
  return status;
}

/** Whether a loop ends after a round; `break 2` and `continue 2` leave the loop around it too. */
function stops(of: Run): boolean {
  const { leaving } = of;
  if (leaving !== 'loop' && leaving !== 'round') return of.ended || leaving !== undefined;
  of.levels -= 1;
  if (of.levels > 0) return true;
  of.leaving = undefined;
  return leaving === 'loop';
}

/** More rounds are not followed: a loop may have no end. */
const MOST_ROUNDS = 1000;

function repeat(of: Run, node: NodeOf<'while'>, caught: boolean): Status {
  const { what, when, body, place } = node;
  let status: Status = 'ok';
  for (let number = 0; number < MOST_ROUNDS; number += 1) {
    const goes = watched(of, when, true);
    if (of.ended || of.leaving) return status;
    if (goes === 'unknown') break;
    if ((goes === 'ok') === (what === 'until')) return status;
    status = round(of, body, caught);
    if (stops(of)) return status;
  }
  return undecided(of, node, place, `this stands in a ${what}, whose way is not known`);
}

function choose(of: Run, node: NodeOf<'case'>, caught: boolean): Status {
  const { word, clauses, place } = node;
  const unknown = (): Status => undecided(of, node, place, 'this stands in a case, whose way is not known');
  const text = joined(word.parts, of.variables);
  if (text === undefined || clauses.some(({ goesOn }) => goesOn)) return unknown();
  for (const { patterns, body } of clauses) {
    const found = patterns.map((pattern) => fitsWord(text, pattern, of.variables));
    if (found.includes(true)) return run(of, body, caught);
    if (found.includes(undefined)) return unknown();
  }
  return 'ok';
}
