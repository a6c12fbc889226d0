import { diagnosticAt, Fault, InputRefused } from './diagnostic.ts';

/** The way to a value inside a document: keys and positions. */
type Path = readonly (string | number)[];

/** A value of a document, and the way to it: what a reader of JSON asks for its parts. */
export interface Part {
  readonly value: unknown;
  readonly path: Path;
}

/** A part that is not what it has to be. Thrown inside this layer only. */
class Unfit extends Error {
  override readonly name = 'Unfit';
  readonly path: Path;

  constructor({ path }: Part, expected: string) {
    super(`${path.length === 0 ? 'the document' : pathText(path)} is not ${expected}`);
    this.path = path;
  }
}

const pathText = (path: Path): string =>
  path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');

/** Parses JSON and reads it by `read`; a fault of either is told with its line and column. */
export function readJson<T>(text: string, source: string, read: (document: Part) => T): T {
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch {
    throw refused(text, source, syntaxFault(text));
  }
  try {
    return read({ value, path: [] });
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    const at = locate(text, error.path);
    throw refused(text, source, new Fault(at, 1, error.message, 'Expected a snapshot as sidestep snapshot writes it.'));
  }
}

function refused(text: string, source: string, fault: Fault): InputRefused {
  const before = text.slice(0, fault.at);
  const start = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  return new InputRefused(source, [diagnosticAt(text, fault, line, start)]);
}

function syntaxFault(text: string): Fault {
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

/** Refuses a part. */
export function unfit(part: Part, expected: string): never {
  throw new Unfit(part, expected);
}

export function field(part: Part, key: string): Part | undefined {
  const value = record(part)[key];
  return value === undefined || value === null ? undefined : { value, path: [...part.path, key] };
}

export function required(part: Part, key: string): Part {
  const found = field(part, key);
  if (!found) throw new Unfit({ ...part, path: [...part.path, key] }, 'there');
  return found;
}

function record(part: Part): Readonly<Record<string, unknown>> {
  const { value } = part;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unfit(part, 'an object');
  return value as Readonly<Record<string, unknown>>;
}

export function list<T>(part: Part, read: (item: Part) => T): T[] {
  const { value, path } = part;
  if (!Array.isArray(value)) throw new Unfit(part, 'a list');
  return value.map((item: unknown, index) => read({ value: item, path: [...path, index] }));
}

export function text(part: Part): string {
  if (typeof part.value !== 'string') throw new Unfit(part, 'a text');
  return part.value;
}

export function flag(part: Part): boolean {
  if (typeof part.value !== 'boolean') throw new Unfit(part, 'true or false');
  return part.value;
}

export function number(part: Part): number {
  if (typeof part.value !== 'number' || !Number.isSafeInteger(part.value) || part.value < 0)
    throw new Unfit(part, 'a whole number from 0');
  return part.value;
}

export function oneOf<const T extends string>(part: Part, names: readonly T[]): T {
  const found = names.find((name) => name === part.value);
  if (found === undefined) throw new Unfit(part, `one of ${names.join(', ')}`);
  return found;
}

/** What `read` makes of the part, or a complaint that it is not what was expected. */
export function made<T>(part: Part, expected: string, read: (text: string) => T | undefined): T {
  const value = read(text(part));
  if (value === undefined) throw new Unfit(part, expected);
  return value;
}

/** Where in the text the value begins that a path leads to; its parent, where it is not there. */
function locate(text: string, path: Path): number {
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
