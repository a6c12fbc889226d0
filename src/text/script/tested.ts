import type { Status } from './state.ts';

/** What `[[ … ]]` gives: comparisons that `&&` and `||` stand between, of which `&&` binds tighter. */
export function testedAll(words: readonly string[]): Status {
  return partsAt(words, '||')
    .map((some) => partsAt(some, '&&').map(tested).reduce(both))
    .reduce(either);
}

function partsAt(words: readonly string[], by: string): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === by) parts.push([]);
    else parts.at(-1)!.push(word);
  }
  return parts;
}

const both = (one: Status, other: Status): Status =>
  one === 'failed' || other === 'failed' ? 'failed' : one === 'ok' ? other : one;

const either = (one: Status, other: Status): Status =>
  one === 'ok' || other === 'ok' ? 'ok' : one === 'failed' ? other : one;

/** What `[ … ]` gives: a comparison of texts or numbers; files and all else are not looked at. Source: POSIX, test. */
export function tested(words: readonly string[]): Status {
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
    case '-ge':
      return numbers ? Number(first) >= Number(second) : undefined;
    case '-le':
      return numbers ? Number(first) <= Number(second) : undefined;
    case '-lt':
      return numbers ? Number(first) < Number(second) : undefined;
    default:
      return undefined;
  }
}
