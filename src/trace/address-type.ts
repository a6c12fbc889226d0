import type { AddressValue } from '../address/index.ts';
import { ADDRESS_TYPE, type Route } from '../netfilter/index.ts';
import { find, type Host, isMulticast, isOwn, LOOPBACK, TABLE } from './host.ts';
import { lookUp } from './lookup.ts';

const { UNICAST, BROADCAST, MULTICAST, UNSPEC, LOCAL, ANYCAST, UNREACHABLE } = ADDRESS_TYPE;

/** The kinds of an address as addrtype sees them, bits of ADDRESS_TYPE. IPv4 looks into table local alone. `taken`: as of `isOwn`. */
export function addressType(host: Host, address: AddressValue, taken = false): number {
  if (host.family === 'ipv6') return writtenType(BigInt(address)) | routedType(host, BigInt(address), taken);
  if (isOwn(host, address, taken)) return LOCAL;
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

/**
 * The kinds of an address where only what an interface has itself counts as this host's; undefined where interfaces were not
 * read. Source: net/ipv4/fib_frontend.c, __inet_dev_addr_type; xt_addrtype.c.
 */
export function addressTypeOn(host: Host, address: AddressValue, device: string | undefined): number | undefined {
  if (!host.known || device === undefined || device === '') return undefined;
  if (host.family === 'ipv6') return writtenType(BigInt(address)) | routedTypeOn(host, BigInt(address), device);
  const type = addressType(host, address);
  const isOthers = (type & (LOCAL | BROADCAST | ANYCAST)) !== 0 && address !== 0 && address !== 0xffff_ffff;
  return isOthers && find(host, TABLE.local, address)?.device !== device ? UNICAST : type;
}

/** IPv6 looks for a route by that very interface. */
function routedTypeOn(host: Host, destination: bigint, device: string): number {
  const routed = lookUp(host, { ...NOBODY, destination, marked: false, bound: device }, () => false);
  if (routed.kind === 'refused' || routed.kind === 'unknown') return UNREACHABLE;
  const own = host.addresses.get(device)?.some(({ value }) => value === destination);
  return (own ? LOCAL : 0) | (isAnycast(routed.route, destination) ? ANYCAST : 0);
}

/** What an IPv6 address is by its bits. One that holds an IPv4 address (::ffff:a.b.c.d) is of no kind. */
const writtenType = (address: bigint): number => {
  if (isMulticast('ipv6', address)) return MULTICAST;
  if (address === 0n) return UNSPEC;
  return address >> 32n === 0xffffn ? 0 : UNICAST;
};

/** What IPv6's routes say of an address, as for a packet that the kernel itself sends there. Source: xt_addrtype.c, match_lookup_rt6. */
function routedType(host: Host, destination: bigint, taken: boolean): number {
  const routed = lookUp(host, { ...NOBODY, destination, marked: false, taken }, () => false);
  if (routed.kind === 'refused' || routed.kind === 'unknown') return UNREACHABLE;
  const { route } = routed;
  return (
    (routed.kind === 'local' && route?.kind !== 'anycast' ? LOCAL : 0) | (isAnycast(route, destination) ? ANYCAST : 0)
  );
}

/** Nothing is said of the packet that would go there. */
const NOBODY = { source: 0n, protocol: 0, sourcePort: 0, destinationPort: 0, mark: 0, uid: 0, in: LOOPBACK } as const;

/** A router on every link has the link's address without a host part. Source: net/ip6_route.h, ipv6_anycast_destination. */
const isAnycast = (route: Route | undefined, address: bigint): boolean =>
  route?.kind === 'anycast' || (route?.destination === address && route.length < 127 && route.gateway === undefined);
