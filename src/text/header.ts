import {
  type AddressValue,
  type Family,
  formatPrefix,
  hostPrefix,
  maskOf,
  type Prefix,
  parseAddress,
  parseIpv4,
  parsePrefix,
} from '../address/index.ts';
import { type Header, isBuiltIn, protocolName, protocolNumber, type TableName } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import type { Cursor } from './words.ts';

/** Source: IFNAMSIZ in linux/if.h, less the closing NUL. */
const LONGEST_INTERFACE = 15;

const titleOf = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** Reads the address after `-s` or `-d`; a list where there are several, separated by commas. */
export function readPrefixes({ word, start, stop }: Cursor, family: Family): Prefix | Prefix[] {
  if (!word.includes(',')) return readPrefix(word, family, start, stop - start);
  const prefixes: Prefix[] = [];
  let at = start;
  for (const part of word.split(',')) {
    prefixes.push(readPrefix(part, family, at, part.length));
    at += part.length + 1;
  }
  return prefixes;
}

/**
 * Moves on over a blank and `10.0.0.0/8`, the form that iptables-save writes, if that is what comes next. Read where it stands
 * and in one go: a large rule set holds hundreds of thousands of them.
 */
export function plainPrefix(cursor: Cursor): Prefix | undefined {
  const { text, at, end } = cursor;
  if (text.charCodeAt(at) !== 32) return undefined;
  let value = 0;
  let number = 0;
  let digits = 0;
  let dots = 0;
  let slash = false;
  let stop = at + 1;
  for (; stop < end; stop += 1) {
    const code = text.charCodeAt(stop);
    if (code >= 48 && code <= 57) {
      // A leading zero would be octal to some.
      if (digits > 0 && number === 0) return undefined;
      number = number * 10 + code - 48;
      digits += 1;
      continue;
    }
    if (code === 32) break;
    if (digits === 0 || number > 255 || slash || (code === 46) === (dots === 3)) return undefined;
    if (code !== 46 && code !== 47) return undefined;
    value = (value << 8) | number;
    if (code === 46) dots += 1;
    else slash = true;
    number = 0;
    digits = 0;
  }
  const mask = slash && digits > 0 && number <= 32 ? MASKS[number] : undefined;
  if (typeof mask !== 'number') return undefined;
  cursor.start = at + 1;
  cursor.stop = stop;
  cursor.at = stop;
  return { family: 'ipv4', value: (value & mask) >>> 0, mask };
}

/**
 * The masks of IPv4 by their length, and one of IPv6: where a field or a list has held something else than numbers, V8 keeps
 * references in it, and one mask serves all its prefixes; else each has a copy.
 */
const MASKS: readonly AddressValue[] = [
  ...Array.from({ length: 33 }, (_, length) => maskOf('ipv4', length)),
  hostPrefix('ipv6', 0n).mask,
];

function readPrefix(word: string, family: Family, at: number, length: number): Prefix {
  const prefix = parsePrefix(word) ?? (family === 'ipv4' ? shortPrefix(word) : undefined) ?? named(word, family);
  if (prefix?.family === family) return prefix;
  if (prefix)
    throw new Fault(
      at,
      length,
      `${word} is an ${titleOf(prefix.family)} address`,
      `These are read as ${titleOf(family)} rules: --family, a line before or the first address says so. Text of both families needs a line "# family ${prefix.family}" before the other part.`,
    );
  const [host = '', mask] = word.split('/');
  if (/^0\d|\.0\d/.test(host))
    throw new Fault(
      at,
      length,
      `${word} is ambiguous`,
      'The tools read a number with a leading zero as octal: leave the zero out.',
    );
  if (mask !== undefined && parseAddress(host))
    throw new Fault(
      at,
      length,
      `/${mask} is no prefix length and no mask`,
      'Expected a length like /24 or a mask like /255.255.255.0.',
    );
  throw new Fault(
    at,
    length,
    `${word === '' ? 'an empty word' : word} is not an address`,
    `Expected an ${titleOf(family)} address like ${family === 'ipv4' ? '10.0.0.0/8' : '2001:db8::/32'}; names of hosts are not looked up.`,
  );
}

/** Names that mean the same everywhere: localhost, and any name under a mask of no bits (`any/0`), which is not looked up. */
function named(word: string, family: Family): Prefix | undefined {
  if (word === 'localhost') return hostPrefix(family, family === 'ipv4' ? 0x7f00_0001 : 1n);
  const every = /^[a-z][\w.-]*(\/.+)$/i.exec(word)?.[1];
  const prefix = every && parsePrefix(`${family === 'ipv4' ? '0.0.0.0' : '::'}${every}`);
  return prefix && BigInt(prefix.mask) === 0n ? prefix : undefined;
}

