import { type AddressValue, formatAddress, formatPortRange, type PortRange, parseAddress } from '../address/index.ts';
import type { Codec, Option } from './extension.ts';
import { TCP_FLAGS } from './fields.ts';
import type { Negatable } from './rules.ts';
import { servicePort } from './service.ts';

/**
 * An unsigned number as C's strtoul takes it with base 0: decimal, `0x` hexadecimal, or octal after a leading zero
 * (`010` is 8). Undefined when the word is anything else or above `highest`.
 */
export function parseNumber(word: string, highest: number): number | undefined {
  if (word === '' || word.length > 20) return undefined;
  let base = 10;
  let at = 0;
  if (word.charCodeAt(0) === 48 && word.length > 1) {
    const hexadecimal = (word.charCodeAt(1) | 32) === 120;
    base = hexadecimal ? 16 : 8;
    at = hexadecimal ? 2 : 1;
    if (at === word.length) return undefined;
  }
  let value = 0;
  for (; at < word.length; at += 1) {
    const code = word.charCodeAt(at);
    const digit = code >= 48 && code <= 57 ? code - 48 : (code | 32) >= 97 ? (code | 32) - 87 : 99;
    if (digit >= base) return undefined;
    value = value * base + digit;
  }
  return value <= highest ? value : undefined;
}

/** A 32-bit number in decimal, octal or 0x hexadecimal, or undefined. */
export const parseUint32 = (word: string): number | undefined => parseNumber(word, 0xffff_ffff);

/** A port by number or by the name of a well-known service. */
export const parsePortWord = (word: string): number | undefined => parseNumber(word, 65535) ?? servicePort(word);

/** A port as the C library's resolver takes it: always in decimal (`010` is 10), or the name of a service. */
export function parseDecimalPort(word: string): number | undefined {
  if (word.charCodeAt(0) !== 48) return parseNumber(word, 65535) ?? servicePort(word);
  return /^\d+$/.test(word) ? parseNumber(word.replace(/^0+(?=\d)/, ''), 65535) : servicePort(word);
}

/** One port, or two with a colon between them, in the order in which they stand. */
const portsAs = (word: string, parse: typeof parsePortWord): PortRange | undefined => {
  const at = word.indexOf(':');
  const low = parse(at < 0 ? word : at === 0 ? '0' : word.slice(0, at));
  const high = at < 0 ? low : parse(at === word.length - 1 ? '65535' : word.slice(at + 1));
  return low === undefined || high === undefined ? undefined : [low, high];
};

const inOrder = (ports: PortRange | undefined): PortRange | undefined =>
  ports && ports[0] <= ports[1] ? ports : undefined;

/** `80`, `8000:8999`, `:1023`, `1024:`, `http`. Two ports of which the first is above the second are refused. */
export const portRange: Codec<PortRange> = {
  expected: 'a port from 0 to 65535, or a range like 8000:8999',
  read: (word) => inOrder(portsAs(word, parsePortWord)),
  print: (value) => formatPortRange(value),
};

/**
 * The same where the tools have the resolver read them: `010` is 10, nothing is hexadecimal, and the ends may stand the wrong
 * way round, with nothing between them.
 */
export const decimalPorts: Codec<PortRange> = {
  ...portRange,
  read: (word) => portsAs(word, parseDecimalPort),
};

/** Ports as REDIRECT and MASQUERADE take them: `15001` or `15001-15010`. */
export const targetPorts: Codec<PortRange> = {
  expected: 'a port from 0 to 65535, or a range like 8000-8999',
  read(word) {
    const at = word.indexOf('-', 1);
    if (at < 0) return range(word, word);
    // A service name may hold a dash itself (http-alt).
    return range(word.slice(0, at), word.slice(at + 1)) ?? range(word, word);
  },
  print: (value) => formatPortRange(value, '-'),
};

function range(first: string, last: string): PortRange | undefined {
  const low = parsePortWord(first);
  const high = first === last ? low : parsePortWord(last);
  return low === undefined || high === undefined || low > high ? undefined : [low, high];
}

