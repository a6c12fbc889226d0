import type { AddressValue } from '../address/index.ts';
import { ADDRESS_TYPE, type Route } from '../netfilter/index.ts';
import { find, type Host, isMulticast, isOwn, LOOPBACK, TABLE } from './host.ts';
import { lookUp } from './lookup.ts';

const { UNICAST, BROADCAST, MULTICAST, UNSPEC, LOCAL, ANYCAST, UNREACHABLE } = ADDRESS_TYPE;

/** The kinds of an address as addrtype sees them, bits of ADDRESS_TYPE. IPv4 looks into table local alone. */
export function addressType(host: Host, address: AddressValue, own?: AddressValue): number {
  if (host.family === 'ipv6') return writtenType(BigInt(address)) | routedType(host, BigInt(address), own);
  if (isOwn(host, address, own)) return LOCAL;
  if (isMulticast(host.family, address)) return MULTICAST;
  if (address === 0 || address === 0xffff_ffff) return BROADCAST;
  // Source: net/ipv4/fib_frontend.c, inet_addr_type.
  switch (find(host, TABLE.local, address)?.kind) {
    case 'broadcast':
      return BROADCAST;
    case 'anycast':
      return ANYCAST;
    case 'multicast':
      return MULTICAST;
    default:
      return UNICAST;
  }
}

/** What an IPv6 address is by its bits. One that holds an IPv4 address (::ffff:a.b.c.d) is of no kind. */
const writtenType = (address: bigint): number => {
  if (isMulticast('ipv6', address)) return MULTICAST;
  if (address === 0n) return UNSPEC;
  return address >> 32n === 0xffffn ? 0 : UNICAST;
};

/** What IPv6's routes say of an address, as for a packet that the kernel itself sends there. Source: xt_addrtype.c, match_lookup_rt6. */
function routedType(host: Host, destination: bigint, own: AddressValue | undefined): number {
  const asked = { source: 0n, destination, protocol: 0, sourcePort: 0, destinationPort: 0, mark: 0, uid: 0 };
  const routed = lookUp(host, { ...asked, in: LOOPBACK, marked: false, own }, () => false);
  if (routed.kind === 'refused' || routed.kind === 'unknown') return UNREACHABLE;
  const { route } = routed;
  return (
    (routed.kind === 'local' && route?.kind !== 'anycast' ? LOCAL : 0) | (isAnycast(route, destination) ? ANYCAST : 0)
  );
}

/** A router on every link has the link's address without a host part. Source: net/ip6_route.h, ipv6_anycast_destination. */
const isAnycast = (route: Route | undefined, address: bigint): boolean =>
  route?.kind === 'anycast' || (route?.destination === address && route.length < 127 && route.gateway === undefined);
