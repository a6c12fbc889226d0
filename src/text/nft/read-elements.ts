import type { NftElement, NftExpression, NftSetExpression, NftStatement, NftVerdict } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { readKey, type Types } from './read-expression.ts';
import { readStateful } from './read-stateful.ts';
import {
  expect,
  expectName,
  expectWord,
  goTo,
  isNext,
  peek,
  type Scanner,
  skipLines,
  take,
  takeIf,
  unexpected,
} from './tokens.ts';
import { timeSpan } from './value.ts';

/** `{ … }` or `@name`. `types` are those of the keys, `data` those of what they lead to. */
export function readSetOrName(scanner: Scanner, types: Types, data: Types): NftSetExpression {
  const { kind, text } = peek(scanner);
  if (kind === 'word' && text.startsWith('@') && text.length > 1) {
    take(scanner);
    return { kind: 'set-reference', name: text.slice(1) };
  }
  return { kind: 'set', elements: readElements(scanner, types, data) };
}

/** The elements between braces, over as many lines as they take. */
export function readElements(scanner: Scanner, types: Types, data: Types): NftElement[] {
  expect(scanner, '{');
  const elements: NftElement[] = [];
  skipLines(scanner);
  while (!takeIf(scanner, '}')) {
    elements.push(readElement(scanner, types, data));
    skipLines(scanner);
    if (!takeIf(scanner, ',') && !isNext(scanner, '}')) throw unexpected(scanner, ', or }');
    skipLines(scanner);
  }
  return elements;
}

function readElement(scanner: Scanner, types: Types, dataTypes: Types): NftElement {
  if (isNext(scanner, '{') && !scanner.text.startsWith('{"', peek(scanner).at)) throw unexpected(scanner, 'an element');
  scanner.inKey = true;
  const key = readKey(scanner, types);
  scanner.inKey = false;
  const about = readAbout(scanner);
  skipLines(scanner);
  const data = takeColon(scanner) ? readData(scanner, dataTypes) : undefined;
  return { key, ...given('data', data), ...about };
}

/** Takes a colon, also one that begins a word: `:accept`. */
function takeColon(scanner: Scanner): boolean {
  const { kind, text, at } = peek(scanner);
  if (kind !== 'word' || !text.startsWith(':')) return false;
  goTo(scanner, at + 1);
  return true;
}

/** What may stand behind the key of an element: its timeout, its comment, its counter. */
export function readAbout(scanner: Scanner): Omit<NftElement, 'key' | 'data'> {
  let about: Omit<NftElement, 'key' | 'data'> = {};
  const statements: NftStatement[] = [];
  for (;;) {
    if (takeIf(scanner, 'timeout')) about = { ...about, timeout: readTimeSpan(scanner) };
    else if (takeIf(scanner, 'expires')) about = { ...about, expires: readTimeSpan(scanner) };
    else if (takeIf(scanner, 'comment')) about = { ...about, comment: expectName(scanner, 'a comment') };
    else {
      const statement = readStateful(scanner);
      if (!statement) return statements.length > 0 ? { ...about, statements } : about;
      statements.push(statement);
    }
  }
}

export function readTimeSpan(scanner: Scanner): number {
  const { text } = peek(scanner);
  const seconds = timeSpan(text);
  if (seconds === undefined || text === '') throw unexpected(scanner, 'a span of time (30s, 1h)');
  take(scanner);
  return seconds;
}

function readData(scanner: Scanner, types: Types): NftExpression | NftVerdict {
  skipLines(scanner);
  const verdict = readVerdict(scanner);
  return verdict ?? readKey(scanner, types);
}

/** A verdict, if one stands here. */
export function readVerdict(scanner: Scanner): NftVerdict | undefined {
  const { kind, text } = peek(scanner);
  if (kind !== 'word') return undefined;
  if (text === 'accept' || text === 'drop' || text === 'continue' || text === 'return') {
    take(scanner);
    return { kind: text };
  }
  if (text !== 'jump' && text !== 'goto') return undefined;
  take(scanner);
  return { kind: text, chain: expectWord(scanner, 'the name of a chain') };
}
