import { Fault } from '../diagnostic.ts';
import { withoutBraces } from './braces.ts';
import { type Body, type Token, tokensOf } from './lex.ts';
import type { Word } from './word.ts';

/** What a script does, as far as it is looked at. */
export type Node =
  | Simple
  | { readonly kind: 'list'; readonly nodes: readonly Node[] }
  /** `( … )`, and what runs beside the script (`&`): what is set there is not set outside. */
  | { readonly kind: 'subshell'; readonly node: Node; readonly beside: boolean }
  | {
      readonly kind: 'chain';
      readonly first: Node;
      readonly rest: readonly { readonly op: '&&' | '||'; readonly node: Node }[];
    }
  | { readonly kind: 'pipe'; readonly nodes: readonly Node[]; readonly negated: boolean }
  | {
      readonly kind: 'if';
      readonly branches: readonly { readonly when: Node; readonly body: Node }[];
      readonly otherwise?: Node;
      readonly place: Place;
    }
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly words: readonly Word[] | undefined;
      readonly body: Node;
      readonly place: Place;
    }
  | { readonly kind: 'function'; readonly name: string; readonly body: Node }
  | {
      readonly kind: 'while';
      readonly what: 'while' | 'until';
      readonly when: Node;
      readonly body: Node;
      readonly place: Place;
    }
  | { readonly kind: 'case'; readonly word: Word; readonly clauses: readonly Clause[]; readonly place: Place }
  /** A part that may run in more than one way: how it goes is not known. */
  | { readonly kind: 'open'; readonly what: string; readonly nodes: readonly Node[]; readonly place: Place };

/** One choice of a `case`. */
export interface Clause {
  readonly patterns: readonly Word[];
  readonly body: Node;
  /** `;&`, `;;&`: others may come after it. */
  readonly goesOn: boolean;
}

export interface Place {
  readonly at: number;
  readonly length: number;
  readonly line: number;
}

/** One command with its words: `A=1 iptables -A INPUT > log`. */
export interface Simple {
  readonly kind: 'simple';
  readonly words: readonly Word[];
  /** The text in the script that it reads. */
  readonly input?: Body;
  readonly place: Place;
}

interface Parser {
  readonly tokens: readonly Token[];
  readonly bash: boolean;
  at: number;
  depth: number;
}

/** Parts within parts: more than anybody writes, and fewer than the stack holds. */
const DEEPEST = 100;

/** Reads a shell script; `bash`: as that shell does. Throws a Fault where a shell would not understand it. */
export function parseScript(text: string, bash: boolean): Node {
  const parser: Parser = { tokens: tokensOf(text), bash, at: 0, depth: 0 };
  const list = readList(parser, []);
  const rest = parser.tokens[parser.at];
  if (rest) throw unexpected(rest);
  return list;
}

const placeOf = (token: Token): Place =>
  token.kind === 'word'
    ? { at: token.word.at, length: token.word.length, line: token.word.line }
    : { at: token.at, length: token.text.length, line: token.line };

function unexpected(token: Token): Fault {
  const { at, length } = placeOf(token);
  return new Fault(at, length, 'a shell would not understand this', 'Expected commands, each on a line of its own.');
}

/** The word of a token when it is one plain text: keywords are, and names of commands mostly. */
export function plainOf(word: Word | undefined): string | undefined {
  const [only] = word?.parts ?? [];
  return word?.parts.length === 1 && only?.kind === 'text' && !only.quoted ? only.text : undefined;
}

const keyword = (token: Token | undefined): string | undefined =>
  token?.kind === 'word' ? plainOf(token.word) : undefined;

const operator = (token: Token | undefined): string | undefined =>
  token?.kind === 'operator' ? token.text : undefined;

/** Commands up to a keyword (or the operator) that ends them. */
function readList(parser: Parser, ends: readonly string[]): Node {
  parser.depth += 1;
  if (parser.depth > DEEPEST) throw unexpected(parser.tokens[parser.at] ?? parser.tokens.at(-1)!);
  const nodes: Node[] = [];
  for (;;) {
    while (['\n', ';', '&'].includes(operator(parser.tokens[parser.at]) ?? '')) parser.at += 1;
    const token = parser.tokens[parser.at];
    const end = keyword(token) ?? operator(token);
    if (!token || (end !== undefined && ends.includes(end))) break;
    const node = readChain(parser);
    const beside = operator(parser.tokens[parser.at]) === '&';
    nodes.push(beside ? { kind: 'subshell', node, beside } : node);
  }
  parser.depth -= 1;
  return { kind: 'list', nodes };
}