/** A list of TCP flags as bits: `SYN,ACK`, `ALL`, `NONE`. */
export const tcpFlagNames = {
  expected: 'TCP flags: SYN ACK FIN RST URG PSH ALL NONE, separated by commas',
  read(word: string): number | undefined {
    let bits = 0;
    for (const name of word.toUpperCase().split(',')) {
      if (name === 'ALL') bits |= 0x3f;
      else if (Object.hasOwn(TCP_FLAGS, name)) bits |= TCP_FLAGS[name as keyof typeof TCP_FLAGS];
      else if (name !== 'NONE' && name !== '') return undefined;
    }
    return bits;
  },
  print(bits: number): string {
    const names = Object.entries(TCP_FLAGS).filter(([, bit]) => (bits & bit) !== 0);
    return names.length === 0 ? 'NONE' : names.map(([name]) => name).join(',');
  },
} satisfies Codec<number>;

/**
 * A list of names that stand for bits, in any case, separated by commas: `NEW,ESTABLISHED`; printed in table order. Where they may
 * be `cut`, the beginning of a name will do, and the first that begins so is meant: `NEW,EST`.
 */
export const bitNames = (what: string, bits: Readonly<Record<string, number>>, cut?: 'cut'): Codec<number> => ({
  expected: `${what}: ${Object.keys(bits).join(' ')}, separated by commas`,
  read(word) {
    let value = 0;
    for (const given of word.toUpperCase().split(',')) {
      const name = cut && given !== '' ? Object.keys(bits).find((known) => known.startsWith(given)) : given;
      if (name === undefined || !Object.hasOwn(bits, name)) return undefined;
      value |= bits[name] ?? 0;
    }
    return value;
  },
  print(value) {
    const names: string[] = [];
    for (const name in bits) if ((value & (bits[name] ?? 0)) !== 0) names.push(name);
    return names.join(',');
  },
});

/** A 32-bit value under a mask: `0x539`, `0x539/0xfff`. */
export interface MaskedMark {
  readonly value: number;
  readonly mask: number;
}

export const EVERY_BIT = 0xffff_ffff;

export const hexadecimal = (value: number): string => `0x${value.toString(16)}`;

/** Reads `VALUE[/MASK]`; without a mask every bit counts. */
export function parseMaskedMark(word: string): MaskedMark | undefined {
  const at = word.indexOf('/');
  const value = parseUint32(at < 0 ? word : word.slice(0, at));
  const mask = at < 0 ? EVERY_BIT : parseUint32(word.slice(at + 1));
  return value === undefined || mask === undefined ? undefined : { value, mask };
}

/** A mark to compare with: the mask is printed where it leaves bits out. */
export const maskedMark: Codec<MaskedMark> = {
  expected: 'a 32-bit number like 1337 or 0x539, with a mask after a slash if need be: 0x539/0xfff',
  read: parseMaskedMark,
  print: ({ value, mask }) => (mask === EVERY_BIT ? hexadecimal(value) : `${hexadecimal(value)}/${hexadecimal(mask)}`),
};

/** A 32-bit number that prints as hexadecimal. */
export const mask32: Codec<number> = {
  expected: 'a 32-bit number like 255 or 0xff',
  read: parseUint32,
  print: hexadecimal,
};

/** A number in decimal between two bounds. */
export const integer = (what: string, lowest: number, highest: number): Codec<number> => ({
  expected: `${what} from ${lowest} to ${highest}`,
  read(word) {
    const number = parseNumber(word, highest);
    return number === undefined || number < lowest ? undefined : number;
  },
  print: String,
});

/** Numbers from one to another, both inclusive. The tools take them the wrong way round too; then they hold nothing. */
export type NumberRange = readonly [low: number, high: number];

/** `5`, `5:9`, `:9`, `5:`. */
export const numberRange = (what: string, highest: number): Codec<NumberRange> => ({
  expected: `${what} from 0 to ${highest}, or a range of them like 5:9`,
  read(word) {
    const [from = '', to = from, ...more] = word.split(':');
    const open = word.includes(':');
    // An end that is left out is the lowest or the highest; nothing at all is 0 to the tools.
    const low = from === '' ? 0 : parseNumber(from, highest);
    const high = to === '' ? (open ? highest : 0) : parseNumber(to, highest);
    return low === undefined || high === undefined || more.length > 0 ? undefined : [low, high];
  },
  print: ([low, high]) => (low === high ? String(low) : `${low}:${high}`),
});

