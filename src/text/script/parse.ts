import { Fault } from '../diagnostic.ts';
import { withoutBraces } from './braces.ts';
import { tokensOf } from './lex.ts';
import type { Clause, Node, Place } from './node.ts';
import { assigns, readSimple } from './simple.ts';
import { expect, keyword, next, operator, type Parser, passOver, placeOfToken, unexpected } from './tokens.ts';
import type { Word } from './word.ts';

/** Parts within parts: more than anybody writes, and fewer than the stack holds. */
const DEEPEST = 100;

/** Reads a shell script; `bash`: as that shell does. Throws a Fault where a shell would not understand it. */
export function parseScript(text: string, bash: boolean): Node {
  const parser: Parser = { tokens: tokensOf(text), bash, at: 0, depth: 0 };
  const list = readList(parser, []);
  const rest = next(parser);
  if (rest) throw unexpected(rest);
  return list;
}

/** Commands up to a keyword (or the operator) that ends them. */
function readList(parser: Parser, ends: readonly string[]): Node {
  parser.depth += 1;
  if (parser.depth > DEEPEST) throw unexpected(next(parser) ?? parser.tokens.at(-1)!);
  const nodes: Node[] = [];
  for (;;) {
    passOver(parser, '\n', ';', '&');
    const end = keyword(parser) ?? operator(parser);
    if (!next(parser) || (end !== undefined && ends.includes(end))) break;
    const node = readChain(parser);
    const beside = operator(parser) === '&';
    nodes.push(beside ? { kind: 'subshell', node, beside } : node);
  }
  parser.depth -= 1;
  return { kind: 'list', nodes };
}

function readChain(parser: Parser): Node {
  const first = readPipe(parser);
  const rest: { op: '&&' | '||'; node: Node }[] = [];
  for (;;) {
    const op = operator(parser);
    if (op !== '&&' && op !== '||') return rest.length === 0 ? first : { kind: 'chain', first, rest };
    parser.at += 1;
    passOver(parser, '\n');
    rest.push({ op, node: readPipe(parser) });
  }
}

function readPipe(parser: Parser): Node {
  const negated = keyword(parser) === '!';
  if (negated) parser.at += 1;
  const nodes = [readCommand(parser)];
  while (['|', '|&'].includes(operator(parser) ?? '')) {
    parser.at += 1;
    passOver(parser, '\n');
    nodes.push(readCommand(parser));
  }
  return nodes.length === 1 && !negated ? nodes[0]! : { kind: 'pipe', nodes, negated };
}

function readCommand(parser: Parser): Node {
  const token = next(parser);
  if (!token) throw new Fault(0, 1, 'a command is missing at the end', 'Was the script cut off?');
  const place = placeOfToken(token);
  if (operator(parser) === '(') return readGroup(parser, ')');
  const word = keyword(parser);
  switch (word) {
    case '{':
      return readGroup(parser, '}');
    case 'if':
      return readIf(parser, place);
    case 'for':
      return readFor(parser, place);
    case 'while':
    case 'until':
      return readWhile(parser, word, place);
    case 'case':
      return readCase(parser, place);
    case 'function':
      parser.at += 1;
      return readFunction(parser);
    default: {
      const isName = token.kind === 'word' && !assigns(token.word);
      if (isName && operator(parser, 1) === '(' && operator(parser, 2) === ')') return readFunction(parser);
      return readSimple(parser);
    }
  }
}

function readUpTo(parser: Parser, end: string): Node {
  const list = readList(parser, [end]);
  expect(parser, end);
  return list;
}

function readLoopBody(parser: Parser): Node {
  passOver(parser, '\n', ';');
  expect(parser, 'do');
  return readUpTo(parser, 'done');
}

/** Redirections after a compound command change nothing here. */
function redirected<T extends Node>(parser: Parser, node: T): T {
  while (next(parser)?.kind === 'redirection') parser.at += 2;
  return node;
}

function readGroup(parser: Parser, close: ')' | '}'): Node {
  parser.at += 1;
  const list = readUpTo(parser, close);
  return redirected(parser, close === ')' ? { kind: 'subshell', node: list, beside: false } : list);
}

function readIf(parser: Parser, place: Place): Node {
  const branches: { when: Node; body: Node }[] = [];
  let otherwise: Node | undefined;
  do {
    parser.at += 1;
    const when = readUpTo(parser, 'then');
    branches.push({ when, body: readList(parser, ['elif', 'else', 'fi']) });
  } while (keyword(parser) === 'elif');
  if (keyword(parser) === 'else') {
    parser.at += 1;
    otherwise = readList(parser, ['fi']);
  }
  expect(parser, 'fi');
  return redirected(parser, { kind: 'if', branches, ...(otherwise ? { otherwise } : {}), place });
}

function readWhile(parser: Parser, what: 'while' | 'until', place: Place): Node {
  parser.at += 1;
  const when = readList(parser, ['do']);
  const body = readLoopBody(parser);
  return redirected(parser, { kind: 'while', what, when, body, place });
}

function readFor(parser: Parser, place: Place): Node {
  parser.at += 1;
  const name = keyword(parser) ?? '';
  if (name === '((') return readCounting(parser, place);
  parser.at += 1;
  let words: Word[] | undefined;
  passOver(parser, '\n');
  if (keyword(parser) === 'in') {
    parser.at += 1;
    words = [];
    for (let token = next(parser); token?.kind === 'word'; token = next(parser)) {
      words.push(...withoutBraces(token.word, parser.bash));
      parser.at += 1;
    }
  }
  const body = readLoopBody(parser);
  return redirected(parser, { kind: 'for', name, words, body, place });
}

/** `for ((…))`: how often it goes round is not followed. */
function readCounting(parser: Parser, place: Place): Node {
  const counting = readSimple(parser);
  const body = readLoopBody(parser);
  return redirected(parser, { kind: 'open', what: 'for', nodes: [counting, body], place });
}

function readCase(parser: Parser, place: Place): Node {
  parser.at += 1;
  const asked = next(parser);
  if (asked?.kind !== 'word') throw unexpected(asked ?? parser.tokens.at(-1)!);
  parser.at += 1;
  passOver(parser, '\n');
  expect(parser, 'in');
  const clauses: Clause[] = [];
  for (;;) {
    passOver(parser, '\n');
    if (keyword(parser) === 'esac' || !next(parser)) break;
    // The patterns, up to the bracket that closes them.
    const patterns: Word[] = [];
    for (let token = next(parser); token && operator(parser) !== ')'; token = next(parser)) {
      if (token.kind === 'word') patterns.push(token.word);
      parser.at += 1;
    }
    expect(parser, ')');
    const body = readList(parser, [...CLAUSE_ENDS, 'esac']);
    const end = operator(parser);
    clauses.push({ patterns, body, goesOn: end === ';&' || end === ';;&' });
    if (end !== undefined && CLAUSE_ENDS.includes(end)) parser.at += 1;
  }
  expect(parser, 'esac');
  return redirected(parser, { kind: 'case', word: asked.word, clauses, place });
}

const CLAUSE_ENDS: readonly string[] = [';;', ';&', ';;&'];

function readFunction(parser: Parser): Node {
  const name = keyword(parser) ?? '';
  parser.at += 1;
  if (operator(parser) === '(') parser.at += 2;
  passOver(parser, '\n');
  return { kind: 'function', name, body: readCommand(parser) };
}
