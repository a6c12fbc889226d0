import { Fault } from './diagnostic.ts';

/** The way to a value inside a document: keys and positions. */
export type Path = readonly (string | number)[];

/** Where in the text the value begins that a path leads to; its parent, where it is not there. */
export function locate(text: string, path: Path): number {
  let at = blanks(text, 0);
  for (const step of path) {
    const inside = typeof step === 'number' ? item(text, at, step) : member(text, at, step);
    if (inside === undefined) return at;
    at = inside;
  }
  return at;
}

const blanks = (text: string, from: number): number => {
  let at = from;
  while (' \t\r\n\ufeff'.includes(text.charAt(at)) && at < text.length) at += 1;
  return at;
};

function item(text: string, from: number, index: number): number | undefined {
  let at = blanks(text, from + 1);
  for (let count = 0; count < index; count += 1) {
    at = blanks(text, pastValue(text, at));
    if (text.charAt(at) !== ',') return undefined;
    at = blanks(text, at + 1);
  }
  return at;
}

function member(text: string, from: number, key: string): number | undefined {
  let at = blanks(text, from + 1);
  while (text.charAt(at) === '"') {
    const end = pastValue(text, at);
    const value = blanks(text, blanks(text, end) + 1);
    if (JSON.parse(text.slice(at, end)) === key) return value;
    at = blanks(text, pastValue(text, value));
    if (text.charAt(at) === ',') at = blanks(text, at + 1);
  }
  return undefined;
}

/** The end of the value that begins here. The text is known to be JSON. */
function pastValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    const char = text.charAt(at);
    if (char === '"') {
      at += 1;
      while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
      at += 1;
    } else {
      if (char === '{' || char === '[') depth += 1;
      else if (depth > 0 && (char === '}' || char === ']')) depth -= 1;
      else if (depth === 0 && ',}] \t\r\n'.includes(char)) return at;
      at += 1;
    }
    if (depth === 0 && '"}]'.includes(text.charAt(at - 1))) return at;
  }
  return text.length;
}

/** What is wrong with a text that JSON.parse refuses. */
export function syntaxFault(text: string): Fault {
  const at = syntaxEnd(text);
  return at >= text.length
    ? new Fault(text.length, 1, 'the JSON ends too early', 'Was the file cut off?')
    : new Fault(at, 1, 'this is not JSON', 'Up to here it was: something is missing, or too much.');
}

const SCALAR = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** How far a text is JSON. JSON.parse does not tell the position in every release. */
function syntaxEnd(text: string): number {
  const open: ('{' | '[')[] = [];
  let next: 'value' | 'key' | 'colon' | 'comma' = 'value';
  let at = blanks(text, 0);
  let begun = false;
  for (; at < text.length; at = blanks(text, at)) {
    const char = text.charAt(at);
    const inside = open.at(-1);
    if (next === 'comma' && inside === undefined) return at;
    if (
      begun &&
      ((char === '}' && inside === '{' && next === 'key') || (char === ']' && inside === '[' && next === 'value'))
    ) {
      open.pop();
      next = 'comma';
      at += 1;
    } else if (next === 'comma') {
      if (char === (inside === '{' ? '}' : ']')) open.pop();
      else if (char === ',') next = inside === '{' ? 'key' : 'value';
      else return at;
      at += 1;
    } else if (next === 'colon') {
      if (char !== ':') return at;
      next = 'value';
      at += 1;
    } else if (char === '"') {
      const end = pastString(text, at);
      if (end === undefined) return text.length;
      at = end;
      next = next === 'key' ? 'colon' : 'comma';
    } else if (next === 'key') return at;
    else if (char === '{' || char === '[') {
      open.push(char);
      next = char === '{' ? 'key' : 'value';
      begun = true;
      at += 1;
      continue;
    } else {
      SCALAR.lastIndex = at;
      const scalar = SCALAR.exec(text)?.[0];
      if (scalar === undefined) return at;
      at += scalar.length;
      next = 'comma';
    }
    begun = false;
  }
  return at;
}

function pastString(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '"') return at + 1;
    if (char === '\\') at += 1;
  }
  return undefined;
}