function readChain(parser: Parser): Node {
  const first = readPipe(parser);
  const rest: { op: '&&' | '||'; node: Node }[] = [];
  for (;;) {
    const op = operator(parser.tokens[parser.at]);
    if (op !== '&&' && op !== '||') return rest.length === 0 ? first : { kind: 'chain', first, rest };
    parser.at += 1;
    passOverLines(parser);
    rest.push({ op, node: readPipe(parser) });
  }
}

function passOverLines(parser: Parser): void {
  while (operator(parser.tokens[parser.at]) === '\n') parser.at += 1;
}

function readPipe(parser: Parser): Node {
  const negated = keyword(parser.tokens[parser.at]) === '!';
  if (negated) parser.at += 1;
  const nodes = [readCommand(parser)];
  while (['|', '|&'].includes(operator(parser.tokens[parser.at]) ?? '')) {
    parser.at += 1;
    passOverLines(parser);
    nodes.push(readCommand(parser));
  }
  return nodes.length === 1 && !negated ? nodes[0]! : { kind: 'pipe', nodes, negated };
}

function readCommand(parser: Parser): Node {
  const token = parser.tokens[parser.at];
  if (!token) throw new Fault(0, 1, 'a command is missing at the end', 'Was the script cut off?');
  const place = placeOf(token);
  if (operator(token) === '(') return readGroup(parser, ')');
  switch (keyword(token)) {
    case '{':
      return readGroup(parser, '}');
    case 'if':
      return readIf(parser, place);
    case 'for':
      return readFor(parser, place);
    case 'while':
    case 'until': {
      const what = keyword(token) === 'until' ? 'until' : 'while';
      parser.at += 1;
      const when = readList(parser, ['do']);
      expect(parser, 'do');
      const body = readList(parser, ['done']);
      expect(parser, 'done');
      return redirected(parser, { kind: 'while', what, when, body, place });
    }
    case 'case':
      return readCase(parser, place);
    case 'function':
      parser.at += 1;
      return readFunction(parser);
    default: {
      const [next, after] = [parser.tokens[parser.at + 1], parser.tokens[parser.at + 2]];
      const isName = token.kind === 'word' && !ASSIGNS.test(plainOf(token.word) ?? '');
      if (isName && operator(next) === '(' && operator(after) === ')') return readFunction(parser);
      return readSimple(parser);
    }
  }
}

function expect(parser: Parser, text: string): void {
  const token = parser.tokens[parser.at];
  if (!token) throw new Fault(0, 1, `${text} is missing at the end`, 'Was the script cut off?');
  if ((keyword(token) ?? operator(token)) !== text) throw unexpected(token);
  parser.at += 1;
}

/** Redirections after a compound command change nothing here. */
function redirected<T extends Node>(parser: Parser, node: T): T {
  while (parser.tokens[parser.at]?.kind === 'redirection') parser.at += 2;
  return node;
}

function readGroup(parser: Parser, close: ')' | '}'): Node {
  parser.at += 1;
  const list = readList(parser, [close]);
  expect(parser, close);
  return redirected(parser, close === ')' ? { kind: 'subshell', node: list, beside: false } : list);
}

function readIf(parser: Parser, place: Place): Node {
  const branches: { when: Node; body: Node }[] = [];
  let otherwise: Node | undefined;
  do {
    parser.at += 1;
    const when = readList(parser, ['then']);
    expect(parser, 'then');
    branches.push({ when, body: readList(parser, ['elif', 'else', 'fi']) });
  } while (keyword(parser.tokens[parser.at]) === 'elif');
  if (keyword(parser.tokens[parser.at]) === 'else') {
    parser.at += 1;
    otherwise = readList(parser, ['fi']);
  }
  expect(parser, 'fi');
  return redirected(parser, { kind: 'if', branches, ...(otherwise ? { otherwise } : {}), place });
}

function readFor(parser: Parser, place: Place): Node {
  parser.at += 1;
  const name = keyword(parser.tokens[parser.at]) ?? '';
  if (name === '((') return readCounting(parser, place);
  parser.at += 1;
  let words: Word[] | undefined;
  passOverLines(parser);
  if (keyword(parser.tokens[parser.at]) === 'in') {
    parser.at += 1;
    words = [];
    for (let token = parser.tokens[parser.at]; token?.kind === 'word'; token = parser.tokens[parser.at]) {
      words.push(...withoutBraces(token.word, parser.bash));
      parser.at += 1;
    }
  }
  while (['\n', ';'].includes(operator(parser.tokens[parser.at]) ?? '')) parser.at += 1;
  expect(parser, 'do');
  const body = readList(parser, ['done']);
  expect(parser, 'done');
  return redirected(parser, { kind: 'for', name, words, body, place });
}

