import { integer, oneOf } from '../codec.ts';
import { type Codec, flag, type MatchExtension, negatable, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface StringOptions {
  /** The bytes to look for, one character each. */
  readonly pattern?: Negatable<string>;
  readonly algorithm?: 'bm' | 'kmp';
  /** Where the search begins and ends, in bytes from the head of the packet. */
  readonly from?: number;
  readonly to?: number;
  readonly ignoreCase?: true;
}

/** Source: XT_STRING_MAX_PATTERN_SIZE in xt_string.h. */
const LONGEST = 128;
const END = 65_535;

/** A text as the bytes of its UTF-8. */
function bytesOf(text: string): string {
  // Half a surrogate pair has no bytes of its own.
  const escaped = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
  return escaped.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Text with bytes in hexadecimal between two bars, `|0d 0a|`; a backslash takes the next character as it is. */
function readHex(word: string): string | undefined {
  let bytes = '';
  const text = bytesOf(word);
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\' && at + 1 < text.length) {
      at += 1;
      bytes += text.charAt(at);
    } else if (char === '|') {
      const close = text.indexOf('|', at + 1);
      const digits = close < 0 ? '' : text.slice(at + 1, close).replaceAll(' ', '');
      if (!/^([0-9a-f]{2})+$/i.test(digits)) return undefined;
      bytes += digits.replace(/../g, (hex) => String.fromCharCode(Number.parseInt(hex, 16)));
      at = close;
    } else bytes += char;
  }
  return bytes;
}

const limited = (bytes: string | undefined): string | undefined =>
  bytes === undefined || bytes === '' || bytes.length > LONGEST ? undefined : bytes;

/** What is not plain text, or ends in a backslash, prints in hexadecimal. Source: libxt_string.c, is_hex_string. */
const isPlain = (bytes: string): boolean => /^[\x20-\x7e]*$/.test(bytes) && !bytes.endsWith('\\');

const hexOf = (bytes: string): string =>
  [...bytes].map((char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');

const pattern: Codec<string> = {
  expected: `a text of ${LONGEST} bytes at most, in quotes where it holds blanks`,
  read: (word) => limited(bytesOf(word)),
  print: (bytes) => (isPlain(bytes) ? `"${bytes.replace(/["\\]/g, '\\$&')}"` : `"|${hexOf(bytes)}|"`),
};

const texts = {
  ...negatable(['--string'], pattern),
  print: ({ value: bytes, negated }: Negatable<string>): string =>
    `${negated ? '! ' : ''}${isPlain(bytes) ? '--string' : '--hex-string'} ${pattern.print(bytes, 'ipv4')}`,
};

const hexadecimal = negatable(['--hex-string'], {
  ...pattern,
  expected: 'a text with bytes in hexadecimal between bars: "GET|0d0a|"',
  read: (word) => limited(readHex(word)),
});

/** Bytes that a listing shows in hexadecimal are shown as a text of bars and digits is. */
const isBytesOrText = (words: string): boolean => /^\|([\da-f]{2})+\|$/.test(words) && !isPlain(readHex(words) ?? '');

/** `-m string`. Source: iptables-extensions(8), string; libxt_string.c; net/netfilter/xt_string.c. */
export const string: MatchExtension<StringOptions> = {
  name: 'string',
  options: {
    pattern: [texts, hexadecimal],
    algorithm: value(['--algo'], { ...oneOf('an algorithm', ['bm', 'kmp']), read: (word) => algorithm(word) }),
    from: value(['--from'], integer('an offset', 0, END)),
    to: value(['--to'], integer('an offset', 0, END)),
    ignoreCase: flag('--icase'),
  },
  listed: listed([
    /STRING match +(! ?)?"((?:[^"\\]|\\.)*)" ALGO name (\w+)(?: FROM (\d+))?(?: TO (\d+))?(?: (ICASE))?/,
    (bang, words, by, from, to, ignoreCase) =>
      isBytesOrText(words)
        ? undefined
        : [
            `${bang} --string "${words}" --algo ${by}`,
            from && `--from ${from}`,
            to && `--to ${to}`,
            ignoreCase && '--icase',
          ].join(' '),
    (_bang, words) =>
      isBytesOrText(words)
        ? `the listing does not tell the bytes of "${words}" from a text with bars in it`
        : undefined,
  ]),
  required: ['algorithm', 'pattern'],
  refuse: ({ from = 0, to = END }) => (from > to ? '--from is beyond --to' : undefined),
  complete({ from, to, ...rest }) {
    const { pattern: of, algorithm: by, ignoreCase } = rest;
    return {
      ...(of ? { pattern: of } : {}),
      ...(by ? { algorithm: by } : {}),
      ...(from ? { from } : {}),
      ...(to === undefined || to === END ? {} : { to }),
      ...(ignoreCase ? { ignoreCase } : {}),
    };
  },
  predicate: () => unknown('what the packet carries is not known'),
};

const algorithm = (word: string): 'bm' | 'kmp' | undefined => (word === 'bm' || word === 'kmp' ? word : undefined);
