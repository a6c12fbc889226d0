import { FAMILIES } from '../../address/index.ts';
import type { Argument } from './arguments.ts';
import { calculate } from './arithmetic.ts';
import { forgetNames } from './forget.ts';
import { hidden } from './mentions.ts';
import type { Place, Simple } from './node.ts';
import { loseSight, type Run, refuse, type Status } from './state.ts';
import { tested, testedAll } from './tested.ts';
import { programOf } from './tool.ts';
import { unsettleAll } from './unsure.ts';
import { assign, blur, type Variables } from './variables.ts';

/** Commands of the shell that matter here; all others are passed over, unless they change rules out of sight. */
export function runOther(of: Run, called: Argument, given: readonly Argument[], node: Simple): Status {
  const texts = given.map(({ text }) => text);
  const { text: name } = called;
  const done = plain(of, name, texts, node) ?? setting(of, name, texts, node);
  if (done) return done;
  const program = programOf(name);
  if (program === 'ipset') return askIpset(of, texts, node);
  if (program === 'nft' && texts.join(' ') === 'flush ruleset') {
    for (const family of FAMILIES) of.holding(family, 'nft').tables.clear();
    return 'ok';
  }
  passOver(of, name, texts, node, { ...called, line: node.place.line });
  if (LIKELY.has(program)) return 'ok';
  // After a file that was read any name may be that of a function.
  if (of.variables.blurred) blur(of.variables);
  return 'unknown';
}

/** A command that is not looked at; one that may change rules out of sight is refused, and may have done anything to them. */
function passOver(of: Run, name: string, texts: readonly string[], node: Simple, place: Place): void {
  const { line } = place;
  if (!hidden(of, name, texts, node)) {
    of.skip(name, line);
    return;
  }
  refuse(of, place, 'this may change rules, and is not followed');
  if (programOf(name) === 'nft') of.beyond = line;
  else for (const family of FAMILIES) unsettleAll(of.holding(family, 'nft'), name, line);
}

/** Commands that set no variable. */
function plain(of: Run, name: string, texts: readonly string[], node: Simple): Status | undefined {
  switch (name) {
    case 'true':
    case ':':
      return 'ok';
    case 'false':
      return 'failed';
    case 'exit':
      of.leaving = 'shell';
      return endedWith(of, texts[0]);
    case 'return':
      // Some shells end there, some go on.
      if (of.calls.length === 0) loseSight(of, node.place, 'this stands in no function');
      of.leaving = 'function';
      return endedWith(of, texts[0]);
    case 'break':
    case 'continue':
      if (of.loops === 0) return 'ok';
      of.leaving = name === 'break' ? 'loop' : 'round';
      of.levels = Number(texts[0] ?? 1) || 1;
      return 'ok';
    case '[':
    case '[[':
    case 'test': {
      const asked = texts.filter((text) => text !== ']' && text !== ']]');
      const status = name === '[[' ? testedAll(asked) : tested(asked);
      if (status === 'unknown') of.skip(name, node.place.line);
      return status;
    }
    case 'echo':
    case 'cd':
    case 'sleep':
      return 'ok';
    default:
      return undefined;
  }
}

/** What a number says of how it ended; without one, how the last command did. */
const endedWith = ({ last }: Run, status: string | undefined): Status =>
  status === undefined ? last : /^0*$/.test(status) ? 'ok' : /^\d+$/.test(status) ? 'failed' : 'unknown';

/** Commands that set variables. Undefined: it is none. */
function setting(of: Run, name: string, texts: readonly string[], node: Simple): Status | undefined {
  const { variables } = of;
  switch (name) {
    case 'set':
      return set(of, texts);
    case 'shift':
      return shift(variables, texts[0]);
    case 'unset':
      for (const text of texts) {
        const isVariable = texts[0] !== '-f' && (variables.values.get(text) ?? '') !== '';
        if (texts[0] !== '-v' && !isVariable) of.functions.delete(text);
        if (texts[0] === '-f') continue;
        if (text === 'IFS') variables.values.delete(text);
        else if (!text.startsWith('-')) assign(variables, text, '');
      }
      return 'ok';
    case 'printf':
      if (texts[0] !== '-v') return 'ok';
      assign(variables, texts[1] ?? '', printed(texts[2] ?? '', texts.slice(3)));
      return 'ok';
    case 'let':
    case '((': {
      const values = texts.map((text) => counted(of, text));
      if (values.includes(undefined)) forgetNames(of, name, node.words);
      const value = values.at(-1);
      return value === undefined ? 'unknown' : value === 0 ? 'failed' : 'ok';
    }
    case 'read':
    case 'mapfile':
    case 'readarray':
    case 'getopts':
    case 'wait':
      forgetNames(of, name, node.words.slice(1));
      return 'unknown';
    case 'eval':
    case '.':
    case 'source':
      passOver(of, name, texts, node, node.place);
      blur(variables);
      return 'unknown';
    default:
      return undefined;
  }
}

