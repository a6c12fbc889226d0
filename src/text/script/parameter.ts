import { replaced, without } from './pattern.ts';
import { assign, NEVER_SET, type Stored, stored, type Value, type Variables } from './variables.ts';
import type { VariablePart } from './word.ts';

/** A value as one text: an array without an index is its first item. */
export const textOf = (value: Stored): string | undefined =>
  typeof value === 'string' ? value : Array.isArray(value) ? (value[0] ?? '') : undefined;

/** The value of `$NAME` or `${NAME…}`; `argument` gives what stands after its operator. */
export function valueOfVariable(part: VariablePart, variables: Variables, argument: () => string | undefined): Value {
  const { name, index, counted, operator, quoted } = part;
  const value = stored(name, variables);
  const whole = name === '@' || name === '*' ? name : index === '@' || index === '*' ? index : undefined;
  if (whole !== undefined) {
    const items = typeof value === 'string' ? [value] : typeof value === 'symbol' ? undefined : value;
    if (!items || operator !== undefined) return undefined;
    if (counted) return String(items.length);
    if (whole === '@' || !quoted) return items;
    return variables.values.has('IFS') ? undefined : items.join(' ');
  }
  const text = index === undefined || index === '0' ? textOf(value) : itemOf(value, Number(index));
  if (counted) return text === undefined ? undefined : String(text.length);
  if (operator === undefined) return text;
  return operated(part, value === NEVER_SET ? NEVER_SET : text, argument, variables);
}

const itemOf = (value: Stored, index: number): string | undefined =>
  Array.isArray(value) ? (value[index] ?? '') : typeof value === 'string' ? '' : undefined;

/** What an operator makes of a value. Source: POSIX, Shell Command Language, 2.6.2. */
function operated(
  { name, operator = '' }: VariablePart,
  value: string | typeof NEVER_SET | undefined,
  argument: () => string | undefined,
  variables: Variables,
): string | undefined {
  // One that was set to what is not known may be anything; one that was never set has its default.
  if (value === undefined) return undefined;
  const empty = value === NEVER_SET || value === '';
  // Whether an empty one is set at all, which is asked without the colon, is not kept.
  const unsure = value === '' && !operator.startsWith(':');
  switch (operator) {
    case ':-':
    case '-':
      return unsure ? undefined : empty ? argument() : value;
    case ':=':
    case '=': {
      const text = unsure ? undefined : empty ? argument() : value;
      assign(variables, name, text);
      return text;
    }
    case ':+':
    case '+':
      return unsure ? undefined : empty ? '' : argument();
    case ':?':
    case '?':
      return empty ? undefined : value;
    default: {
      const pattern = argument();
      if (pattern === undefined || value === NEVER_SET) return undefined;
      return operator.startsWith('/') ? replaced(value, operator, pattern) : without(value, operator, pattern);
    }
  }
}
