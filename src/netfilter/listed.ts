import { quoted } from './codec.ts';

/**
 * How `iptables -L` words an extension: given a line and a place in it, where the extension's text ends and the options of
 * iptables-save that say the same. Undefined: what stands there is not this extension's.
 */
export type Listed = (line: string, at: number) => { readonly end: number; readonly words: string } | undefined;

/**
 * One part of that text, and its options: `$1` is a group of the pattern, quoted where need be, nothing where it took no
 * part. A part ends at a blank or at the end of the line.
 */
export type ListedPart = readonly [pattern: RegExp, words: string | ((...groups: string[]) => string)];

/**
 * Parts in the order in which the tools print them, each of which may be missing; at least one is there.
 *
 * @example listed([/redir ports (\S+)/, '--to-ports $1'], [/random/, '--random'])
 */
export function listed(...parts: readonly ListedPart[]): Listed {
  const readers = parts.map(([pattern, words]) => ({ pattern: atPlace(pattern), words }));
  return (line, at) => {
    const found: string[] = [];
    let end = at;
    for (const { pattern, words } of readers) {
      pattern.lastIndex = end;
      const match = pattern.exec(line);
      if (!match) continue;
      found.push(wordsOf(words, match.slice(1)));
      end = pattern.lastIndex;
    }
    return found.length === 0 ? undefined : { end, words: found.join(' ') };
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

const atPlace = ({ source }: RegExp): RegExp => new RegExp(`[ \\t]*(?:${source})(?=\\s|$)`, 'y');

const wordsOf = (words: ListedPart[1], groups: readonly (string | undefined)[]): string =>
  typeof words === 'function'
    ? words(...groups.map((group = '') => group))
    : words.replace(/\$(\d)/g, (_, number) => safely(groups[Number(number) - 1] ?? ''));

/** A value may hold what a word may not. */
const safely = (value: string): string => (/["'\\]/.test(value) ? quoted(value) : value);
