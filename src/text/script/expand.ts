import type { Argument } from './arguments.ts';
import { calculate } from './arithmetic.ts';
import { tokensOf } from './lex.ts';
import { fits, without } from './pattern.ts';
import { assign, LONGEST_VALUE, type Value, type Variables } from './variables.ts';
import type { Part, VariablePart, Word } from './word.ts';

/**
 * What a word becomes: one argument, several, or none where a variable without quotes holds several words or none.
 * Undefined where only a shell can work it out. Patterns of file names stay as they are.
 */
export function expand(word: Word, variables: Variables): readonly Argument[] | undefined {
  const { at, length } = word;
  const fields: string[] = [];
  let field: string | undefined;
  let size = 0;
  const begin = (): void => {
    if (field !== undefined) fields.push(field);
    field = undefined;
  };
  for (const part of word.parts) {
    const value = valueOfPart(part, variables);
    if (value === undefined) return undefined;
    const items = typeof value === 'string' ? [value] : value;
    // What braces leave empty is nothing.
    if (part.kind === 'text' && !part.quoted && part.text === '') continue;
    for (const [index, item] of items.entries()) {
      size += item.length;
      if (size > LONGEST_VALUE) return undefined;
      if (index > 0) begin();
      if (part.kind === 'text' || ('quoted' in part && part.quoted)) {
        field = (field ?? '') + item;
        continue;
      }
      const pieces = split(item, variables);
      if (!pieces) return undefined;
      for (const [number, piece] of pieces.entries()) {
        if (number > 0) begin();
        if (piece !== '') field = (field ?? '') + piece;
      }
    }
  }
  begin();
  return fields.map((text) => ({ text, at, length }));
}

const BLANKS = ' \t\n';

/** What a value without quotes falls into. */
function split(text: string, { values }: Variables): readonly string[] | undefined {
  const separators = values.has('IFS') ? values.get('IFS') : BLANKS;
  if (separators === BLANKS) return text.split(/[ \t\n]+/);
  if (typeof separators !== 'string') return /^[\w./]*$/.test(text) ? [text] : undefined;
  return [...separators].some((one) => text.includes(one)) ? undefined : [text];
}

function valueOfPart(part: Part, variables: Variables): Value {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'variable':
      return valueOfVariable(part, variables);
    case 'arithmetic': {
      const value = calculate(part.text, (name) => textIn(stored(name, variables)));
      if (value !== undefined) return String(value);
      // It may set what it names: `$((x++))`.
      for (const [name] of part.text.matchAll(/[A-Za-z_]\w*/g))
        if (/=|\+\+|--/.test(part.text)) assign(variables, name, undefined);
      return undefined;
    }
    case 'command':
      return outputOf(part.text, variables);
    case 'list':
    case 'other':
      return undefined;
  }
}

/** A name that nothing has set so far: the script may have been given it from outside. */
const NEVER_SET = Symbol('never set');

function stored(name: string, { values, parameters, blurred }: Variables): Value | typeof NEVER_SET {
  if (name === '@' || name === '*') return parameters;
  if (name === '#') return parameters && String(parameters.length);
  if (/^[1-9]/.test(name)) return parameters && (parameters[Number(name) - 1] ?? '');
  if (!values.has(name)) return blurred || !/^[A-Za-z_]/.test(name) ? undefined : NEVER_SET;
  return values.get(name);
}

/** An array without an index is its first item. */
const textIn = (value: Value | typeof NEVER_SET): string | undefined =>
  typeof value === 'string' ? value : Array.isArray(value) ? (value[0] ?? '') : undefined;

function valueOfVariable(part: VariablePart, variables: Variables): Value {
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
  const text = index === undefined || index === '0' ? textIn(value) : itemOf(value, Number(index));
  if (counted) return text === undefined ? undefined : String(text.length);
  if (operator === undefined) return text;
  return operated(part, value === NEVER_SET ? NEVER_SET : text, variables);
}

const itemOf = (value: Value | typeof NEVER_SET, index: number): string | undefined =>
  Array.isArray(value) ? (value[index] ?? '') : typeof value === 'string' ? '' : undefined;

/** What an operator makes of a value. Source: POSIX, Shell Command Language, 2.6.2. */
function operated(
  { name, operator = '', argument = [] }: VariablePart,
  value: string | typeof NEVER_SET | undefined,
  variables: Variables,
): string | undefined {
  const given = (): string | undefined => joined(argument, variables);
  // One that was set to what is not known may be anything; one that was never set has its default.
  if (value === undefined) return undefined;
  const empty = value === NEVER_SET || value === '';
  // Whether an empty one is set at all, which is asked without the colon, is not kept.
  const unsure = value === '' && !operator.startsWith(':');
  switch (operator) {
    case ':-':
    case '-':
      return unsure ? undefined : empty ? given() : value;
    case ':=':
    case '=': {
      const text = unsure ? undefined : empty ? given() : value;
      assign(variables, name, text);
      return text;
    }
    case ':+':
    case '+':
      return unsure ? undefined : empty ? '' : given();
    case ':?':
    case '?':
      return empty ? undefined : value;
    default: {
      const pattern = given();
      if (pattern === undefined || value === NEVER_SET) return undefined;
      return operator.startsWith('/') ? replaced(value, operator, pattern) : without(value, operator, pattern);
    }
  }
}