/** `10/8` and `10.1` are networks to the tools: what is left out is 0. */
function shortPrefix(word: string): Prefix | undefined {
  const [host = '', length] = word.split('/');
  if (!/^\d{1,3}(\.\d{1,3}){0,2}$/.test(host)) return undefined;
  const missing = 3 - (host.match(/\./g)?.length ?? 0);
  const value = parseIpv4(host + '.0'.repeat(missing));
  if (value === undefined) return undefined;
  if (length !== undefined) return parsePrefix(`${host}${'.0'.repeat(missing)}/${length}`);
  return hostPrefix('ipv4', value);
}

/** Reads the interface after `-i` or `-o`. `+` alone is every interface and is not kept unless it is negated. */
export function readInterface(
  { word, start, stop }: Cursor,
  option: '-i' | '-o',
  place: { readonly table: TableName; readonly chain: string | undefined },
): string {
  const { chain } = place;
  const wrong = option === '-i' ? WITHOUT_IN : WITHOUT_OUT;
  if (chain !== undefined && wrong.includes(chain) && isBuiltIn(place.table, chain))
    throw new Fault(
      start,
      stop - start,
      `${option} cannot stand in ${chain}`,
      option === '-i'
        ? `A packet in ${chain} came in by no interface: use -o.`
        : `A packet in ${chain} has no outgoing interface yet: use -i.`,
    );
  if (word === '')
    throw new Fault(
      start,
      stop - start,
      'an empty interface name',
      'Expected a name like eth0, or eth+ for all that begin so.',
    );
  if (word.length > LONGEST_INTERFACE)
    throw new Fault(
      start,
      stop - start,
      `the interface name ${word} is too long`,
      `The kernel knows no name of more than ${LONGEST_INTERFACE} characters.`,
    );
  // The tools only warn of these; but no interface can have such a name, and a save would not read back.
  if (/[\s"/]/.test(word))
    throw new Fault(
      start,
      stop - start,
      'an interface name holds no blank, quote or slash',
      'Expected a name like eth0, or eth+ for all that begin so.',
    );
  return word;
}

const WITHOUT_IN: readonly string[] = ['OUTPUT', 'POSTROUTING'];
const WITHOUT_OUT: readonly string[] = ['PREROUTING', 'INPUT'];

/** Reads the protocol after `-p`; 0 is all of them and is not kept. */
export function readProtocol({ word, start, stop }: Cursor, negated: boolean): number {
  const protocol = protocolNumber(word) ?? otherBase(word);
  if (protocol === undefined)
    throw new Fault(
      start,
      stop - start,
      `unknown protocol ${word}`,
      word.toLowerCase() === 'mptcp'
        ? 'Packets of MPTCP are TCP: write -p tcp. iptables-nft takes this for tcp; the legacy back end takes it for protocol 262, which no packet has.'
        : 'Expected a name like tcp, udp or icmp, or a number from 0 to 255.',
    );
  if (protocol === 0 && negated)
    throw new Fault(start, stop - start, 'a rule for no protocol would never match', '"! -p all" leaves nothing over.');
  return protocol;
}

const otherBase = (word: string): number | undefined =>
  /^0x[0-9a-f]{1,2}$/i.test(word)
    ? Number(word)
    : /^0[0-7]{1,3}$/.test(word)
      ? Number.parseInt(word, 8) & 0xff
      : undefined;

/** The header as iptables-save writes it, each option with a blank before it. Source: save_ipv4_addr and its like. */
export function printHeader({ source, destination, in: inName, out: outName, protocol, fragment }: Header): string {
  let text = '';
  if (source) text += `${source.negated ? ' ! -s ' : ' -s '}${formatPrefix(source.value)}`;
  if (destination) text += `${destination.negated ? ' ! -d ' : ' -d '}${formatPrefix(destination.value)}`;
  if (inName) text += `${inName.negated ? ' ! -i ' : ' -i '}${inName.value}`;
  if (outName) text += `${outName.negated ? ' ! -o ' : ' -o '}${outName.value}`;
  if (protocol) text += `${protocol.negated ? ' ! -p ' : ' -p '}${protocolName(protocol.value)}`;
  if (fragment) text += fragment.negated ? ' ! -f' : ' -f';
  return text;
}

/** A prefix that holds every address is left out, as the kernel keeps no trace of it. */
export const holdsAll = ({ mask }: Prefix): boolean => mask === 0 || mask === 0n;
