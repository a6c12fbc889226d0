import { Fault } from '../diagnostic.ts';
import { withoutBraces } from './braces.ts';
import type { Body } from './lex.ts';
import type { Simple } from './node.ts';
import { next, operator, type Parser, placeOfToken, unexpected } from './tokens.ts';
import { plainOf, plainStart, type Word } from './word.ts';

/** What a command reads instead of a text that stands before. */
const INPUT: ReadonlySet<string> = new Set(['<', '<<<', '<>', '<&']);

/** Reads one command: its words, and what it reads. Throws a Fault. */
export function readSimple(parser: Parser): Simple {
  const first = next(parser)!;
  const words: Word[] = [];
  let input: Body | undefined;
  let last = first;
  let comparing = false;
  for (let token = next(parser); token; token = next(parser)) {
    if (token.kind === 'operator' && (!comparing || token.text === '\n')) break;
    parser.at += 1;
    last = token;
    if (token.kind === 'word') {
      const plain = plainOf(token.word);
      comparing = words.length === 0 ? plain === '[[' : comparing && plain !== ']]';
      words.push(...wordsOf(parser, token.word));
      // Within `[[ … ]]` operators are words.
    } else if (comparing)
      words.push({ ...placeOfToken(token), parts: [{ kind: 'text', text: token.text, quoted: true }] });
    else if (token.kind === 'redirection') {
      input = token.body ?? (INPUT.has(token.text) ? undefined : input);
      if (next(parser)?.kind === 'word') parser.at += 1;
    }
  }
  if (first === last && first.kind === 'operator') throw unexpected(first);
  const { at, line } = placeOfToken(first);
  const end = placeOfToken(last);
  return { kind: 'simple', words, ...(input ? { input } : {}), place: { at, length: end.at + end.length - at, line } };
}

const ASSIGNS = /^[A-Za-z_]\w*\+?=/;

/** Whether a word gives a variable a value. */
export const assigns = (word: Word): boolean => ASSIGNS.test(plainStart(word));

/** The words that a word that has just been passed stands for. */
const wordsOf = (parser: Parser, word: Word): readonly Word[] => {
  const array = readArray(parser, word);
  if (array) return [array];
  return assigns(word) ? [word] : withoutBraces(word, parser.bash);
};

/** `NAME=(…)`: an array stands in brackets right after the sign. */
function readArray(parser: Parser, word: Word): Word | undefined {
  const open = next(parser);
  const isOpen = operator(parser) === '(' && placeOfToken(open!).at === word.at + word.length;
  if (!isOpen || !assigns(word) || !plainOf(word)?.endsWith('=')) return undefined;
  const words: Word[] = [];
  for (parser.at += 1; operator(parser) !== ')'; parser.at += 1) {
    const token = next(parser);
    if (!token) throw new Fault(word.at, word.length, 'an array that is not closed', 'Was the script cut off?');
    if (token.kind === 'word') words.push(...withoutBraces(token.word, parser.bash));
    else if (operator(parser) !== '\n') throw unexpected(token);
  }
  parser.at += 1;
  return { ...word, parts: [...word.parts, { kind: 'list', words }] };
}
