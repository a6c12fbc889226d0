import { Fault } from '../diagnostic.ts';

/**
 * `word`: a run of letters, digits and what may stand in names and addresses; `string`: its text without the quotes; `mark`:
 * punctuation; `line`: the end of a line; `comment`: from `#` to the end of the line.
 */
export interface Token {
  readonly kind: 'word' | 'string' | 'mark' | 'line' | 'comment' | 'end';
  readonly text: string;
  readonly at: number;
  readonly end: number;
}

/** Walks over the tokens of a text, as nft's scanner finds them. One that was looked at is kept until it is taken. */
export interface Scanner {
  readonly text: string;
  at: number;
  ahead: Token | undefined;
  /** How many brackets of expressions are open. */
  depth: number;
  /** The key of an element is being read: a colon ends it, also where no blank stands before it. */
  inKey: boolean;
  /** Reads the rules of a chain without a name, whose `{` has been taken, and gives the name that it gets. */
  readBlock?: (scanner: Scanner) => string;
}

export const scannerOver = (text: string): Scanner => ({
  text,
  at: text.startsWith('\ufeff') ? 1 : 0,
  ahead: undefined,
  depth: 0,
  inKey: false,
});

const BLANKS = /[ \t\r]*/y;
/** A backslash before the end of a line joins it to the next one. */
const JOINED = /\\\r?\n/y;
const WORD = /[^\s"{};,=()!<>&|^#\\]+/y;
const MARK = /[=!<>]=|<<|>>|[{};,=()!<>&|^]/y;
const COMMENT = /#[^\n]*/y;
const STRING = /"([^"\n]*)"/y;

/** The next token, which stays the next one. */
export function peek(scanner: Scanner): Token {
  scanner.ahead ??= scan(scanner);
  return scanner.ahead;
}

/** The next token; what follows it is then the next one. */
export function take(scanner: Scanner): Token {
  const token = peek(scanner);
  scanner.ahead = undefined;
  scanner.at = token.end;
  return token;
}

/** Goes on at another place: the rest of a word that was read in part. */
export function goTo(scanner: Scanner, at: number): void {
  scanner.ahead = undefined;
  scanner.at = at;
}

/** The token after the next one. */
export function peekSecond(scanner: Scanner): Token {
  const first = peek(scanner);
  goTo(scanner, first.end);
  const second = peek(scanner);
  goTo(scanner, first.at);
  return second;
}

function scan({ text, at: from }: Scanner): Token {
  let at = pastBlanks(text, from);
  while (sticky(JOINED, text, at)) at = pastBlanks(text, JOINED.lastIndex);
  if (at >= text.length) return { kind: 'end', text: '', at: text.length, end: text.length };
  const char = text.charAt(at);
  if (char === '\n') return { kind: 'line', text: '\n', at, end: at + 1 };
  if (char === '"') return string(text, at);
  if (char === '#') return found('comment', COMMENT, text, at);
  if (sticky(WORD, text, at)) return { kind: 'word', text: text.slice(at, WORD.lastIndex), at, end: WORD.lastIndex };
  if (sticky(MARK, text, at)) return { kind: 'mark', text: text.slice(at, MARK.lastIndex), at, end: MARK.lastIndex };
  return { kind: 'mark', text: char, at, end: at + 1 };
}

function string(text: string, at: number): Token {
  STRING.lastIndex = at;
  const inside = STRING.exec(text)?.[1];
  if (inside === undefined) throw new Fault(at, 1, 'this quote is not closed', 'Was the line cut off?');
  return { kind: 'string', text: inside, at, end: STRING.lastIndex };
}

function found(kind: Token['kind'], pattern: RegExp, text: string, at: number): Token {
  sticky(pattern, text, at);
  return { kind, text: text.slice(at, pattern.lastIndex), at, end: pattern.lastIndex };
}

