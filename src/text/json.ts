import { diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import { locate, type Path, syntaxFault } from './json-place.ts';

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
