import { networkInterfaces } from 'node:os';
import type { Family } from '../../address/index.ts';
import { type Endpoint, fromSockaddr, isLinkLocal, zoneOf } from './address.ts';
import { readOption, SOL_IP, SOL_IPV6 } from './calls.ts';

/** The same number at both levels. Source: linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h. */
export const SO_ORIGINAL_DST = 80;

/**
 * Where an accepted connection was going before a REDIRECT or DNAT, from conntrack's entry.
 *
 * `family` is that of the packets: for an IPv4 peer of a dual-stack `::` listener it is IPv4. Undefined where conntrack
 * has no entry (ENOENT): no NAT in this namespace. A connection that nothing redirected, where NAT exists, gives the
 * listener's own address. Throws SystemCallFailed for anything else.
 */
export function originalDestination(fd: number, family: Family): Endpoint | undefined {
  const call = 'getsockopt SO_ORIGINAL_DST';
  if (family === 'ipv4') {
    const value = new Uint8Array(16);
    return readOption(fd, SOL_IP, SO_ORIGINAL_DST, value, call) ? fromSockaddr(value) : undefined;
  }
  const value = new Uint8Array(28);
  if (!readOption(fd, SOL_IPV6, SO_ORIGINAL_DST, value, call)) return undefined;
  return withZone(fromSockaddr(value), value);
}

/** An end read from a `struct sockaddr_in6`, with its zone where it needs one. */
export function withZone(endpoint: Endpoint, sockaddr: Uint8Array): Endpoint {
  if (!isLinkLocal(endpoint.address)) return endpoint;
  const zone = interfaceName(zoneOf(sockaddr));
  return zone === undefined ? endpoint : { ...endpoint, address: `${endpoint.address}%${zone}` };
}

/** Link-local addresses are the only ones that need it, so it is looked up afresh. */
function interfaceName(index: number): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((address) => address.family === 'IPv6' && address.scopeid === index)) return name;
  }
  return undefined;
}
