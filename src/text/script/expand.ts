import type { Argument } from './arguments.ts';
import { calculate } from './arithmetic.ts';
import { tokensOf } from './lex.ts';
import { textOf, valueOfVariable } from './parameter.ts';
import { fits } from './pattern.ts';
import { assign, LONGEST_VALUE, stored, type Value, type Variables } from './variables.ts';
import { type Part, plainText, type Word } from './word.ts';

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
    if (plainText(part) === '') continue;
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
      return valueOfVariable(part, variables, () => joined(part.argument ?? [], variables));
    case 'arithmetic': {
      const value = calculate(part.text, (name) => textOf(stored(name, variables)));
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
