import { type AddressValue, type Family, formatAddress } from '../address/index.ts';
import { closest, type Place, QuestionRefused } from './refused.ts';

/** A word of an expression and where it stands. */
export interface Word extends Place {
  readonly text: string;
}

/** The words of an expression. An arrow is a word of its own, with or without blanks around it. */
export const wordsOf = (text: string): readonly Word[] =>
  [...text.matchAll(/->|[>→]|(?:(?!->)[^\s>→])+/g)].map((match) => ({
    text: match[0],
    position: match.index + 1,
    length: match[0].length,
  }));

export const isArrow = ({ text }: Word): boolean => text === '>' || text === '->' || text === '→';

/** The place after the last word. */
export const endOf = (text: string): Word => ({ text: '', position: text.length + 1, length: 1 });

/** Throws QuestionRefused. */
export function refuse(text: string, word: Place, what: string, hint: string): never {
  throw new QuestionRefused(text, word, what, hint);
}

/** A word in a sentence. */
export const said = ({ text }: Word): string => (text === '' ? 'the end' : `"${text}"`);

/** "Did you mean tcp? ", or nothing. */
export function meant({ text }: Word, candidates: readonly string[]): string {
  const guess = closest(text, candidates);
  return guess ? `Did you mean ${guess}? ` : '';
}

/** The value of one of several names. */
export function named<T>(text: string, word: Word, what: string, table: Readonly<Record<string, T>>): T {
  const names = Object.keys(table);
  const name = names.find((candidate) => candidate === word.text.toLowerCase());
  if (name !== undefined) return table[name]!;
  return refuse(
    text,
    word,
    `${said(word)} is no ${what}`,
    `${meant(word, names)}Expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}.`,
  );
}

/** An address in a sentence, with its port: `10.0.0.5:80`, `[2001:db8::5]:80`. */
export function spokenEnd(family: Family, address: AddressValue, port: number | undefined): string {
  const text = formatAddress(family, address);
  if (port === undefined) return text;
  return family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
}
