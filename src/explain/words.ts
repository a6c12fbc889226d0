import {
  type AddressValue,
  type Family,
  formatAddress,
  formatPrefix,
  type PortRange,
  type Prefix,
} from '../address/index.ts';

/** `a`, `a and b`, `a, b and c`. */
export const listed = (parts: readonly string[], last: 'and' | 'or' = 'and'): string =>
  parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} ${last} ${parts.at(-1)}`;

/** `1 rule`, `3 rules`. */
export const count = (number: number, noun: string, plural = `${noun}s`): string =>
  `${number} ${number === 1 ? noun : plural}`;

/** `:8080`, `:8000–8999`. */
export const portWord = ([low, high]: PortRange): string => (low === high ? `:${low}` : `:${low}–${high}`);

/** `10.0.0.5:8888`, `[2001:db8::5]:8888`; a part that is not known is left out. */
export function endpoint(family: Family, address: AddressValue | undefined, port?: number): string {
  const host = address === undefined ? '' : formatAddress(family, address);
  if (port === undefined) return host;
  return family === 'ipv6' && host !== '' ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A prefix as people write it: an address alone without its length. */
export function prefixWord(prefix: Prefix): string {
  const text = formatPrefix(prefix);
  return text.replace(prefix.family === 'ipv4' ? /\/32$/ : /\/128$/, '');
}

export const familyWord = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

/** What well-known ports of meshes and services are for. Sources: IANA's registry; Istio's and Linkerd's port tables. */
const PURPOSE: ReadonlyMap<number, string> = new Map([
  [22, 'ssh'],
  [53, 'dns'],
  [80, 'http'],
  [443, 'https'],
  [3306, 'mysql'],
  [4140, 'Linkerd outbound'],
  [4143, 'Linkerd inbound'],
  [4190, 'Linkerd policy'],
  [4191, 'Linkerd admin'],
  [5432, 'postgresql'],
  [6379, 'redis'],
  [8080, 'http-alt'],
  [9090, 'prometheus'],
  [9411, 'zipkin'],
  [15000, 'Envoy admin'],
  [15001, 'Envoy outbound'],
  [15006, 'Envoy inbound'],
  [15008, 'HBONE tunnel'],
  [15020, 'Istio merged status'],
  [15021, 'Istio readiness'],
  [15053, 'Istio DNS'],
  [15090, 'Envoy metrics'],
]);

/** What a port is known for, or undefined. */
export const purposeOf = (port: number): string | undefined => PURPOSE.get(port);

/** `12 min`, `3 h`, `45 s`: the two largest units of a span of seconds, rounded down. */
export function duration(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [unit, size] of units.slice(first, first + 2)) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.join(' ');
}

/** `19:30 UTC` today, `2026-03-01 19:30 UTC` on another day. Seconds since 1970. */
export function clock(time: number, now: number): string {
  const iso = new Date(time * 1000).toISOString();
  const minute = iso.slice(11, iso.slice(17, 19) === '00' ? 16 : 19);
  const today = new Date(now * 1000).toISOString().slice(0, 10);
  return iso.startsWith(today) ? `${minute} UTC` : `${iso.slice(0, 10)} ${minute} UTC`;
}

/** A word as a shell reads it back. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