/** `${NAME/a/b}` and `${NAME//a/b}` for plain texts. */
function replaced(value: string, operator: string, argument: string): string | undefined {
  const slash = argument.indexOf('/', 1);
  const pattern = slash < 0 ? argument : argument.slice(0, slash);
  const by = slash < 0 ? '' : argument.slice(slash + 1);
  if (pattern === '' || /^[#%]|[*?[\]\\(&]/.test(pattern) || /[&\\]/.test(by)) return undefined;
  return operator === '//' ? value.replaceAll(pattern, () => by) : value.replace(pattern, () => by);
}

/** Parts as one text: nothing is split. */
export function joined(parts: readonly Part[], variables: Variables): string | undefined {
  let text = '';
  for (const part of parts) {
    const value = valueOfPart(part, variables);
    if (value === undefined || (typeof value !== 'string' && variables.values.has('IFS'))) return undefined;
    text += typeof value === 'string' ? value : value.join(' ');
    if (text.length > LONGEST_VALUE) return undefined;
  }
  return text;
}

/** Longer commands within words are not followed, nor those deep within each other. */
const LONGEST_COMMAND = 300;
const MOST_NUMBERS = 1000;

/** What `$(seq …)` and `$(echo …)` print; of other commands it is not known. */
function outputOf(command: string, variables: Variables): string | undefined {
  if (command.length > LONGEST_COMMAND || !/^\s*(?:seq|echo)\s/.test(command)) return undefined;
  const words: string[] = [];
  for (const token of tokensOf(command)) {
    const expanded = token.kind === 'word' ? expand(token.word, variables) : undefined;
    if (!expanded) return undefined;
    words.push(...expanded.map(({ text }) => text));
  }
  const [name, ...given] = words;
  if (name === 'echo') return given.some((text) => /^-|[\\*?[]/.test(text)) ? undefined : given.join(' ');
  if (!given.every((text) => /^-?\d{1,9}$/.test(text))) return undefined;
  const numbers = given.map(Number);
  const [from = 1, step = 1, to = 0] =
    numbers.length === 1 ? [1, 1, numbers[0]] : numbers.length === 2 ? [numbers[0], 1, numbers[1]] : numbers;
  if (numbers.length > 3 || step === 0 || (to - from) / step > MOST_NUMBERS) return undefined;
  const printed: number[] = [];
  for (let number = from; step > 0 ? number <= to : number >= to; number += step) printed.push(number);
  return printed.join('\n');
}

/** Whether a text fits the pattern that a word is; undefined where that is not known. What is quoted is no pattern. */
export function fitsWord(text: string, word: Word, variables: Variables): boolean | undefined {
  let pattern = '';
  for (const part of word.parts) {
    const value = valueOfPart(part, variables);
    if (typeof value !== 'string') return undefined;
    const quoted = !('quoted' in part) || part.quoted;
    if (quoted && /[*?[\]\\]/.test(value)) return undefined;
    pattern += value;
  }
  return fits(text, pattern);
}

/** `NAME=value` or `NAME+=value` before a command. */
export interface Assignment {
  readonly name: string;
  /** `+=`. */
  readonly adds: boolean;
  /** The rest of the word. */
  readonly value: Word;
}

export function assignmentIn(word: Word): Assignment | undefined {
  const [first, ...rest] = word.parts;
  const [, name, adds, value = ''] =
    first?.kind === 'text' && !first.quoted ? (/^([A-Za-z_]\w*)(\+?)=(.*)$/s.exec(first.text) ?? []) : [];
  if (name === undefined) return undefined;
  const parts = value === '' ? rest : [{ kind: 'text', text: value, quoted: true } as const, ...rest];
  return { name, adds: adds === '+', value: { ...word, parts } };
}

/** `NAME[2]=value`: the name of the array. */
export function itemAssignedIn({ parts: [first] }: Word): string | undefined {
  return first?.kind === 'text' && !first.quoted ? /^([A-Za-z_]\w*)\[[^\]]*\]\+?=/.exec(first.text)?.[1] : undefined;
}

/** What an assignment gives a variable: nothing is split there but the words of an array. */
export function assignedValue({ name, adds, value: { parts } }: Assignment, variables: Variables): Value {
  const current = stored(name, variables);
  const before = adds ? current : '';
  const [only] = parts;
  if (parts.length !== 1 || only?.kind !== 'list') {
    if (Array.isArray(current)) return undefined;
    const text = joined(parts, variables);
    // An array that is added to without brackets has its first item changed.
    return text === undefined || typeof before !== 'string' ? undefined : before + text;
  }
  const items: string[] = typeof before === 'string' && before !== '' ? [before] : [];
  if (typeof before !== 'string') {
    if (before === undefined || typeof before === 'symbol') return undefined;
    items.push(...before);
  }
  for (const word of only.words) {
    // `[2]=x` says where it goes.
    const first = word.parts[0];
    const expanded =
      first?.kind === 'text' && !first.quoted && first.text.startsWith('[') ? undefined : expand(word, variables);
    if (!expanded) return undefined;
    items.push(...expanded.map(({ text }) => text));
  }
  return items.length > MOST_ITEMS ? undefined : items;
}

const MOST_ITEMS = 5000;
