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
  /** What stands in the same word behind the option that it began with: it comes next. */
  rest: { readonly word: string; readonly start: number } | undefined;
}

export const cursorOver = (text: string, at = 0, end = text.length): Cursor => ({
  text,
  at,
  end,
  word: '',
  start: at,
  stop: at,
  quoted: false,
  rest: undefined,
});

/** What the tools take at most in one word. Source: XT_PARAM_BUF in xshared.h. */
const LONGEST_WORD = 1023;

/** `-A` to `-z`, one string each: most words of a rule set are options of one letter, and need not be cut out anew. */
const SHORT: readonly string[] = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z]/.test(String.fromCharCode(code)) ? `-${String.fromCharCode(code)}` : '',
);

/** Moves on to the next word. False at the end of the line. */
export function nextWord(cursor: Cursor): boolean {
  const { text, end } = cursor;
  if (cursor.rest !== undefined) {
    cursor.word = cursor.rest.word;
    cursor.start = cursor.rest.start;
    cursor.rest = undefined;
    return true;
  }
  let at = cursor.at;
  // ` -s `: what comes next most often.
  if (at + 3 < end && text.charCodeAt(at + 1) === 45 && text.charCodeAt(at) === 32 && text.charCodeAt(at + 3) === 32) {
    const option = SHORT[text.charCodeAt(at + 2)];
    if (option) {
      cursor.word = option;
      cursor.start = at + 1;
      cursor.stop = at + 3;
      cursor.at = at + 3;
      cursor.quoted = false;
      return true;
    }
  }
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
  cursor.word =
    (at - start === 2 && text.charCodeAt(start) === 45 && SHORT[text.charCodeAt(start + 1)]) || text.slice(start, at);
  cursor.stop = at;
  cursor.at = at;
  cursor.quoted = false;
  return true;
}

/** Moves on over a blank and this word, if that is what comes next and more comes after it. */
export function nextIs(cursor: Cursor, word: string): boolean {
  const { text, at, end } = cursor;
  const stop = at + 1 + word.length;
  if (stop >= end || text.charCodeAt(at) !== 32 || text.charCodeAt(stop) !== 32 || !text.startsWith(word, at + 1))
    return false;
  cursor.word = word;
  cursor.start = at + 1;
  cursor.stop = stop;
  cursor.at = stop;
  cursor.quoted = false;
  return true;
}

function quotedWord(cursor: Cursor, start: number): boolean {
  const { text, end } = cursor;
  if (text.charCodeAt(start) === 34 && plainlyQuoted(cursor, start)) return true;
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

/** A word in quotes from its first letter to its last, and without a backslash, is cut out in one piece. */
function plainlyQuoted(cursor: Cursor, start: number): boolean {
  const { text, end } = cursor;
  for (let at = start + 1; at < end && at - start <= LONGEST_WORD; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 92) return false;
    if (code !== 34) continue;
    cursor.word = text.slice(start + 1, at);
    cursor.start = start;
    cursor.stop = at + 1;
    cursor.at = at + 1;
    cursor.quoted = true;
    return true;
  }
  return false;
}

const tooLong = (start: number, at: number): Fault =>
  new Fault(
    start,
    Math.min(40, at - start),
    'a word that is too long',
    `The tools take ${LONGEST_WORD} bytes at most.`,
  );
