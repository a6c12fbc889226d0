import type { NftExpression } from '../../netfilter/index.ts';
import { given } from '../given.ts';
import { CT_KEYS, EXTENSION_HEADERS, headerFields, META_KEYS, mayBeBareMeta } from './datatype.ts';
import { readSubject } from './read-expression.ts';
import { readOption } from './read-option.ts';
import { expect, expectNumber, peek, peekSecond, type Scanner, take, takeIf, unexpected } from './tokens.ts';
import { unknownWord } from './unknown.ts';

/** Words that begin an expression whatever follows them. */
const LEADS: Readonly<Record<string, (scanner: Scanner) => NftExpression>> = {
  meta: readMeta,
  ct: readCt,
  rt: readRouting,
  fib: readFib,
  socket: readSocket,
  osf: readOsf,
  ipsec: readIpsec,
  numgen: readNumgen,
  jhash: readJhash,
  symhash: (scanner) => {
    take(scanner);
    return { kind: 'symhash', ...readModulus(scanner) };
  },
  exthdr: (scanner) => {
    take(scanner);
    return { kind: 'exthdr', name: readOneOf(scanner, 'exthdr ', Object.keys(EXTENSION_HEADERS)) };
  },
};

const OPTIONS: Readonly<Record<string, string>> = { tcp: 'option', ip: 'option', sctp: 'chunk', dccp: 'option' };

/**
 * Whether an expression that reads something begins here, and not a constant of the same name: `tcp dport`, not the
 * protocol tcp. Where only an expression can stand (`surely`), a protocol is enough.
 */
export function startsLead(scanner: Scanner, surely: boolean): boolean {
  const { kind, text } = peek(scanner);
  if (kind !== 'word') return false;
  if (Object.hasOwn(LEADS, text) || mayBeBareMeta(text) || isRaw(text)) return true;
  const fields = headerFields(text) ?? (Object.hasOwn(EXTENSION_HEADERS, text) ? EXTENSION_HEADERS[text] : undefined);
  if (!fields) return false;
  if (surely) return true;
  const second = peekSecond(scanner);
  const field = second.text.replace(/\[\d+\]$/, '');
  return second.kind === 'word' && (fields.includes(field) || OPTIONS[text] === field);
}

const isRaw = (text: string): boolean => /^@(?:ll|nh|th|ih)$/.test(text);

/** Reads an expression that `startsLead` found. */
export function readLead(scanner: Scanner): NftExpression {
  const { text } = peek(scanner);
  if (isRaw(text)) return readRaw(scanner);
  if (mayBeBareMeta(text) && !(text === 'ipsec' && isDirection(peekSecond(scanner).text))) return readMetaKey(scanner);
  const lead = Object.hasOwn(LEADS, text) ? LEADS[text] : undefined;
  if (lead) return lead(scanner);
  if (OPTIONS[text] === peekSecond(scanner).text) return readOption(scanner);
  if (Object.hasOwn(EXTENSION_HEADERS, text)) return readExtensionHeader(scanner);
  const fields = headerFields(text);
  if (!fields) throw unknownWord(scanner, '', [...Object.keys(LEADS), ...PROTOCOLS]);
  take(scanner);
  return { kind: 'payload', protocol: text, field: readOneOf(scanner, `${text} `, fields) };
}

const PROTOCOLS = 'ether vlan ip ip6 icmp icmpv6 igmp tcp udp udplite sctp dccp th ah esp comp'.split(' ');
/** Every word that an expression may begin with. */
export const LEAD_WORDS: readonly string[] = [...Object.keys(LEADS), ...PROTOCOLS, ...Object.keys(EXTENSION_HEADERS)];

const isDirection = (text: string): boolean => text === 'in' || text === 'out';

/** Takes one of these words; another one is a misspelling, or unknown. */
function readOneOf(scanner: Scanner, before: string, known: readonly string[]): string {
  const { kind, text } = peek(scanner);
  if (kind !== 'word') throw unexpected(scanner, `one of ${known.join(', ')}`);
  if (!known.includes(text)) throw unknownWord(scanner, before, known);
  return take(scanner).text;
}

function readMeta(scanner: Scanner): NftExpression {
  take(scanner);
  return readMetaKey(scanner);
}

function readMetaKey(scanner: Scanner): NftExpression {
  if (takeIf(scanner, 'secpath')) return { kind: 'meta', key: 'ipsec' };
  return { kind: 'meta', key: readOneOf(scanner, 'meta ', META_KEYS) };
}

function readRaw(scanner: Scanner): NftExpression {
  const base = take(scanner).text.slice(1) as 'll' | 'nh' | 'th' | 'ih';
  expect(scanner, ',');
  const offset = expectNumber(scanner, 'an offset in bits');
  expect(scanner, ',');
  return { kind: 'raw', base, offset, length: expectNumber(scanner, 'a length in bits') };
}

