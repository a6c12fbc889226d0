import { type AddressValue, type Family, highest } from '../address/index.ts';
import { ICMPV6, WAY_BACK } from '../netfilter/index.ts';
import { type Host, isLinkLocal, isMulticast, LOOPBACK, scopeOf } from './host.ts';
import { type Lookup, lookUp } from './lookup.ts';
import type { Routed } from './routes.ts';
import type { Walk } from './state.ts';

/** Who asks for the way back, and whether with the packet's mark. */
export interface WayBackQuestion {
  readonly by: 'rpfilter' | 'fib';
  readonly marked: boolean;
}

/**
 * By which way the packet's source would be answered, a value of WAY_BACK; undefined where interfaces, routes or routing rules
 * were not read, or it hangs on what is not followed. Source: ipt_rpfilter.c, ip6t_rpfilter.c, nft_fib_ipv4.c, nft_fib_ipv6.c.
 */
export function wayBack(walk: Walk, question: WayBackQuestion): number | undefined {
  const { packet, ground } = walk;
  const { host } = ground;
  const { source, in: device } = packet;
  if (device === LOOPBACK) return WAY_BACK.same;
  if (source === undefined || device === undefined || device === '') return undefined;
  if (!host.known || !host.routesKnown || !host.rulesKnown) return undefined;
  if (isFromNobody(walk, source, question)) return WAY_BACK.same;
  let open = false;
  const back = lookUp(host, lookupOf(walk, 'source', source, device, question), () => {
    open = true;
    return false;
  });
  return open ? undefined : wayOf(back, device, host.family, question);
}

/**
 * The interface that nft's `fib` finds towards the packet's source or destination, by its index, 0 for none; undefined as above.
 * Source: nft_fib_ipv4.c, nft_fib4_eval; nft_fib_ipv6.c, nft_fib6_eval.
 */
export function fibDevice(walk: Walk, end: End, marked: boolean): number | undefined {
  const { packet, ground } = walk;
  const { host } = ground;
  const { source, in: device } = packet;
  const address = packet[end];
  if (!host.known || !host.routesKnown || !host.rulesKnown) return undefined;
  if (source === undefined || address === undefined || device === undefined || device === '') return undefined;
  const question = { by: 'fib', marked } as const;
  if (device === LOOPBACK || isFromNobody(walk, source, question)) return indexOf(host, device);
  let open = false;
  const found = lookUp(host, lookupOf(walk, end, address, device, question), () => {
    open = true;
    return false;
  });
  return open ? undefined : deviceOf(found, host);
}

const indexOf = ({ interfaces }: Host, device: string | undefined): number | undefined =>
  interfaces.find(({ name }) => name === device)?.index;

/** What is this host's own leads nowhere, nor does what IPv6 sends to all. */
function deviceOf(found: Routed, host: Host): number | undefined {
  switch (found.kind) {
    case 'unknown':
      return undefined;
    case 'refused':
      return 0;
    case 'local':
      return host.family === 'ipv4' && found.route?.kind === 'broadcast' ? indexOf(host, found.route.device) : 0;
    case 'device':
      return indexOf(host, found.device);
  }
}

/** Who has no address yet speaks to all, or to all on the link: nothing is looked up then. */
function isFromNobody({ packet }: Walk, source: AddressValue, { by }: WayBackQuestion): boolean {
  const { destination, protocol, family } = packet;
  if (family === 'ipv4')
    return Number(source) === 0 && (destination === highest('ipv4') || Number(destination) >>> 8 === 0xe0_0000);
  if (source !== 0n) return false;
  return by === 'rpfilter' || (protocol === ICMPV6 && scopeOf(BigInt(destination)) === 'link');
}

/** Which end of the packet is looked up as a destination; the other one is the source of that. */
type End = 'source' | 'destination';

function lookupOf(
  walk: Walk,
  end: End,
  address: AddressValue,
  device: string,
  { by, marked }: WayBackQuestion,
): Lookup {
  const { packet, ground, hook } = walk;
  const { host } = ground;
  const { asks, family } = host;
  const zero = family === 'ipv4' ? 0 : 0n;
  const other = (end === 'source' ? packet.destination : packet.source) ?? zero;
  const unicast = !isMulticast(family, other) && other !== (family === 'ipv4' ? highest(family) : 0n);
  const isStrict = typeof address === 'bigint' && scopeOf(address) === 'link';
  return {
    destination: address,
    source: asks.source ? (unicast ? other : zero) : undefined,
    in: end === 'source' && by === 'fib' && hook === 'FORWARD' && packet.out ? packet.out : LOOPBACK,
    mark: asks.mark && marked ? packet.mark : 0,
    uid: 0,
    // The kernel tells no ports here, and IPv4's rpfilter no protocol.
    protocol: by === 'rpfilter' && family === 'ipv4' ? 0 : asks.protocol ? packet.protocol : undefined,
    sourcePort: 0,
    destinationPort: 0,
    marked: false,
    ...(isStrict ? { bound: device } : {}),
    ...(family === 'ipv6' && !isStrict ? { preferred: preferredBy(host, other, device, by) } : {}),
  };
}

/** ip6t_rpfilter looks for the interface that the packet came in by; fib for one that has the address which it came to, and of those of no single link all have it. */
function preferredBy(
  { addresses }: Host,
  destination: AddressValue,
  device: string,
  by: WayBackQuestion['by'],
): Lookup['preferred'] {
  if (by === 'rpfilter') return (name) => name === device;
  if (!isLinkLocal(destination)) return undefined;
  return (name) => addresses.get(name)?.some(({ value }) => value === destination) === true;
}

function wayOf(back: Routed, device: string, family: Family, { by }: WayBackQuestion): number | undefined {
  switch (back.kind) {
    case 'unknown':
      return undefined;
    case 'refused':
      return WAY_BACK.none;
    case 'local': {
      const same = back.route?.device === device;
      if (back.route?.kind !== 'local')
        return by === 'rpfilter' || family === 'ipv6' ? WAY_BACK.none : same ? WAY_BACK.same : WAY_BACK.other;
      if (by === 'fib') return WAY_BACK.none;
      // ip6t_rpfilter does not ask on which interface.
      return same || family === 'ipv6' ? WAY_BACK.ownSame : WAY_BACK.ownOther;
    }
    case 'device':
      if (by === 'rpfilter' && family === 'ipv4' && back.route?.kind === 'multicast') return WAY_BACK.none;
      return back.device === device ? WAY_BACK.same : WAY_BACK.other;
  }
}
