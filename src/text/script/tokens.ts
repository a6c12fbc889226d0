import { Fault } from '../diagnostic.ts';
import type { Token } from './lex.ts';
import type { Place } from './node.ts';
import { plainOf } from './word.ts';

/** Where a script is being read. */
export interface Parser {
  readonly tokens: readonly Token[];
  /** As bash reads it. */
  readonly bash: boolean;
  at: number;
  /** How many parts this one is within. */
  depth: number;
}

/** The token that comes next, or one further `ahead`. */
export const next = ({ tokens, at }: Parser, ahead = 0): Token | undefined => tokens[at + ahead];

/** The next token when it is a word of plain text, as keywords are. */
export function keyword(parser: Parser): string | undefined {
  const token = next(parser);
  return token?.kind === 'word' ? plainOf(token.word) : undefined;
}

/** The next token when it is an operator, or one further `ahead`. */
export function operator(parser: Parser, ahead = 0): string | undefined {
  const token = next(parser, ahead);
  return token?.kind === 'operator' ? token.text : undefined;
}

/** Moves on over all operators that are one of these. */
export function passOver(parser: Parser, ...operators: readonly string[]): void {
  while (operators.includes(operator(parser) ?? '')) parser.at += 1;
}

export function expect(parser: Parser, text: string): void {
  const token = next(parser);
  if (!token) throw new Fault(0, 1, `${text} is missing at the end`, 'Was the script cut off?');
  if ((keyword(parser) ?? operator(parser)) !== text) throw unexpected(token);
  parser.at += 1;
}

export const placeOfToken = (token: Token): Place =>
  token.kind === 'word'
    ? { at: token.word.at, length: token.word.length, line: token.word.line }
    : { at: token.at, length: token.text.length, line: token.line };

export function unexpected(token: Token): Fault {
  const { at, length } = placeOfToken(token);
  return new Fault(at, length, 'a shell would not understand this', 'Expected commands, each on a line of its own.');
}