function readFamily(scanner: Scanner): { readonly family?: 'ip' | 'ip6' } {
  if (takeIf(scanner, 'ip')) return { family: 'ip' };
  return takeIf(scanner, 'ip6') ? { family: 'ip6' } : {};
}

function readDirection(scanner: Scanner): 'original' | 'reply' | undefined {
  if (takeIf(scanner, 'original')) return 'original';
  return takeIf(scanner, 'reply') ? 'reply' : undefined;
}

function readCt(scanner: Scanner): NftExpression {
  take(scanner);
  const direction = readDirection(scanner);
  const family = readFamily(scanner);
  return { kind: 'ct', key: readOneOf(scanner, 'ct ', CT_KEYS), ...family, ...given('direction', direction) };
}

const RT_KEYS = ['classid', 'nexthop', 'mtu', 'ipsec'];

/** `rt` is what routing found, or the IPv6 routing header. */
function readRouting(scanner: Scanner): NftExpression {
  if (EXTENSION_HEADERS.rt?.includes(peekSecond(scanner).text)) return readExtensionHeader(scanner);
  take(scanner);
  const family = readFamily(scanner);
  return { kind: 'rt', key: readOneOf(scanner, 'rt ', RT_KEYS), ...family };
}

function readExtensionHeader(scanner: Scanner): NftExpression {
  const name = take(scanner).text;
  const known = EXTENSION_HEADERS[name] ?? [];
  const { text } = peek(scanner);
  const field = text.replace(/\[\d+\]$/, '');
  if (!known.includes(field)) throw unknownWord(scanner, `${name} `, known);
  take(scanner);
  return { kind: 'exthdr', name, field: text };
}

const FIB_FLAGS: readonly string[] = ['saddr', 'daddr', 'mark', 'iif', 'oif'];

function readFib(scanner: Scanner): NftExpression {
  take(scanner);
  const flags = [readOneOf(scanner, 'fib ', FIB_FLAGS)];
  while (takeIf(scanner, '.')) flags.push(readOneOf(scanner, 'fib ', FIB_FLAGS));
  const result = readOneOf(scanner, 'fib ', ['oif', 'oifname', 'type', 'check']);
  return { kind: 'fib', result: result as 'oif' | 'oifname' | 'type' | 'check', flags };
}

function readSocket(scanner: Scanner): NftExpression {
  take(scanner);
  const key = readOneOf(scanner, 'socket ', ['transparent', 'mark', 'wildcard', 'cgroupv2']);
  if (key !== 'cgroupv2') return { kind: 'socket', key };
  expect(scanner, 'level');
  return { kind: 'socket', key, level: expectNumber(scanner, 'a level') };
}

function readOsf(scanner: Scanner): NftExpression {
  take(scanner);
  const ttl = takeIf(scanner, 'ttl') ? readOneOf(scanner, 'osf ttl ', ['loose', 'skip']) : undefined;
  return { kind: 'osf', key: readOneOf(scanner, 'osf ', ['name', 'version']), ...given('ttl', ttl) };
}

function readIpsec(scanner: Scanner): NftExpression {
  take(scanner);
  const direction = readOneOf(scanner, 'ipsec ', ['in', 'out']);
  const number = takeIf(scanner, 'spnum') ? expectNumber(scanner, 'a number') : 0;
  const family = readFamily(scanner);
  return {
    kind: 'ipsec',
    key: readOneOf(scanner, 'ipsec ', ['reqid', 'spi', 'saddr', 'daddr']),
    direction,
    ...family,
    number,
  };
}

function readNumgen(scanner: Scanner): NftExpression {
  take(scanner);
  const mode = readOneOf(scanner, 'numgen ', ['inc', 'random']);
  return { kind: 'numgen', mode: mode as 'inc' | 'random', ...readModulus(scanner) };
}

function readModulus(scanner: Scanner): { readonly modulus: number; readonly offset: number } {
  expect(scanner, 'mod');
  const modulus = expectNumber(scanner, 'a number');
  return { modulus, offset: takeIf(scanner, 'offset') ? expectNumber(scanner, 'a number') : 0 };
}

function readJhash(scanner: Scanner): NftExpression {
  take(scanner);
  scanner.depth += 1;
  if (scanner.depth > 30) throw unexpected(scanner, 'something simpler');
  const expression = readSubject(scanner);
  scanner.depth -= 1;
  expect(scanner, 'mod');
  const modulus = expectNumber(scanner, 'a number');
  const seed = takeIf(scanner, 'seed') ? expectNumber(scanner, 'a number') : undefined;
  const offset = takeIf(scanner, 'offset') ? expectNumber(scanner, 'a number') : 0;
  return { kind: 'jhash', expression, modulus, offset, ...given('seed', seed) };
}
