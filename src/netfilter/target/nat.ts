import {
  type Family,
  formatAddress,
  formatPortRange,
  type PortRange,
  parseAddress,
  parseIpv4,
} from '../../address/index.ts';
import { parseNumber, parsePortWord, targetPorts } from '../codec.ts';
import type { AddressRange } from '../effect.ts';
import type { Codec, RuleContext } from '../extension.ts';
import { DCCP, ICMP, SCTP, TCP, UDP } from '../protocol.ts';

/** Where SNAT and DNAT send to: `10.0.0.1-10.0.0.9:8000-8999`, `[2001:db8::1]:80`, `:8080`. */
export interface NatRange {
  readonly addresses?: AddressRange;
  readonly ports?: PortRange;
  /** Ports are shifted from this one (DNAT). */
  readonly base?: number;
}

const PORT_PROTOCOLS: readonly number[] = [TCP, UDP, SCTP, DCCP, ICMP];

/**
 * Ports are only for protocols that have them, whether the rule asks for the protocol or for all others.
 * Source: libxt_NAT.c; ICMP's id counts as one.
 */
export const needsPorts = (given: boolean, { named }: RuleContext): string | undefined =>
  given && !PORT_PROTOCOLS.includes(named ?? 0) ? 'a port needs a protocol that has ports, like -p tcp' : undefined;

/** Splits what follows `--to-destination` into its addresses and its ports. */
function splitPorts(word: string, family: Family): [addresses: string, ports: string | undefined] {
  if (family === 'ipv4' || word.startsWith(':')) {
    // `:80` has ports only; `::1` is an IPv6 address.
    if (family === 'ipv6' && word.startsWith('::')) return [word, undefined];
    const at = word.indexOf(':');
    return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  }
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(word);
  return bracketed ? [bracketed[1] ?? '', bracketed[2]] : [word, undefined];
}

function readAddresses(text: string, family: Family): AddressRange | undefined {
  const dash = text.indexOf('-');
  const low = parseAddress(dash < 0 ? text : text.slice(0, dash));
  const high = dash < 0 ? low : parseAddress(text.slice(dash + 1));
  return low?.family === family && high?.family === family ? [low.value, high.value] : undefined;
}

export const natRange: Codec<NatRange> = {
  expected: 'an address or a range of them, then ports if need be: 10.0.0.1-10.0.0.9:8000-8999, [2001:db8::1]:80, :80',
  read: (word, family) => (family === 'ipv4' && readOne(word)) || readRange(word, family),
  print({ addresses, ports, base }, family) {
    const [low, high] = addresses ?? [];
    let words = low === undefined ? '' : formatAddress(family, low);
    if (high !== undefined && high !== low) words += `-${formatAddress(family, high)}`;
    if (!ports) return words;
    if (family === 'ipv6' && words !== '') words = `[${words}]`;
    return `${words}:${formatPortRange(ports, '-')}${base === undefined ? '' : `/${base}`}`;
  },
};

/** One IPv4 address, and perhaps one port by number: what nearly all rules of a large set have. */
function readOne(word: string): NatRange | undefined {
  const colon = word.indexOf(':');
  const address = parseIpv4(colon < 0 ? word : word.slice(0, colon));
  if (address === undefined) return undefined;
  const addresses: AddressRange = [address, address];
  if (colon < 0) return { addresses };
  const port = parseNumber(word.slice(colon + 1), 65535);
  return port === undefined ? undefined : { addresses, ports: [port, port] };
}

function readRange(word: string, family: Family): NatRange | undefined {
  const [addressText, portText] = splitPorts(word, family);
  const addresses = addressText === '' ? undefined : readAddresses(addressText, family);
  if (addresses === undefined && (addressText !== '' || portText === undefined)) return undefined;
  const slash = portText === undefined ? -1 : portText.indexOf('/');
  const rangeText = slash < 0 ? (portText ?? '') : (portText ?? '').slice(0, slash);
  // A second slash and what follows it are passed over.
  const baseText = slash < 0 ? undefined : portText?.slice(slash + 1).split('/', 1)[0];
  const ports = portText === undefined ? undefined : targetPorts.read(rangeText, family);
  const base = baseText === undefined ? undefined : parsePortWord(baseText);
  // Only a range can be shifted.
  if (baseText !== undefined && (!rangeText.includes('-') || base === 0)) return undefined;
  if ((portText !== undefined && !ports) || (baseText !== undefined && base === undefined)) return undefined;
  // Objects made by several spreads share no shape, and of these large rule sets have thousands.
  if (!ports) return { addresses: addresses! };
  if (base === undefined) return addresses ? { addresses, ports } : { ports };
  return addresses ? { addresses, ports, base } : { ports, base };
}
