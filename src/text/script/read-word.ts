import { Fault } from '../diagnostic.ts';
import type { Part, Word } from './word.ts';

/** Where words are read. */
export interface Reader {
  readonly text: string;
  at: number;
  line: number;
}

/** Whether the line goes on after the backslash that stands here. */
export const continues = (text: string, at: number): boolean =>
  text.charAt(at + 1) === '\n' || (text.charAt(at + 1) === '\r' && text.charAt(at + 2) === '\n');

export function passOverContinuation(reader: Reader): void {
  reader.at += reader.text.charAt(reader.at + 1) === '\n' ? 2 : 3;
  reader.line += 1;
}

const ENDS_WORD = /[ \t\r\n;&|()<>]/;

/** Reads a word up to what ends it. Source: POSIX, Shell Command Language, 2.2 Quoting. Throws a Fault. */
export function readWord(reader: Reader): Word {
  const { text, at: start, line } = reader;
  const read = gathering(false);
  while (reader.at < text.length) {
    const char = text.charAt(reader.at);
    if (ENDS_WORD.test(char)) break;
    if (char === '\\') {
      if (continues(text, reader.at)) passOverContinuation(reader);
      else {
        settled(read).push({ kind: 'text', text: text.charAt(reader.at + 1), quoted: true });
        reader.at += 2;
      }
    } else if (char === "'") settled(read).push(readSingle(reader));
    else if (char === '"') settled(read).push(...readDouble(reader));
    else if (char === '$' || char === '`') settled(read).push(readDollar(reader, false));
    else {
      read.letters += char;
      reader.at += 1;
    }
  }
  return { parts: settled(read), at: start, length: reader.at - start, line };
}

/** Parts while they are read: letters gather until something else comes. */
interface Gathering {
  readonly parts: Part[];
  readonly quoted: boolean;
  letters: string;
}

const gathering = (quoted: boolean): Gathering => ({ parts: [], quoted, letters: '' });

/** The parts, of which the letters that have come are one. */
function settled(read: Gathering): Part[] {
  const { parts, quoted, letters } = read;
  if (letters !== '') parts.push({ kind: 'text', text: letters, quoted });
  read.letters = '';
  return parts;
}

function unclosed(reader: Reader, from: number): Fault {
  const end = reader.text.indexOf('\n', from);
  const length = (end < 0 ? reader.text.length : end) - from;
  return new Fault(from, length, 'a quote that is not closed', 'The shell would wait for its end.');
}

function readSingle(reader: Reader): Part {
  const { text, at } = reader;
  const close = text.indexOf("'", at + 1);
  if (close < 0) throw unclosed(reader, at);
  const inside = text.slice(at + 1, close);
  reader.line += inside.split('\n').length - 1;
  reader.at = close + 1;
  return { kind: 'text', text: inside, quoted: true };
}

function readDouble(reader: Reader): Part[] {
  const from = reader.at;
  reader.at += 1;
  const parts = readOpen(reader, '"');
  if (reader.at >= reader.text.length) throw unclosed(reader, from);
  reader.at += 1;
  return parts.length > 0 ? parts : [{ kind: 'text', text: '', quoted: true }];
}

/** Text in which only `$`, backquotes and the backslash mean something, up to `close` or the end. */
function readOpen(reader: Reader, close: string | undefined): Part[] {
  const { text } = reader;
  const read = gathering(true);
  while (reader.at < text.length) {
    const char = text.charAt(reader.at);
    if (char === close) break;
    const next = text.charAt(reader.at + 1);
    if (char === '\\' && next !== '' && ('$`\\\n'.includes(next) || next === close)) {
      if (next === '\n') reader.line += 1;
      else read.letters += next;
      reader.at += 2;
    } else if (char === '$' || char === '`') {
      settled(read).push(readDollar(reader, true));
    } else {
      if (char === '\n') reader.line += 1;
      read.letters += char;
      reader.at += 1;
    }
  }
  return settled(read);
}

/** The parts of a text into which a shell puts values: one that stands in a script, or what follows an operator. */
export const partsOf = (text: string): readonly Part[] => readOpen({ text, at: 0, line: 1 }, undefined);

const NAME = /\$(?:([A-Za-z_]\w*|[0-9@*#?$!-])|\{([A-Za-z_]\w*|[0-9]+|[@*])(?:\[([@*]|\d{1,6})\])?\})/y;
const COUNTED = /\$\{#([A-Za-z_]\w*|[@*])(?:\[([@*])\])?\}/y;
const WORKED = /^([A-Za-z_]\w*|[0-9]+|[@*])(:[-=+?]|%%?|##?|\/\/?|[-=+?])(.*)$/s;

/** Asks where a program is: its name is answer enough here. */
const WHICH =
  /(?:\$\((?:which|command -v|type -p)[ \t]+([\w./-]+)[^()|&;]*\)|`(?:which|command -v|type -p)[ \t]+([\w./-]+)[^`|&;]*`)/y;

function matched(pattern: RegExp, reader: Reader): RegExpExecArray | undefined {
  pattern.lastIndex = reader.at;
  const found = pattern.exec(reader.text);
  if (!found) return undefined;
  reader.at += found[0].length;
  return found;
}

/** All that begins with `$`, and backquotes. */
function readDollar(reader: Reader, quoted: boolean): Part {
  const { text, at } = reader;
  const simple = matched(NAME, reader);
  if (simple) {
    const index = simple[3] === undefined ? {} : { index: simple[3] };
    return { kind: 'variable', name: simple[1] ?? simple[2] ?? '', quoted, ...index };
  }
  const counted = matched(COUNTED, reader);
  if (counted) {
    const index = counted[2] === undefined ? {} : { index: counted[2] };
    return { kind: 'variable', name: counted[1] ?? '', quoted, counted: true, ...index };
  }
  const program = matched(WHICH, reader);
  if (program) return { kind: 'text', text: program[1] ?? program[2] ?? '', quoted };
  const opener = text.charAt(at) === '`' ? '`' : text.charAt(at + 1);
  const closer = { '`': '`', '(': ')', '{': '}' }[opener];
  if (closer === undefined) {
    reader.at += 1;
    return !quoted && opener === "'" ? { kind: 'other' } : { kind: 'text', text: '$', quoted };
  }
  const end = closeOf(text, at + 1, opener, closer);
  reader.line += text.slice(at, end).split('\n').length - 1;
  reader.at = end + 1;
  if (opener === '`') return { kind: 'command', text: text.slice(at + 1, end), quoted };
  const inside = text.slice(at + 2, end);
  if (opener === '{') return worked(inside, quoted);
  return inside.startsWith('(') && inside.endsWith(')')
    ? { kind: 'arithmetic', text: inside.slice(1, -1), quoted }
    : { kind: 'command', text: inside, quoted };
}

/** Where what is opened here closes. */
function closeOf(text: string, from: number, opener: string, closer: string): number {
  let depth = 0;
  let end = from;
  for (; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === '\\') end += 1;
    else if (char === closer && (opener === '`' || depth === 1)) break;
    else if (char === closer) depth -= 1;
    else if (char === opener) depth += 1;
  }
  return end;
}

/** What is longer is not followed: braces could stand in braces without end. */
const LONGEST_WORKED = 1000;

/** What stands in `${…}`, where more than a name does. */
function worked(inside: string, quoted: boolean): Part {
  const [, name, operator, argument = ''] = WORKED.exec(inside) ?? [];
  if (inside.length > LONGEST_WORKED || name === undefined || operator === undefined || /["'\\]/.test(argument))
    return { kind: 'other' };
  return { kind: 'variable', name, quoted, operator, argument: partsOf(argument) };
}
