import type { Argument } from './arguments.ts';
import type { Part, Word } from './lex.ts';

/** Values of variables; undefined where a variable has one that is not known. */
export type Variables = Map<string, string | undefined>;

/**
 * What a word becomes: one argument, several, or none where a variable without quotes holds several words or none.
 * Undefined where only a shell can work it out. Patterns of file names stay as they are.
 */
export function expand(word: Word, variables: Variables): readonly Argument[] | undefined {
  const { at, length } = word;
  const fields: string[] = [];
  let field: string | undefined;
  for (const part of word.parts) {
    const text = valueOfPart(part, variables);
    if (text === undefined) return undefined;
    if (part.kind !== 'variable' || part.quoted) {
      field = (field ?? '') + text;
      continue;
    }
    const pieces = text.split(/[ \t\n]+/);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0 && field !== undefined) {
        fields.push(field);
        field = undefined;
      }
      if (piece !== '') field = (field ?? '') + piece;
    }
  }
  if (field !== undefined) fields.push(field);
  return fields.map((text) => ({ text, at, length }));
}

function valueOfPart(part: Part, variables: Variables): string | undefined {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'variable': {
      const value = variables.get(part.name);
      // One that was set to what is not known may be anything; one that was never set has its default.
      if (part.otherwise === undefined || (value === undefined && variables.has(part.name))) return value;
      return value === undefined || value === '' ? part.otherwise : value;
    }
    case 'other':
      return undefined;
  }
}

/** `NAME=value` before a command: the name, and the rest of the word. */
export function assignmentIn(word: Word): { readonly name: string; readonly value: Word } | undefined {
  const [first, ...rest] = word.parts;
  const [, name, value = ''] =
    first?.kind === 'text' && !first.quoted ? (/^([A-Za-z_]\w*)=(.*)$/s.exec(first.text) ?? []) : [];
  return name === undefined
    ? undefined
    : { name, value: { ...word, parts: [{ kind: 'text', text: value, quoted: true }, ...rest] } };
}

/** What an assignment gives a variable: nothing is split there. */
export function assignedValue(word: Word, variables: Variables): string | undefined {
  let value = '';
  for (const part of word.parts) {
    const text = valueOfPart(part, variables);
    if (text === undefined) return undefined;
    value += text;
  }
  return value;
}
