import { quoted } from './codec.ts';

/** What stands in a line for one extension. */
export interface ListedUse {
  /** Where its text ends. Absent: nobody can tell, and all that follows may be part of it. */
  readonly end?: number;
  /** The options of iptables-save that say the same, as far as the line tells them. Undefined: too little is told. */
  readonly words?: string;
  /** What the line does not tell, as a clause: a match may ask for it besides. */
  readonly unshown?: string;
}

/** How `iptables -L` words an extension, given a line and a place in it. Undefined: what stands there is not this extension's. */
export type Listed = (line: string, at: number) => ListedUse | undefined;

/** Words with `$1` for a group of the pattern, quoted where need be, nothing where it took no part; or made of the groups. */
type Words = string | ((...groups: string[]) => string | undefined);

/**
 * One part of that text, its options, and what it leaves open, if anything. A part ends at a blank or at the end of the
 * line. Where the options are undefined, too little is told for any.
 */
export type ListedPart = readonly [
  pattern: RegExp,
  words: Words | undefined,
  unshown?: (...groups: string[]) => string | undefined,
];

/**
 * Parts in the order in which the tools print them, each of which may be missing; at least one is there.
 *
 * @example listed([/redir ports (\S+)/, '--to-ports $1'], [/random/, '--random'])
 */
export function listed(...parts: readonly ListedPart[]): Listed {
  const readers = parts.map(([pattern, words, unshown]) => ({ pattern: atPlace(pattern), words, unshown }));
  return (line, at) => {
    const found: (string | undefined)[] = [];
    let open: string | undefined;
    let end = at;
    for (const { pattern, words, unshown } of readers) {
      pattern.lastIndex = end;
      const match = pattern.exec(line);
      if (!match) continue;
      const groups = match.slice(1).map((group = '') => group);
      found.push(wordsOf(words, groups));
      open ??= unshown?.(...groups);
      end = pattern.lastIndex;
    }
    if (found.length === 0) return undefined;
    return {
      end,
      ...(found.includes(undefined) ? {} : { words: found.join(' ') }),
      ...(open === undefined ? {} : { unshown: open }),
    };
  };
}

/** The same where the text begins with words of its own, without which none of the parts counts. */
export function listedAfter(lead: RegExp, ...parts: readonly ListedPart[]): Listed {
  const begins = atPlace(lead);
  const read = listed(...parts);
  return (line, at) => {
    begins.lastIndex = at;
    if (!begins.test(line)) return undefined;
    const end = begins.lastIndex;
    return read(line, end) ?? { end, words: '' };
  };
}

/**
 * A text that is printed as it is, whatever it holds. Of the places where it may end, which `closes` tells, only one may be
 * within its length.
 *
 * @example listedText(/\/\* /, / \*\//, 255, (text) => `--comment ${quoted(text)}`)
 */
export function listedText(
  opens: RegExp,
  closes: RegExp,
  longest: number,
  words: (text: string, ...groups: string[]) => string | undefined,
): Listed {
  const begins = new RegExp(`[ \\t]*(?:${opens.source})`, 'y');
  const closing = new RegExp(`(?:${closes.source})(?=\\s|$)`, 'y');
  return (line, at) => {
    begins.lastIndex = at;
    const match = begins.exec(line);
    if (!match) return undefined;
    const from = begins.lastIndex;
    const found: { readonly at: number; readonly end: number; readonly groups: readonly string[] }[] = [];
    for (let place = from; place <= Math.min(from + longest, line.length); place += 1) {
      closing.lastIndex = place;
      const close = closing.exec(line);
      if (close) found.push({ at: place, end: closing.lastIndex, groups: close.slice(1) });
    }
    const [only] = found;
    if (!only) return undefined;
    if (found.length > 1) return { unshown: `the text after ${match[0].trim()} may end at several places` };
    const groups = [...match.slice(1), ...only.groups].map((group = '') => group);
    const said = words(line.slice(from, only.at), ...groups);
    return said === undefined ? { end: only.end } : { end: only.end, words: said };
  };
}

/** A name without quotation marks, which may hold blanks, ends where a word ends. */
export const WORD_ENDS = /(?<=\S)/;

/** One text after another: the second may be missing. */
export function listedThen(first: Listed, second: Listed): Listed {
  return (line, at) => {
    const found = first(line, at);
    const more = found?.end === undefined ? undefined : second(line, found.end);
    if (!found || more?.end === undefined) return found;
    return { ...found, ...more, words: `${found.words ?? ''} ${more.words ?? ''}` };
  };
}

const atPlace = ({ source }: RegExp): RegExp => new RegExp(`[ \\t]*(?:${source})(?=\\s|$)`, 'y');

const wordsOf = (words: Words | undefined, groups: readonly string[]): string | undefined =>
  typeof words === 'function'
    ? words(...groups)
    : words?.replace(/\$(\d)/g, (_, number) => safely(groups[Number(number) - 1] ?? ''));

/** A value may hold what a word may not. */
const safely = (value: string): string => (/["'\\]/.test(value) ? quoted(value) : value);