/** `for ((…))`: how often it goes round is not followed. */
function readCounting(parser: Parser, place: Place): Node {
  const counting = readSimple(parser);
  while (['\n', ';'].includes(operator(parser.tokens[parser.at]) ?? '')) parser.at += 1;
  expect(parser, 'do');
  const body = readList(parser, ['done']);
  expect(parser, 'done');
  return redirected(parser, { kind: 'open', what: 'for', nodes: [counting, body], place });
}

function readCase(parser: Parser, place: Place): Node {
  parser.at += 1;
  const asked = parser.tokens[parser.at];
  if (asked?.kind !== 'word') throw unexpected(asked ?? parser.tokens.at(-1)!);
  parser.at += 1;
  passOverLines(parser);
  expect(parser, 'in');
  const clauses: Clause[] = [];
  for (;;) {
    passOverLines(parser);
    if (keyword(parser.tokens[parser.at]) === 'esac' || !parser.tokens[parser.at]) break;
    // The patterns, up to the bracket that closes them.
    const patterns: Word[] = [];
    for (; parser.tokens[parser.at] && operator(parser.tokens[parser.at]) !== ')'; parser.at += 1) {
      const token = parser.tokens[parser.at];
      if (token?.kind === 'word') patterns.push(token.word);
    }
    expect(parser, ')');
    const body = readList(parser, [...CLAUSE_ENDS, 'esac']);
    const end = operator(parser.tokens[parser.at]);
    clauses.push({ patterns, body, goesOn: end === ';&' || end === ';;&' });
    if (end !== undefined && CLAUSE_ENDS.includes(end)) parser.at += 1;
  }
  expect(parser, 'esac');
  return redirected(parser, { kind: 'case', word: asked.word, clauses, place });
}

const CLAUSE_ENDS: readonly string[] = [';;', ';&', ';;&'];

function readFunction(parser: Parser): Node {
  const name = keyword(parser.tokens[parser.at]) ?? '';
  parser.at += 1;
  if (operator(parser.tokens[parser.at]) === '(') parser.at += 2;
  passOverLines(parser);
  return { kind: 'function', name, body: readCommand(parser) };
}

function readSimple(parser: Parser): Simple {
  const first = parser.tokens[parser.at]!;
  const words: Word[] = [];
  let input: Body | undefined;
  let last = first;
  let comparing = false;
  for (let token = parser.tokens[parser.at]; token; token = parser.tokens[parser.at]) {
    if (token.kind === 'operator' && (!comparing || token.text === '\n')) break;
    parser.at += 1;
    last = token;
    // Within `[[ … ]]` operators are words.
    comparing = words.length === 0 ? keyword(token) === '[[' : comparing && keyword(token) !== ']]';
    if (comparing && token.kind !== 'word') {
      const place = placeOf(token);
      words.push({ ...place, parts: [{ kind: 'text', text: token.text, quoted: true }] });
    } else if (token.kind === 'operator') break;
    else if (token.kind === 'word') {
      const list = readArray(parser, token.word);
      if (list) words.push(list);
      else
        words.push(...(ASSIGNS.test(plainStart(token.word)) ? [token.word] : withoutBraces(token.word, parser.bash)));
    } else {
      input = token.body ?? (INPUT.has(token.text) ? undefined : input);
      if (parser.tokens[parser.at]?.kind === 'word') parser.at += 1;
    }
  }
  if (first === last && first.kind === 'operator') throw unexpected(first);
  const { at, line } = placeOf(first);
  const end = placeOf(last);
  return { kind: 'simple', words, ...(input ? { input } : {}), place: { at, length: end.at + end.length - at, line } };
}

/** What a command reads instead of a text that stands before. */
const INPUT: ReadonlySet<string> = new Set(['<', '<<<', '<>', '<&']);

const ASSIGNS = /^[A-Za-z_]\w*\+?=/;

const plainStart = ({ parts: [first] }: Word): string => (first?.kind === 'text' && !first.quoted ? first.text : '');

/** `NAME=(…)`: an array stands in brackets right after the sign. */
function readArray(parser: Parser, word: Word): Word | undefined {
  const open = parser.tokens[parser.at];
  const sign = plainOf(word) ?? '';
  if (
    operator(open) !== '(' ||
    !ASSIGNS.test(sign) ||
    !sign.endsWith('=') ||
    placeOf(open!).at !== word.at + word.length
  )
    return undefined;
  const words: Word[] = [];
  for (parser.at += 1; operator(parser.tokens[parser.at]) !== ')'; parser.at += 1) {
    const token = parser.tokens[parser.at];
    if (!token) throw new Fault(word.at, word.length, 'an array that is not closed', 'Was the script cut off?');
    if (token.kind === 'word') words.push(...withoutBraces(token.word, parser.bash));
    else if (operator(token) !== '\n') throw unexpected(token);
  }
  parser.at += 1;
  return { ...word, parts: [...word.parts, { kind: 'list', words }] };
}
