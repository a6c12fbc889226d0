import { type AddressValue, type Family, highest, lengthOf, parseAddress, parsePrefix } from '../address/index.ts';
import {
  type Dimension,
  ICMP,
  ICMPV6,
  icmpType,
  macAddress,
  parsePortWord,
  parseUint32,
  protocolNumber,
  type SetPart,
  TCP,
} from '../netfilter/index.ts';

/** What a dimension of an element has to look like, for a diagnostic. */
export const EXPECTED: Readonly<Record<Dimension, string>> = {
  ip: 'an address of the set’s family, or a range of them like 10.0.0.5-10.0.0.9',
  net: 'a network of the set’s family, like 10.0.0.0/8',
  port: 'a port or a range of them, with its protocol: 80, tcp:80-90, udp:53, icmp:echo-request, vrrp:0',
  mac: 'a MAC address like 00:11:22:33:44:55',
  mark: 'a mark like 0x539',
  iface: 'the name of an interface',
  set: 'the name of a set',
};

/**
 * Reads one dimension of an element as `ipset save` writes it and `ipset restore` takes it. Several parts where a range of
 * addresses is several networks; undefined where the word is not of that form.
 *
 * @example readPart('port', 'udp:53', 'ipv4', false) // [{ kind: 'ports', protocol: 17, range: [53, 53] }]
 */
export function readPart(
  dimension: Dimension,
  word: string,
  family: Family | undefined,
  wildcard: boolean,
): readonly SetPart[] | undefined {
  switch (dimension) {
    case 'ip': {
      const range = family && addresses(word, family);
      return range && [{ kind: 'addresses', range }];
    }
    case 'net':
      return family && networks(word, family);
    case 'port': {
      const part = family ? portsOf(word, family) : barePorts(word);
      return part && [part];
    }
    case 'mac': {
      const value = macAddress.read(word, 'ipv4');
      return value === undefined ? undefined : [{ kind: 'mac', value }];
    }
    case 'mark': {
      const value = parseUint32(word);
      return value === undefined ? undefined : [{ kind: 'mark', value }];
    }
    case 'iface':
      return interfaceOf(word, wildcard);
    case 'set':
      return word === '' ? undefined : [{ kind: 'set', name: word }];
  }
}

/** An address, a range, or a network of hosts. */
export function addresses(word: string, family: Family): readonly [AddressValue, AddressValue] | undefined {
  if (word.includes('/')) {
    const prefix = parsePrefix(word);
    if (prefix?.family !== family) return undefined;
    return [prefix.value, lastOf(prefix.value, prefix.mask, family)];
  }
  const [from = '', to = from, ...more] = word.split('-');
  const first = parseAddress(from);
  const last = parseAddress(to);
  if (first?.family !== family || last?.family !== family || more.length > 0) return undefined;
  return first.value <= last.value ? [first.value, last.value] : [last.value, first.value];
}

function lastOf(value: AddressValue, mask: AddressValue, family: Family): AddressValue {
  if (family === 'ipv4') return (Number(value) | ~Number(mask)) >>> 0;
  return BigInt(value) | (BigInt(highest('ipv6')) ^ BigInt(mask));
}

function networks(word: string, family: Family): SetPart[] | undefined {
  const range = addresses(word, family);
  if (!range) return undefined;
  const width = family === 'ipv4' ? 32 : 128;
  if (!word.includes('-')) {
    const prefix = parsePrefix(word);
    const length = prefix && lengthOf(family, prefix.mask);
    return length === undefined ? undefined : [{ kind: 'addresses', range, length }];
  }
  const parts: SetPart[] = [];
  let from = BigInt(range[0]);
  const to = BigInt(range[1]);
  while (from <= to) {
    let size = 1n;
    let length = width;
    // The largest network that begins here and does not reach beyond the end.
    while (length > 0 && from % (size * 2n) === 0n && from + size * 2n - 1n <= to) {
      size *= 2n;
      length -= 1;
    }
    const made = (value: bigint): AddressValue => (family === 'ipv4' ? Number(value) : value);
    parts.push({ kind: 'addresses', range: [made(from), made(from + size - 1n)], length });
    from += size;
  }
  return parts;
}

/** `80`, `tcp:80-90`, `icmp:echo-request`, `icmp:3/1`, `vrrp:0`. Without a protocol it is TCP. */
function portsOf(word: string, family: Family): SetPart | undefined {
  const at = word.indexOf(':');
  const protocol = at < 0 ? TCP : protocolNumber(word.slice(0, at));
  if (protocol === undefined) return undefined;
  const of = word.slice(at + 1);
  if (protocol !== ICMP && protocol !== ICMPV6) return withRange(of, protocol);
  const icmp = icmpType(of, protocol === ICMP ? 'ipv4' : 'ipv6');
  if (!icmp || (protocol === ICMP) !== (family === 'ipv4')) return undefined;
  const port = icmp.type * 256 + (icmp.code ?? 0);
  return { kind: 'ports', protocol, range: [port, port] };
}

/** Of bitmap:port: a protocol before it says nothing. */
const barePorts = (word: string): SetPart | undefined => withRange(word.slice(word.indexOf(':') + 1));

function withRange(word: string, protocol?: number): SetPart | undefined {
  const [from = '', to = from, ...more] = parsePortWord(word) === undefined ? word.split('-') : [word];
  const low = parsePortWord(from);
  const high = parsePortWord(to);
  if (low === undefined || high === undefined || more.length > 0) return undefined;
  const range = low <= high ? ([low, high] as const) : ([high, low] as const);
  return protocol === undefined ? { kind: 'ports', range } : { kind: 'ports', protocol, range };
}

function interfaceOf(word: string, wildcard: boolean): readonly SetPart[] | undefined {
  const physical = word.startsWith('physdev:');
  const name = physical ? word.slice('physdev:'.length) : word;
  if (name === '' || name.length > 15) return undefined;
  return [{ kind: 'interface', name, prefix: wildcard, physical }];
}
