import { Fault } from './diagnostic.ts';

/**
 * Walks over the words of one line, as the tools split it: blanks separate, a double quote keeps blanks together and ends
 * the word where it closes, and inside quotes a backslash takes the next character as it is. One cursor serves all lines
 * of an input: `at` and `end` are moved, and the fields describe the word that was read last.
 * Source: add_param_to_argv in iptables' xshared.c.
 */
export interface Cursor {
  readonly text: string;
  /** Where to go on reading, and where the line ends. */
  at: number;
  end: number;
  /** The word without its quotes. */
  word: string;
  /** Where the word begins and ends, with its quotes. */
  start: number;
  stop: number;
  quoted: boolean;
}

export const cursorOver = (text: string, at = 0, end = text.length): Cursor => ({
  text,
  at,
  end,
  word: '',
  start: at,
  stop: at,
  quoted: false,
});

/** What the tools take at most in one word. Source: XT_PARAM_BUF in xshared.h. */
const LONGEST_WORD = 1023;

/** Moves on to the next word. False at the end of the line. */
export function nextWord(cursor: Cursor): boolean {
  const { text, end } = cursor;
  let at = cursor.at;
  let code = 0;
  while (at < end) {
    code = text.charCodeAt(at);
    if (code !== 32 && code !== 9) break;
    at += 1;
  }
  cursor.start = at;
  if (at >= end) {
    cursor.stop = at;
    cursor.at = at;
    return false;
  }
  const start = at;
  while (at < end) {
    code = text.charCodeAt(at);
    if (code === 32 || code === 9 || code === 34) break;
    at += 1;
  }
  if (at < end && code === 34) return quotedWord(cursor, start);
  if (at - start > LONGEST_WORD) throw tooLong(start, at);
  cursor.word = text.slice(start, at);
  cursor.stop = at;
  cursor.at = at;
  cursor.quoted = false;
  return true;
}

function quotedWord(cursor: Cursor, start: number): boolean {
  const { text, end } = cursor;
  let word = '';
  let at = start;
  let inside = false;
  for (; at < end; at += 1) {
    const char = text.charAt(at);
    if (!inside) {
      if (char === ' ' || char === '\t') break;
      if (char === '"') inside = true;
      else word += char;
    } else if (char === '\\' && at + 1 < end) {
      at += 1;
      word += text.charAt(at);
    } else if (char === '"') {
      inside = false;
      at += 1;
      break;
    } else word += char;
    if (word.length > LONGEST_WORD) throw tooLong(start, at);
  }
  if (inside)
    throw new Fault(start, end - start, 'a quote that is not closed', 'Texts end with the " that began them.');
  cursor.word = word;
  cursor.start = start;
  cursor.stop = at;
  cursor.at = at;
  cursor.quoted = true;
  return true;
}

const tooLong = (start: number, at: number): Fault =>
  new Fault(
    start,
    Math.min(40, at - start),
    'a word that is too long',
    `The tools take ${LONGEST_WORD} bytes at most.`,
  );
