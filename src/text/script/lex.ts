import { continues, passOverContinuation, type Reader, readWord } from './read-word.ts';
import type { Word } from './word.ts';

export type Token =
  | { readonly kind: 'word'; readonly word: Word }
  /** `; & && || | |& ( ) ;; ;& ;;&` or the end of a line. */
  | { readonly kind: 'operator'; readonly text: string; readonly at: number; readonly line: number }
  | Redirection;

/** `>`, `<`, `<<` and their like: the word after it is no argument. */
export interface Redirection {
  readonly kind: 'redirection';
  readonly text: string;
  readonly at: number;
  readonly line: number;
  /** Of `<<END`, once it has been read: the text that the command reads. */
  body?: Body;
}

/** What stands in a script as a command's input. */
export interface Body {
  readonly from: number;
  readonly to: number;
  /** Whether a shell would put the values of variables into it. */
  readonly open: boolean;
}

/** Where the lexer stands. */
interface Lexer extends Reader {
  readonly tokens: Token[];
  /** Words that end the texts which stand after this line. */
  readonly awaited: { readonly end: string; readonly token: Redirection; readonly open: boolean }[];
}

const OPERATORS = ['&&', '||', ';;&', ';;', ';&', ';', '&', '|&', '|', '(', ')'] as const;
const REDIRECTION = /(?:&>>?|>>|>&|>\||<<<|<<-?|<&|<>|[<>])/y;

/** Cuts a shell script into tokens. Source: POSIX, Shell Command Language, 2.3 Token Recognition. Throws a Fault. */
export function tokensOf(text: string): readonly Token[] {
  const lexer: Lexer = { text, at: text.charCodeAt(0) === 0xfeff ? 1 : 0, line: 1, tokens: [], awaited: [] };
  while (lexer.at < text.length) step(lexer);
  return lexer.tokens;
}

function step(lexer: Lexer): void {
  const { text, at, line, tokens } = lexer;
  const char = text.charAt(at);
  if (char === '\n') {
    tokens.push({ kind: 'operator', text: '\n', at, line });
    lexer.at += 1;
    lexer.line += 1;
    passOverTexts(lexer);
    return;
  }
  if (char === ' ' || char === '\t' || char === '\r') {
    lexer.at += 1;
    return;
  }
  if (char === '\\' && continues(text, at)) {
    passOverContinuation(lexer);
    return;
  }
  if (char === '#') {
    const end = text.indexOf('\n', at);
    lexer.at = end < 0 ? text.length : end;
    return;
  }
  REDIRECTION.lastIndex = at;
  const redirection = REDIRECTION.exec(text)?.[0];
  if (redirection !== undefined) {
    const token: Redirection = { kind: 'redirection', text: redirection, at, line };
    tokens.push(token);
    lexer.at += redirection.length;
    if (redirection === '<<' || redirection === '<<-') awaitText(lexer, token);
    return;
  }
  if (text.startsWith('((', at) && readArithmetic(lexer)) return;
  const operator = OPERATORS.find((candidate) => text.startsWith(candidate, at));
  if (operator !== undefined) {
    tokens.push({ kind: 'operator', text: operator, at, line });
    lexer.at += operator.length;
    return;
  }
  const word = readWord(lexer);
  // A number right before a redirection says which stream is meant.
  const ofStream = /^\d+$/.test(text.slice(word.at, lexer.at)) && '<>'.includes(text.charAt(lexer.at) || ' ');
  if (!ofStream) tokens.push({ kind: 'word', word });
}

/** A longer expression is read as groups, and refused. */
const LONGEST_ARITHMETIC = 2000;

/** `((…))` is one command with one word: the expression. False where these are groups within groups. */
function readArithmetic(lexer: Lexer): boolean {
  const { text, at, line, tokens } = lexer;
  let depth = 0;
  let end = at;
  for (const last = Math.min(text.length, at + LONGEST_ARITHMETIC); end < last; end += 1) {
    const char = text.charAt(end);
    if (char === '(') depth += 1;
    else if (char === ')') depth -= 1;
    if (depth === 0) break;
  }
  if (depth !== 0 || text.charAt(end - 1) !== ')') return false;
  const word = (inside: string, quoted: boolean): Token => ({
    kind: 'word',
    word: { parts: [{ kind: 'text', text: inside, quoted }], at, length: end + 1 - at, line },
  });
  const inside = text.slice(at + 2, end - 1);
  tokens.push(word('((', false), word(inside, true));
  lexer.at = end + 1;
  lexer.line += inside.split('\n').length - 1;
  return true;
}

/** `<<END`: what stands up to a line END is a command's input. */
function awaitText(lexer: Lexer, token: Redirection): void {
  const [, end = ''] = /^[ \t]*(\\?["']?[\w.!-]+["']?)/.exec(lexer.text.slice(lexer.at, lexer.at + 200)) ?? [];
  lexer.awaited.push({ end: end.replace(/["'\\]/g, ''), token, open: !/["'\\]/.test(end) });
}

function passOverTexts(lexer: Lexer): void {
  const { text, awaited } = lexer;
  for (const { end, token, open } of awaited.splice(0)) {
    const from = lexer.at;
    let to = from;
    while (lexer.at < text.length) {
      const stop = text.indexOf('\n', lexer.at);
      const line = text.slice(lexer.at, stop < 0 ? text.length : stop).replace(/\r$/, '');
      to = lexer.at;
      lexer.at = stop < 0 ? text.length : stop + 1;
      lexer.line += 1;
      if ((token.text === '<<-' ? line.replace(/^\t+/, '') : line) === end) break;
    }
    token.body = { from, to, open };
  }
}
