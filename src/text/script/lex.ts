import { Fault } from '../diagnostic.ts';

/** A piece of a word: text, a variable's value, or something that only a shell can work out. */
export type Part =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  /** `otherwise` stands for a variable that is not set, or empty: `${NAME:-otherwise}`. */
  | { readonly kind: 'variable'; readonly name: string; readonly quoted: boolean; readonly otherwise?: string }
  | { readonly kind: 'other' };

/** A word of a script and where it stands. */
export interface Word {
  readonly parts: readonly Part[];
  readonly at: number;
  readonly length: number;
  readonly line: number;
}

export type Token =
  | { readonly kind: 'word'; readonly word: Word }
  /** `; & && || | ( ) ;;` or the end of a line. */
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
interface Lexer {
  readonly text: string;
  at: number;
  line: number;
  readonly tokens: Token[];
  /** Words that end the texts which stand after this line. */
  readonly awaited: { readonly end: string; readonly token: Redirection; readonly open: boolean }[];
}

const OPERATORS = ['&&', '||', ';;', ';', '&', '|', '(', ')'] as const;
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

const continues = (text: string, at: number): boolean =>
  text.charAt(at + 1) === '\n' || (text.charAt(at + 1) === '\r' && text.charAt(at + 2) === '\n');

function passOverContinuation(lexer: Lexer): void {
  lexer.at += lexer.text.charAt(lexer.at + 1) === '\n' ? 2 : 3;
  lexer.line += 1;
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

const ENDS_WORD = /[ \t\r\n;&|()<>]/;

function readWord(lexer: Lexer): Word {
  const { text, at: start, line } = lexer;
  const parts: Part[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '') parts.push({ kind: 'text', text: plain, quoted: false });
    plain = '';
  };
  while (lexer.at < text.length) {
    const char = text.charAt(lexer.at);
    if (ENDS_WORD.test(char)) break;
    if (char === '\\') {
      if (continues(text, lexer.at)) passOverContinuation(lexer);
      else {
        flush();
        parts.push({ kind: 'text', text: text.charAt(lexer.at + 1), quoted: true });
        lexer.at += 2;
      }
    } else if (char === "'" || char === '"' || char === '$' || char === '`') {
      flush();
      if (char === "'") parts.push(readSingle(lexer));
      else if (char === '"') parts.push(...readDouble(lexer));
      else parts.push(readDollar(lexer, false));
    } else {
      plain += char;
      lexer.at += 1;
    }
  }
  flush();
  return { parts, at: start, length: lexer.at - start, line };
}

function unclosed(lexer: Lexer, from: number): Fault {
  const end = lexer.text.indexOf('\n', from);
  const length = (end < 0 ? lexer.text.length : end) - from;
  return new Fault(from, length, 'a quote that is not closed', 'The shell would wait for its end.');
}

function readSingle(lexer: Lexer): Part {
  const { text, at } = lexer;
  const close = text.indexOf("'", at + 1);
  if (close < 0) throw unclosed(lexer, at);
  const inside = text.slice(at + 1, close);
  lexer.line += inside.split('\n').length - 1;
  lexer.at = close + 1;
  return { kind: 'text', text: inside, quoted: true };
}

function readDouble(lexer: Lexer): Part[] {
  const { text, at: from } = lexer;
  const parts: Part[] = [];
  let inside = '';
  const flush = (): void => {
    parts.push({ kind: 'text', text: inside, quoted: true });
    inside = '';
  };
  lexer.at += 1;
  for (;;) {
    if (lexer.at >= text.length) throw unclosed(lexer, from);
    const char = text.charAt(lexer.at);
    if (char === '"') break;
    if (char === '\\' && '$`"\\\n'.includes(text.charAt(lexer.at + 1))) {
      if (text.charAt(lexer.at + 1) === '\n') lexer.line += 1;
      else inside += text.charAt(lexer.at + 1);
      lexer.at += 2;
    } else if (char === '$' || char === '`') {
      flush();
      parts.push(readDollar(lexer, true));
    } else {
      if (char === '\n') lexer.line += 1;
      inside += char;
      lexer.at += 1;
    }
  }
  lexer.at += 1;
  flush();
  return parts;
}

const NAME = /\$(?:([A-Za-z_]\w*|[0-9@*#?$!-])|\{([A-Za-z_]\w*|[0-9]+)(?::-([\w.:/@%+, -]*))?\})/y;

/** Asks where a program is: its name is answer enough here. */
const WHICH =
  /(?:\$\((?:which|command -v|type -p)[ \t]+([\w./-]+)[^()|&;]*\)|`(?:which|command -v|type -p)[ \t]+([\w./-]+)[^`|&;]*`)/y;

/** `$NAME`, `${NAME}`; `$(…)`, `$((…))`, backquotes and other forms are for a shell to work out. */
function readDollar(lexer: Lexer, quoted: boolean): Part {
  const { text, at } = lexer;
  NAME.lastIndex = at;
  const simple = NAME.exec(text);
  if (simple) {
    lexer.at += simple[0].length;
    const otherwise = simple[3] === undefined ? {} : { otherwise: simple[3] };
    return { kind: 'variable', name: simple[1] ?? simple[2] ?? '', quoted, ...otherwise };
  }
  WHICH.lastIndex = at;
  const program = WHICH.exec(text);
  if (program) {
    lexer.at += program[0].length;
    return { kind: 'text', text: program[1] ?? program[2] ?? '', quoted };
  }
  const opener = text.charAt(at) === '`' ? '`' : text.charAt(at + 1);
  const closer = { '`': '`', '(': ')', '{': '}' }[opener];
  if (closer === undefined) {
    lexer.at += 1;
    return { kind: 'text', text: '$', quoted };
  }
  let depth = 0;
  let end = at + 1;
  for (; end < text.length; end += 1) {
    const char = text.charAt(end);
    if (char === '\\') end += 1;
    else if (char === closer && (opener === '`' || depth === 1)) break;
    else if (char === closer) depth -= 1;
    else if (char === opener) depth += 1;
  }
  lexer.line += text.slice(at, end).split('\n').length - 1;
  lexer.at = end + 1;
  return { kind: 'other' };
}
