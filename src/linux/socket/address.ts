import { endianness, networkInterfaces } from 'node:os';
import { type Family, formatAddress, parseAddress, parseIpv6 } from '../../address/index.ts';

/**
 * One end of a connection. `address` is written as inet_ntop does, without the `::ffff:` under which a dual-stack socket
 * shows IPv4; a link-local address carries its zone (`fe80::1%eth0`).
 */
export interface Endpoint {
  readonly family: Family;
  readonly address: string;
  readonly port: number;
}

export const AF_INET = 2;
export const AF_INET6 = 10;
const V4_MAPPED = '::ffff:';

/** An endpoint from what Node says of a socket. */
export function endpointOf(address: string, port: number): Endpoint {
  if (address.startsWith(V4_MAPPED) && address.includes('.')) {
    return { family: 'ipv4', address: address.slice(V4_MAPPED.length), port };
  }
  return { family: address.includes(':') ? 'ipv6' : 'ipv4', address, port };
}

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean => a.port === b.port && a.address === b.address;

/** @example formatEndpoint({ family: 'ipv6', address: '::1', port: 80 }) // '[::1]:80' */
export const formatEndpoint = ({ family, address, port }: Endpoint): string =>
  family === 'ipv6' ? `[${address}]:${port}` : `${address}:${port}`;

/** A `struct sockaddr_in` or `sockaddr_in6`. Source: ip(7), ipv6(7). Throws a RangeError for what is no address. */
export function toSockaddr({ family, address, port }: Endpoint): Uint8Array {
  const [plain = '', zone] = address.split('%');
  const parsed = parseAddress(plain);
  if (parsed?.family !== family) throw new RangeError(`not an ${family} address: ${address}`);
  const bytes = new Uint8Array(family === 'ipv4' ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, family === 'ipv4' ? AF_INET : AF_INET6, endianness() === 'LE');
  view.setUint16(2, port);
  if (typeof parsed.value === 'number') view.setUint32(4, parsed.value);
  else {
    view.setBigUint64(8, parsed.value >> 64n);
    view.setBigUint64(16, parsed.value & 0xffff_ffff_ffff_ffffn);
    if (zone !== undefined) view.setUint32(24, zoneIndex(zone), endianness() === 'LE');
  }
  return bytes;
}

/** Reads a `struct sockaddr_in` (16 bytes or more) or `sockaddr_in6` (28). The zone is left out: see `zoneOf`. */
export function fromSockaddr(bytes: Uint8Array): Endpoint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const port = view.getUint16(2);
  if (view.getUint16(0, endianness() === 'LE') === AF_INET) {
    return { family: 'ipv4', address: formatAddress('ipv4', view.getUint32(4)), port };
  }
  // IPv4 on a dual-stack socket, without the way through a number of 128 bits.
  if (view.getUint32(16) === 0xffff && view.getUint32(12) === 0 && view.getUint32(8) === 0) {
    return { family: 'ipv4', address: formatAddress('ipv4', view.getUint32(20)), port };
  }
  const value = (view.getBigUint64(8) << 64n) | view.getBigUint64(16);
  return endpointOf(formatAddress('ipv6', value), port);
}

/** The interface index in a `struct sockaddr_in6`: 0 unless the address is link-local. */
export const zoneOf = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(24, endianness() === 'LE');

/** The index of an interface that has an IPv6 address; 0, which the kernel refuses, for any other. */
const zoneIndex = (name: string): number =>
  networkInterfaces()[name]?.find((address) => address.family === 'IPv6' && address.scopeid > 0)?.scopeid ?? 0;

/** Whether an address needs a zone: fe80::/10. */
export const isLinkLocal = (address: string): boolean => {
  const value = parseIpv6(address);
  return value !== undefined && value >> 118n === 0x3fan;
};
