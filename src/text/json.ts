import { type Diagnostic, diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import { locate, type Path, syntaxFault } from './json-place.ts';

/** A value of a document, and the way to it: what a reader of JSON asks for its parts. */
export interface Part {
  readonly value: unknown;
  readonly path: Path;
}

/** A part that is not what it has to be. Thrown inside this layer only. */
export class Unfit extends Error {
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

/** What a reader does with a part that is unfit, apart from giving up: it goes on, and all such parts are told at the end. */
export type Unfitting = (error: unknown) => void;

/**
 * Parses JSON and reads it by `read`; a fault of either is told with its line and column. What `read` hands to `unfitting`
 * is refused with the rest, unless `report` takes it.
 */
export function readJson<T>(
  text: string,
  source: string,
  expected: string,
  read: (document: Part, unfitting: Unfitting) => T,
  report?: (diagnostic: Diagnostic) => void,
): T {
  let value: unknown;
  try {
    value = JSON.parse(exact(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text));
  } catch {
    throw new InputRefused(source, [placed(text, syntaxFault(text))]);
  }
  const found: Diagnostic[] = [];
  const unfitting: Unfitting = (error) => {
    if (!(error instanceof Unfit)) throw error;
    if (found.length >= MOST_FAULTS) return;
    found.push(placed(text, new Fault(locate(text, error.path), 1, error.message, expected)));
  };
  let result: T | undefined;
  try {
    result = read({ value, path: [] }, unfitting);
  } catch (error) {
    unfitting(error);
    throw new InputRefused(source, found);
  }
  if (found.length > 0 && !report) throw new InputRefused(source, found);
  for (const diagnostic of found) report?.(diagnostic);
  return result;
}

const MOST_FAULTS = 100;

/** A number that JSON.parse would round is read as a text of NUL and its digits instead. */
const LONG_NUMBER = /"(?:[^"\\]|\\.)*"|(?<![-+.\w])-?\d{16,}(?![\d.eE])/g;

const exact = (text: string): string =>
  /\d{16}/.test(text)
    ? text.replace(LONG_NUMBER, (found) => (found.startsWith('"') ? found : `"\\u0000${found}"`))
    : text;

function placed(text: string, fault: Fault): Diagnostic {
  const before = text.slice(0, fault.at);
  const start = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let at = before.indexOf('\n'); at >= 0; at = before.indexOf('\n', at + 1)) line += 1;
  return diagnosticAt(text, fault, line, start);
}

/** Refuses a part. */
export function unfit(part: Part, expected: string): never {
  throw new Unfit(part, expected);
}

export function field(part: Part, key: string): Part | undefined {
  const value = record(part)[key];
  return value === undefined || value === null ? undefined : { value, path: [...part.path, key] };
}

/** What `read` makes of a field, if it is there. */
export function optional<T>(part: Part, key: string, read: (part: Part) => T): T | undefined {
  const found = field(part, key);
  return found && read(found);
}

export function required(part: Part, key: string): Part {
  const found = field(part, key);
  if (!found) throw new Unfit({ ...part, path: [...part.path, key] }, 'there');
  return found;
}

export function record(part: Part): Readonly<Record<string, unknown>> {
  const { value } = part;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unfit(part, 'an object');
  return value as Readonly<Record<string, unknown>>;
}

export function list<T>(part: Part, read: (item: Part) => T): T[] {
  const { value, path } = part;
  if (!Array.isArray(value)) throw new Unfit(part, 'a list');
  return value.map((item: unknown, index) => read({ value: item, path: [...path, index] }));
}

/** A list, or one item in its place. */
export const oneOrList = <T>(part: Part, read: (item: Part) => T): T[] =>
  Array.isArray(part.value) ? list(part, read) : [read(part)];

export function text(part: Part): string {
  if (typeof part.value !== 'string') throw new Unfit(part, 'a text');
  return part.value;
}

/** A whole number of 64 bits. What fills the highest bit is below zero in nft's JSON. */
export function wide(part: Part): bigint {
  const { value } = part;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt.asUintN(64, BigInt(value));
  if (typeof value === 'string' && isLong(value)) return BigInt.asUintN(64, BigInt(value.slice(1)));
  throw new Unfit(part, 'a whole number');
}

/** Whether a text is a number that JSON.parse would have rounded. */
export const isLong = (value: string): boolean => /^\0-?\d+$/.test(value);

export function flag(part: Part): boolean {
  if (typeof part.value !== 'boolean') throw new Unfit(part, 'true or false');
  return part.value;
}

export function number(part: Part): number {
  if (typeof part.value !== 'number' || !Number.isSafeInteger(part.value) || part.value < 0)
    throw new Unfit(part, 'a whole number from 0');
  return part.value;
}

/** A whole number that may be below zero. */
export function integer(part: Part): number {
  if (typeof part.value !== 'number' || !Number.isSafeInteger(part.value)) throw new Unfit(part, 'a whole number');
  return part.value;
}

/** The name and the value of the only property of an object. */
export function only(part: Part): { readonly name: string; readonly inside: Part } {
  const names = Object.keys(record(part));
  const [name] = names;
  if (name === undefined || names.length > 1) throw new Unfit(part, 'an object with one property');
  return { name, inside: { value: record(part)[name], path: [...part.path, name] } };
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
