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
