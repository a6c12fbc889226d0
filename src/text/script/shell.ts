import type { Argument } from './arguments.ts';
import { assignedValue, assignmentIn } from './expand.ts';
import type { Simple } from './parse.ts';
import type { Run, Status } from './state.ts';

/** Commands of the shell that matter here; all others are passed over. */
export function runOther(of: Run, name: string, given: readonly Argument[], node: Simple): Status {
  switch (name) {
    case 'true':
    case ':':
      return 'ok';
    case 'false':
      return 'failed';
    case 'exit':
      of.ended = true;
      return 'ok';
    case 'return':
      of.leaving = 'function';
      return /^[1-9]/.test(given[0]?.text ?? '') ? 'failed' : 'ok';
    case 'break':
      of.leaving = 'loop';
      return 'ok';
    case 'continue':
      of.leaving = 'round';
      return 'ok';
    case '[':
    case '[[':
    case 'test': {
      const status = tested(given.map(({ text }) => text).filter((text) => text !== ']' && text !== ']]'));
      if (status === 'unknown') of.skip(name, node.place.line);
      return status;
    }
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

/** What a comparison of texts or numbers gives; files and all else are not looked at. Source: POSIX, test. */
function tested(words: readonly string[]): Status {
  const negated = words[0] === '!';
  const [first = '', operator, second = '', ...rest] = negated ? words.slice(1) : words;
  if (rest.length > 0) return 'unknown';
  const held = operator === undefined ? first !== '' : compared(first, operator, second);
  return held === undefined ? 'unknown' : held === negated ? 'failed' : 'ok';
}

function compared(first: string, operator: string, second: string): boolean | undefined {
  if (second === '' && (first === '-n' || first === '-z')) return (operator === '') === (first === '-z');
  const numbers = /^-?\d{1,9}$/.test(first) && /^-?\d{1,9}$/.test(second);
  switch (operator) {
    case '=':
    case '==':
      // A pattern may match what it does not equal.
      return /[*?[]/.test(second) ? undefined : first === second;
    case '!=':
      return /[*?[]/.test(second) ? undefined : first !== second;
    case '-eq':
      return numbers ? Number(first) === Number(second) : undefined;
    case '-ne':
      return numbers ? Number(first) !== Number(second) : undefined;
    case '-gt':
      return numbers ? Number(first) > Number(second) : undefined;
    case '-lt':
      return numbers ? Number(first) < Number(second) : undefined;
    default:
      return undefined;
  }
}