/** The same where the tools print nothing for a range that holds every number, be it negated (then nothing matches). */
export const silentWhenFull = (
  option: Option<Negatable<NumberRange>>,
  highest: number,
): Option<Negatable<NumberRange>> => ({
  ...option,
  print: (of, family) => (of.value[0] === 0 && of.value[1] === highest ? '' : option.print(of, family)),
});

/** A number of 64 bits, as the kernel counts packets and bytes. */
export const uint64: Codec<bigint> = {
  expected: 'a number from 0 to 18446744073709551615',
  read(word) {
    if (!/^(0x[0-9a-f]{1,16}|\d{1,22})$/i.test(word)) return undefined;
    const octal = /^0[0-7]+$/.test(word);
    if (!octal && /^0\d/.test(word)) return undefined;
    const number = BigInt(octal ? `0o${word}` : word);
    return number < 1n << 64n ? number : undefined;
  },
  print: String,
};

/** Any text of at least `shortest` characters; what is beyond `longest` bytes is lost, as the tools lose it. */
export const text = (shortest: number, longest: number): Codec<string> => ({
  expected: shortest > 0 ? 'a text that is not empty' : 'a text, in quotes where it holds blanks',
  read: (word) => (word.length < shortest ? undefined : cutToBytes(word, longest)),
  print: quoted,
});

/** The longest beginning that is no more than `limit` bytes of UTF-8 and ends between two characters. */
function cutToBytes(word: string, limit: number): string {
  if (word.length * 3 <= limit) return word;
  let bytes = 0;
  let end = 0;
  for (const char of word) {
    const code = char.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
    if (bytes > limit) return word.slice(0, end);
    end += char.length;
  }
  return word;
}

/**
 * A name as the tools print it where they never quote, whatever it holds. They cannot read all of that back: where they
 * cannot, it is quoted here.
 */
export const asWord = (name: string): string => (name === '' || /[\s"'\\]/.test(name) ? quoted(name) : name);

const PLAIN = /^[A-Za-z0-9_-]+$/;

/**
 * A string that the kernel's tools quote when it holds anything but letters, digits, `_` and `-`.
 * Source: xtables_save_string in iptables' libxtables.
 */
export function quoted(text: string): string {
  return PLAIN.test(text) ? text : `"${text.replace(/["\\']/g, (char) => `\\${char}`)}"`;
}

/** A name of `longest` bytes at most; what is beyond them is lost. The tools print it without quotes. */
export const plainName = (what: string, longest: number): Codec<string> => ({
  expected: what,
  read: (word) => (word === '' ? undefined : cutToBytes(word, longest)),
  print: asWord,
});

/** One of several names, in any case; printed as the list has it. */
export const oneOf = <const Name extends string>(what: string, names: readonly Name[]): Codec<Name> => ({
  expected: `${what}: ${names.join(' ')}`,
  read: (word) => names.find((name) => name.toLowerCase() === word.toLowerCase()),
  print: (name) => name,
});

/** An address of the rule's family. */
export const hostAddress: Codec<AddressValue> = {
  expected: 'an address of the rule set’s family',
  read(word, family) {
    const given = parseAddress(word);
    return given?.family === family ? given.value : undefined;
  },
  print: (of, family) => formatAddress(family, of),
};

/**
 * A number as strtod(3) reads it; undefined where the word is none.
 *
 * @example floating('0x.8p-1') // 0.25
 */
export function floating(word: string): number | undefined {
  if (/^\+?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(word)) return Number(word);
  const [, whole = '', part = '', power = '0'] = /^\+?0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i.exec(word) ?? [];
  if (whole + part === '') return undefined;
  return Number.parseInt(whole + part, 16) * 2 ** (Number(power) - 4 * part.length);
}
