import { protocolNumber } from '../../netfilter/index.ts';
import type { ColumnsLine } from './lines.ts';

/** A word of a line, and where it begins. */
export interface Word {
  readonly text: string;
  readonly at: number;
}

/** A rule's line cut into its columns. An empty target is a rule without one. */
export interface RuleColumns {
  readonly packets?: string;
  readonly bytes?: string;
  readonly target: string;
  readonly protocol: Word;
  /** `-f` or `!f`; a dash, or nothing, where the rule does not ask for fragments. */
  readonly fragment: string;
  readonly in?: string;
  readonly out?: string;
  readonly source: Word;
  readonly destination: Word;
  /** Where the text of matches and target begins. */
  readonly rest: number;
}

const COUNT = /^\d+[KMGTP]?$/;
const OPT = /^(?:--|-f|!f)$/;

/**
 * Cuts a rule's line up. The columns have no fixed width, since a long name pushes the others to the right, and a rule
 * without target leaves its column empty; the column `opt`, which IPv6 left empty up to 1.8.8, tells which words are which.
 * Undefined: the line is no rule of a listing with these columns.
 */
export function cutColumns(line: string, { numbers, verbose, target: column }: ColumnsLine): RuleColumns | undefined {
  const words = wordsOf(line);
  let next = 0;
  if (numbers && !/^\d+$/.test(words[next++]?.text ?? '')) return undefined;
  const [packets, bytes] = verbose ? [words[next++]?.text ?? '', words[next++]?.text ?? ''] : [];
  if (packets !== undefined && bytes !== undefined && !(COUNT.test(packets) && COUNT.test(bytes))) return undefined;
  const withTarget = hasTarget(words, next, column, line);
  if (withTarget === undefined) return undefined;
  const target = withTarget ? (words[next++]?.text ?? '') : '';
  const protocol = words[next++];
  const fragment = OPT.test(words[next]?.text ?? '') ? (words[next++]?.text ?? '') : '';
  const [into, out] = verbose ? [words[next++]?.text, words[next++]?.text] : [];
  const source = words[next++];
  const destination = words[next++];
  if (!protocol || !source || !destination) return undefined;
  return {
    ...(packets === undefined || bytes === undefined ? {} : { packets, bytes }),
    target,
    protocol,
    fragment,
    ...(into === undefined || out === undefined ? {} : { in: into, out }),
    source,
    destination,
    rest: destination.at + destination.text.length,
  };
}

/** Whether the words from `next` on begin with a target. Undefined: neither way makes sense. */
function hasTarget(words: readonly Word[], next: number, column: number, line: string): boolean | undefined {
  if (OPT.test(words[next + 1]?.text ?? '') && isProtocol(words[next])) return false;
  if (OPT.test(words[next + 2]?.text ?? '')) return true;
  const [without, within] = [isProtocol(words[next]), isProtocol(words[next + 1])];
  if (!without && !within) return undefined;
  if (without !== within) return within;
  const before = words[next - 1];
  const from = before ? before.at + before.text.length : 0;
  return (words[next]?.at ?? 0) - from < (next === 0 ? column + WIDTH : WIDTH) && line.trim() !== '';
}

/** The target's column is so wide at least. */
const WIDTH = 9;

const isProtocol = (word: Word | undefined): boolean =>
  word !== undefined && protocolNumber(word.text.replace(/^!/, '')) !== undefined;

const wordsOf = (line: string): Word[] =>
  [...line.replace(/^[\s>]*/, (quote) => ' '.repeat(quote.length)).matchAll(/\S+/g)].map(({ 0: text, index }) => ({
    text,
    at: index,
  }));