/** `set -e`, `set -- a b`. */
function set(of: Run, texts: readonly string[]): Status {
  let at = 0;
  for (; at < texts.length && /^[-+]\w/.test(texts[at] ?? ''); at += 1) {
    const text = texts[at]!;
    if (/^[-+][a-z]*e/.test(text)) of.strict = text.startsWith('-');
    if (/^[-+][a-z]*o$/.test(text)) {
      at += 1;
      if (texts[at] === 'errexit') of.strict = text.startsWith('-');
    }
  }
  if (texts[at] === '--') of.variables.parameters = texts.slice(at + 1);
  else if (at < texts.length) of.variables.parameters = texts[at] === '-' ? texts.slice(at + 1) : texts.slice(at);
  return 'ok';
}

function shift(variables: Variables, by = '1'): Status {
  const { parameters } = variables;
  const count = /^\d{1,6}$/.test(by) ? Number(by) : undefined;
  if (!parameters || count === undefined) {
    variables.parameters = undefined;
    return 'unknown';
  }
  if (count > parameters.length) return 'failed';
  variables.parameters = parameters.slice(count);
  return 'ok';
}

/** What `printf` makes of plain texts and `%s`. */
function printed(format: string, values: readonly string[]): string | undefined {
  const pieces = format.split('%s');
  if (/[%\\]/.test(pieces.join('')) || pieces.length - 1 !== values.length) return undefined;
  return pieces.map((piece, index) => piece + (values[index] ?? '')).join('');
}

/** `x=1+2`, `x+=1`, `x++`, or a value alone. Undefined where what is set and what it gives is not known. */
function counted({ variables }: Run, text: string): number | undefined {
  const known = (name: string): string | undefined => {
    const value = variables.values.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const [, stepped, sign] = /^\s*([A-Za-z_]\w*)(\+\+|--)\s*$/.exec(text) ?? [];
  const [, assigned, operator = '', expression = ''] = /^\s*([A-Za-z_]\w*)\s*([-+*/%]?)=(?!=)(.*)$/s.exec(text) ?? [];
  const name = stepped ?? assigned;
  if (name === undefined) return calculate(text, known);
  const from = stepped === undefined ? undefined : calculate(name, known);
  const value =
    stepped !== undefined
      ? from === undefined
        ? undefined
        : from + (sign === '++' ? 1 : -1)
      : calculate(operator === '' ? expression : `${name} ${operator} (${expression})`, known);
  if (value === undefined) return undefined;
  assign(variables, name, String(value));
  // `x++` gives what it was before.
  return from ?? value;
}

function askIpset(of: Run, texts: readonly string[], { input, place }: Simple): Status {
  const asked = texts.find((text) => !text.startsWith('-') || text === '-R');
  if (asked === 'restore' || asked === '-R') {
    if (input && !(input.open && /[$`\\]/.test(of.text.slice(input.from, input.to)))) {
      for (const line of of.text.slice(input.from, input.to).split('\n').slice(0, -1)) {
        const words = line.trim().split(/[ \t]+/);
        if (words[0] !== '' && !words[0]?.startsWith('#') && words[0] !== 'COMMIT') of.sets.carryOut(words);
      }
      return 'ok';
    }
    of.sets.guess(texts);
  } else if (of.sets.carryOut(texts)) return 'ok';
  of.skip('ipset', place.line);
  return 'ok';
}

/** Programs that prepare the ground for rules, and mostly succeed. */
const LIKELY: ReadonlySet<string> = new Set('modprobe sysctl ip ipset mkdir touch logger depmod insmod'.split(' '));
