import type { Family } from '../address/index.ts';
import { parsePort, parsePrefix } from '../address/index.ts';
import type { TableName } from '../netfilter/index.ts';
import { InputRefused, parseRule } from '../text/index.ts';

/** What one word of a list may be: whether it is, and what a reader would have accepted. */
export interface Kind {
  readonly expected: string;
  accepts(word: string): boolean;
  /** The likely cause of a word that is not one. */
  cause?(word: string): string | undefined;
}

/** A shell puts the names of files in the place of a * that stands in no quotes. */
export const QUOTES = "Where a * was typed, it needs quotes ('*'): the shell has put the names of files in its place.";

/** A port, a range of them, or a service name, as `--dport` of tcp takes it. */
export const PORTS: Kind = {
  expected: 'a port from 0 to 65535, a range like 8000:8999, or the name of a service',
  accepts: (word) => isWord(word) && isRule(`-p tcp --dport ${word}`),
  cause: (word) =>
    /^0\d+$/.test(word)
      ? 'A number that begins with 0 is read as octal.'
      : /^\d+$/.test(word)
        ? 'The highest port is 65535.'
        : /^\d+-\d+$/.test(word)
          ? 'A range of ports is written with a colon.'
          : /^\d+:\d+$/.test(word)
            ? 'A range goes from the lower port to the higher.'
            : word === '*'
              ? 'The * for all ports stands alone.'
              : /^[a-z]/i.test(word)
                ? `No service is called so. ${QUOTES}`
                : undefined,
};

/** A port that something listens on. */
export const PORT: Kind = {
  expected: 'a port from 1 to 65535',
  accepts: (word) => (parsePort(word) ?? 0) > 0,
  cause: (word) => (/^\d+$/.test(word) && Number(word) > 65535 ? 'The highest port is 65535.' : undefined),
};

/** A uid or gid, or a range of them, as `-m owner` takes it. The highest number means "none". */
export const OWNERS: Kind = {
  expected: 'a number from 0 to 4294967294, or a range like 1000-1999',
  // A name would be looked up in a table of few names: those of the machine are looked up before.
  accepts: (word) => /^\d[\da-fx-]*$/i.test(word) && isRule(`-m owner --uid-owner ${word}`),
  cause: (word) => (/^[a-z_]/i.test(word) ? 'There is no such name on this system.' : undefined),
};

/** An interface, or all whose names begin so. Source: iptables(8), -i. */
export const INTERFACES: Kind = {
  expected: 'the name of an interface of at most 15 characters, or its beginning and a +',
  accepts: (word) => word !== '+' && /^[^\s/!"'\\\u0000-\u001f\u007f-][^\s/"'\\\u0000-\u001f\u007f]{0,14}$/.test(word),
  cause: (word) =>
    word === '+'
      ? 'A + alone is every interface: nothing would be intercepted.'
      : word.length > 15
        ? 'The kernel has no longer names.'
        : undefined,
};

export const PREFIXES: Kind = {
  expected: 'a network like 10.0.0.0/8 or fd00::/8',
  accepts: (word) => parsePrefix(word) !== undefined,
  cause: (word) =>
    word === '*' ? 'The * for all destinations stands alone.' : /[g-z]/i.test(word) ? QUOTES : undefined,
};

export const ADDRESSES: Kind = {
  expected: 'an address',
  accepts: (word) => !word.includes('/') && parsePrefix(word) !== undefined,
};

/** Nothing that could end the word, or begin another. */
const isWord = (word: string): boolean => /^[a-z0-9_:][a-z0-9_+.:-]*$/i.test(word);

const isRule = (words: string, where: { family: Family; table: TableName } = { family: 'ipv4', table: 'nat' }) => {
  try {
    parseRule(words, where);
    return true;
  } catch (error) {
    if (error instanceof InputRefused) return false;
    throw error;
  }
};
