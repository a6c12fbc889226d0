import { assignedValue, assignmentIn } from './assignment.ts';
import { expand } from './expand.ts';
import type { Run, Status } from './state.ts';
import { assign, isName, makeLocal } from './variables.ts';
import type { Word } from './word.ts';

/** Commands that give variables values and properties; of their words nothing is split in assignments. */
export const DECLARES: ReadonlySet<string> = new Set(['export', 'readonly', 'local', 'declare', 'typeset']);

/** `local x=1 y`, `declare -a list=(…)`, `export PATH`. */
export function declare(of: Run, name: string, given: readonly Word[]): Status {
  const { variables } = of;
  const flags = given.map((word) => expand(word, variables)?.[0]?.text ?? '').filter((text) => /^[-+]\w/.test(text));
  const has = (letters: RegExp): boolean => flags.some((text) => letters.test(text));
  const local = name === 'local' || (name !== 'export' && name !== 'readonly' && !has(/^-\w*g/));
  let status: Status = 'ok';
  for (const word of given) {
    const assigned = assignmentIn(word);
    const [plain] = assigned ? [] : (expand(word, variables) ?? []);
    const variable = assigned?.name ?? plain?.text ?? '';
    if (!isName(variable)) continue;
    const value = assigned && assignedValue(assigned, variables);
    if (local) makeLocal(variables, variable);
    // References to other variables, numbers that are worked out, letters that change: what it holds is not known.
    if (has(/^-\w*[niluA]/)) variables.odd.add(variable);
    if (assigned) assign(variables, variable, value);
    else if (local && variables.locals.length > 0) assign(variables, variable, '');
    // What happens when somebody sets it again differs from shell to shell.
    if (name === 'readonly' || has(/^-\w*r/)) variables.odd.add(variable);
    if (assigned && value === undefined) status = 'unknown';
  }
  return status;
}
