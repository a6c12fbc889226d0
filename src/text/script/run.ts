import { guess, runSimple } from './command.ts';
import { assignmentIn, expand } from './expand.ts';
import { changesRules, commandsIn, mayEnd } from './mentions.ts';
import type { Node, Place, Simple } from './parse.ts';
import { faultAt, type Run, type Status } from './state.ts';

/** Runs a part of a script. */
export function run(of: Run, node: Node, caught = false): Status {
  if (of.ended || of.leaving) return 'ok';
  switch (node.kind) {
    case 'simple': {
      const status = runSimple(of, node, caught, (body) => run(of, body, caught));
      if (status === 'failed' && of.strict && of.watched === 0) end(of, node);
      return status;
    }
    case 'list': {
      let status: Status = 'ok';
      for (const one of node.nodes) {
        status = run(of, one, caught);
        if (of.ended || of.leaving) break;
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

/** Runs what somebody looks at the end of: there `set -e` does nothing. */
function watched(of: Run, node: Node, caught: boolean): Status {
  of.watched += 1;
  const status = run(of, node, caught);
  of.watched -= 1;
  return status;
}

/** A failure ends a strict script where nobody looks at it. */
function end(of: Run, { place }: Simple): void {
  of.assume(`line ${place.line}: a command fails there, and set -e ends the script`);
  of.ended = true;
}

function chain(of: Run, { first, rest }: Extract<Node, { readonly kind: 'chain' }>, caught: boolean): Status {
  let status = watched(of, first, caught || rest.some(({ op }) => op === '||'));
  for (const [index, { op, node }] of rest.entries()) {
    if (of.ended || of.leaving) return status;
    if (status === 'unknown') {
      const [command] = commandsIn(node);
      undecided(of, node, command?.place ?? NOWHERE, 'whether this runs depends on a command that is not looked at');
      continue;
    }
    if ((op === '&&') !== (status === 'ok')) continue;
    const later = rest.slice(index + 1);
    const go = later.length > 0 ? watched : run;
    status = go(of, node, caught || later.some((one) => one.op === '||'));
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

function pipe(of: Run, { nodes, negated }: Extract<Node, { readonly kind: 'pipe' }>): Status {
  let status: Status = 'unknown';
  for (const node of nodes) status = watched(of, node, true);
  if (!negated || status === 'unknown') return status;
  return status === 'ok' ? 'failed' : 'ok';
}

function branch(of: Run, node: Extract<Node, { readonly kind: 'if' }>, caught: boolean): Status {
  for (const { when, body } of node.branches) {
    const status = watched(of, when, true);
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
    const { leaving } = of;
    if (leaving === 'loop' || leaving === 'round') of.leaving = undefined;
    if (of.ended || leaving === 'loop' || leaving === 'function') break;
  }
  return status;
}