function sticky(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

function pastBlanks(text: string, at: number): number {
  BLANKS.lastIndex = at;
  BLANKS.test(text);
  return BLANKS.lastIndex;
}

/** Whether the next token is this word or mark, unquoted. */
export const isNext = (scanner: Scanner, ...texts: readonly string[]): boolean => {
  const { kind, text } = peek(scanner);
  return (kind === 'word' || kind === 'mark') && texts.includes(text);
};

/** Takes the next token if it is this word or mark. */
export function takeIf(scanner: Scanner, text: string): boolean {
  if (!isNext(scanner, text)) return false;
  take(scanner);
  return true;
}

/** Takes this word or mark, or complains that it is missing. */
export function expect(scanner: Scanner, text: string, hint = ''): Token {
  if (!isNext(scanner, text)) throw unexpected(scanner, text, hint);
  return take(scanner);
}

/** Takes a word, or complains that `what` is missing. */
export function expectWord(scanner: Scanner, what: string): string {
  if (peek(scanner).kind !== 'word') throw unexpected(scanner, what);
  return take(scanner).text;
}

/** Takes a word or a quoted text. */
export function expectName(scanner: Scanner, what: string): string {
  const { kind } = peek(scanner);
  if (kind !== 'word' && kind !== 'string') throw unexpected(scanner, what);
  return take(scanner).text;
}

/** Takes a whole number in digits. */
export function expectNumber(scanner: Scanner, what: string): number {
  const { kind, text } = peek(scanner);
  const value = Number(text);
  if (kind !== 'word' || !/^(?:\d+|0x[0-9a-f]+)$/i.test(text) || !Number.isSafeInteger(value))
    throw unexpected(scanner, what);
  take(scanner);
  return value;
}

/** Takes a whole number of any size that a kernel counter may have. */
export function expectCount(scanner: Scanner, what: string): bigint {
  const { kind, text } = peek(scanner);
  if (kind !== 'word' || !/^\d{1,20}$/.test(text)) throw unexpected(scanner, what);
  take(scanner);
  return BigInt(text);
}

/** Takes `a,b,c`. */
export function readWords(scanner: Scanner): string[] {
  const words = [expectWord(scanner, 'a word')];
  while (takeIf(scanner, ',')) words.push(expectWord(scanner, 'a word'));
  return words;
}

/** That something else stands here than what was expected. */
export function unexpected(scanner: Scanner, what: string, hint = ''): Fault {
  const { kind, text, at, end } = peek(scanner);
  const here = kind === 'end' ? 'the text ends' : kind === 'line' ? 'the line ends' : `"${text}" stands`;
  return new Fault(at, Math.max(1, end - at), `${here} where ${what} was expected`, hint);
}

/** Takes what has no meaning between the elements of a set: ends of lines and comments. */
export function skipLines(scanner: Scanner): void {
  for (let { kind } = peek(scanner); kind === 'line' || kind === 'comment'; { kind } = peek(scanner)) take(scanner);
}

/** Moves on to where the statement ends that began at `from`: a line end, `;` or `}` outside of braces that open on the way. */
export function skipStatement(scanner: Scanner, from: number): void {
  const { at } = peekSafely(scanner);
  const read = scanner.text.slice(from, at);
  const [, last = '', newLine] = /(\S)[ \t\r]*(\n\s*)?$/.exec(read) ?? [];
  const before = newLine !== undefined && !GOES_ON.has(last) ? '\n' : last;
  if (skipOver(scanner, bracesOpen(read), before)) return;
  // One of them is not closed: then the line ends it.
  goTo(scanner, at);
  skipOver(scanner, 0, '');
}

/** How many braces stand open at the end of a text. */
function bracesOpen(text: string): number {
  let depth = 0;
  for (const [mark] of text.matchAll(/"[^"\n]*"|#[^\n]*|[{}]/g)) {
    if (mark === '{') depth += 1;
    else if (mark === '}') depth -= 1;
  }
  return Math.max(0, depth);
}

/** Behind these a set goes on in the next line. */
const GOES_ON: ReadonlySet<string> = new Set([',', '{', ':']);

/** Whether the end of a statement was found in which so many braces are open. They go over a line's end behind a comma only. */
function skipOver(scanner: Scanner, open: number, last: string): boolean {
  for (let [depth, before] = [open, last]; ; ) {
    const { kind, text } = peekSafely(scanner);
    if (kind === 'end') return depth === 0 || open === 0;
    const ends = kind === 'line' || kind === 'comment' || (kind === 'mark' && (text === ';' || text === '}'));
    if (depth === 0 && ends) return true;
    if (open > 0 && before === '\n' && kind !== 'line' && text !== '}') return false;
    if (kind === 'mark' && text === '{') depth += 1;
    else if (kind === 'mark' && text === '}') depth -= 1;
    if (kind !== 'line' || !GOES_ON.has(before)) before = text;
    take(scanner);
  }
}

/** The next token; a quote that is not closed is one of its own. */
function peekSafely(scanner: Scanner): Token {
  try {
    return peek(scanner);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    scanner.ahead = { kind: 'mark', text: '"', at: error.at, end: error.at + 1 };
    return scanner.ahead;
  }
}

/** Moves on behind the `}` of the block in which the next token stands, or to the end. */
export function skipBlock(scanner: Scanner): void {
  for (let depth = 0; ; ) {
    const { kind, text } = peekSafely(scanner);
    if (kind === 'end') return;
    if (kind === 'mark' && text === '{') depth += 1;
    else if (kind === 'mark' && text === '}') depth -= 1;
    take(scanner);
    if (depth < 0) return;
  }
}
