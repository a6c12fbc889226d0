import { Fault } from '../diagnostic.ts';
import { type Body, type Token, tokensOf, type Word } from './lex.ts';

/** What a script does, as far as it is looked at. */
export type Node =
  | Simple
  | { readonly kind: 'list'; readonly nodes: readonly Node[] }
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
  /** A loop that ends when a command says so, or a choice among patterns: how it goes is not known. */
  | { readonly kind: 'open'; readonly what: string; readonly nodes: readonly Node[]; readonly place: Place };

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
  at: number;
  depth: number;
}

/** Parts within parts: more than anybody writes, and fewer than the stack holds. */
const DEEPEST = 100;

/** Reads a shell script. Throws a Fault where a shell would not understand it. */
export function parseScript(text: string): Node {
  const parser: Parser = { tokens: tokensOf(text), at: 0, depth: 0 };
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
    nodes.push(readChain(parser));
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
  while (operator(parser.tokens[parser.at]) === '|') {
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
      const what = keyword(token)!;
      parser.at += 1;
      const when = readList(parser, ['do']);
      expect(parser, 'do');
      const body = readList(parser, ['done']);
      expect(parser, 'done');
      return redirected(parser, { kind: 'open', what, nodes: [when, body], place });
    }
    case 'case':
      return readCase(parser, place);
    case 'function':
      parser.at += 1;
      return readFunction(parser);
    default: {
      const [next, after] = [parser.tokens[parser.at + 1], parser.tokens[parser.at + 2]];
      if (token.kind === 'word' && operator(next) === '(' && operator(after) === ')') return readFunction(parser);
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
  return redirected(parser, list);
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
  parser.at += 1;
  let words: Word[] | undefined;
  passOverLines(parser);
  if (keyword(parser.tokens[parser.at]) === 'in') {
    parser.at += 1;
    words = [];
    for (let token = parser.tokens[parser.at]; token?.kind === 'word'; token = parser.tokens[parser.at]) {
      words.push(token.word);
      parser.at += 1;
    }
  }
  while (['\n', ';'].includes(operator(parser.tokens[parser.at]) ?? '')) parser.at += 1;
  expect(parser, 'do');
  const body = readList(parser, ['done']);
  expect(parser, 'done');
  return redirected(parser, { kind: 'for', name, words, body, place });
}

function readCase(parser: Parser, place: Place): Node {
  parser.at += 2;
  passOverLines(parser);
  expect(parser, 'in');
  const nodes: Node[] = [];
  for (;;) {
    passOverLines(parser);
    if (keyword(parser.tokens[parser.at]) === 'esac' || !parser.tokens[parser.at]) break;
    // The patterns, up to the bracket that closes them.
    while (parser.tokens[parser.at] && operator(parser.tokens[parser.at]) !== ')') parser.at += 1;
    expect(parser, ')');
    nodes.push(readList(parser, [';;', 'esac']));
    if (operator(parser.tokens[parser.at]) === ';;') parser.at += 1;
  }
  expect(parser, 'esac');
  return redirected(parser, { kind: 'open', what: 'case', nodes, place });
}

function readFunction(parser: Parser): Node {
  const name = keyword(parser.tokens[parser.at]) ?? '';
  parser.at += 1;
  if (operator(parser.tokens[parser.at]) === '(') parser.at += 2;
  passOverLines(parser);
  return { kind: 'function', name, body: readCommand(parser) };
}

function readSimple(parser: Parser): Node {
  const first = parser.tokens[parser.at]!;
  const words: Word[] = [];
  let input: Body | undefined;
  let last = first;
  for (let token = parser.tokens[parser.at]; token && token.kind !== 'operator'; token = parser.tokens[parser.at]) {
    parser.at += 1;
    last = token;
    if (token.kind === 'word') words.push(token.word);
    else {
      input = token.body ?? input;
      if (parser.tokens[parser.at]?.kind === 'word') parser.at += 1;
    }
  }
  if (first === last && first.kind === 'operator') throw unexpected(first);
  const { at, line } = placeOf(first);
  const end = placeOf(last);
  return { kind: 'simple', words, ...(input ? { input } : {}), place: { at, length: end.at + end.length - at, line } };
}
