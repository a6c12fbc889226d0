import { type AddressValue, formatAddress } from '../address/index.ts';
import { type Packet, TCP, UDP } from '../netfilter/index.ts';
import { cameBy, cameByAny, isFromLoopback } from './conditions.ts';
import { hasAddress, isLinkLocal, isLoopback, isMulticast, isOwn, LOOPBACK, TABLE } from './host.ts';
import type { Candidate } from './interfaces.ts';
import { type Lookup, lookUp } from './lookup.ts';
import { NOBODY, type Outcome } from './result.ts';
import { reversePathBecause } from './reverse-path.ts';
import type { Routed } from './routes.ts';
import { isTaken, type Walk } from './state.ts';
import { isSupposed, supposeDevice } from './supposed.ts';

/** Main, default and local: tables that every packet is routed by. */
const USUAL: ReadonlySet<number> = new Set([253, 254, 255]);

const dropped = (because: string): Outcome => ({ kind: 'dropped', because });

/**
 * A packet of this host's own comes in by lo and has its socket's owner; sockets of the kernel itself are root's. What no
 * line of `ip rule` asks for is not read: whoever looks which fields a walk reads sees that the route does not hang on it.
 */
function routeOf(walk: Walk, source?: AddressValue): Routed {
  const { ground, packet, hook, marked, decide } = walk;
  const { host } = ground;
  const { asks } = host;
  const sent = hook === 'OUTPUT';
  const lookup: Lookup = {
    source: asks.source ? (source ?? packet.source) : undefined,
    destination: packet.destination,
    mark: asks.mark || marked ? packet.mark : 0,
    protocol: asks.protocol ? packet.protocol : undefined,
    sourcePort: asks.sourcePort ? packet.sourcePort : undefined,
    destinationPort: asks.destinationPort ? packet.destinationPort : undefined,
    uid: !asks.uid || !sent || packet.owned !== 1 || packet.uid === NOBODY ? 0 : packet.uid,
    // Only addresses of a link are looked for by where a packet came in, and where no interfaces are known there are none.
    in: sent ? LOOPBACK : asks.in || (host.known && isOfLink(packet.destination)) ? packet.in : '',
    marked,
    handed: marked && ground.handed.has(packet.mark ?? 0),
    leaving: sent ? packet.out : undefined,
    taken: isTaken(walk, packet.destination),
  };
  return lookUp(host, lookup, decide);
}

/** Addresses that are looked for on a link: which one hangs on where the packet came in. */
const isOfLink = (address: AddressValue): boolean => isLinkLocal(address) || address === 1n;

function say(walk: Walk, decision: string): void {
  walk.steps?.push({ kind: 'route', decision });
}

const spoken = ({ packet }: Walk, address: AddressValue): string => formatAddress(packet.family, address);

/** A packet from elsewhere: for this host, or to be sent on. Source: net/ipv4/route.c, ip_route_input_slow. */
export function arrivalRoute(walk: Walk): 'local' | 'elsewhere' | Outcome {
  const refused = refuseMartian(walk);
  if (refused) return refused;
  const routed = routeOfArrival(walk);
  if (routed.kind === 'group') return notJoined(walk);
  return refuseSource(walk, routed) ?? goAlong(walk, routed);
}

/** Addresses that may not come from outside end the packet. */
export function refuseMartian(walk: Walk): Outcome | undefined {
  const martian = martianBecause(walk);
  return martian === undefined ? undefined : refuse(walk, martian);
}

/** `all`: to everybody on the link. `group`: groups are not looked up as other addresses are. */
export type RoutedArrival = Routed | { readonly kind: 'all' } | { readonly kind: 'group' };

/** Which way a packet from elsewhere would go. */
export function routeOfArrival(walk: Walk): RoutedArrival {
  const { packet } = walk;
  if (packet.family === 'ipv4' && toAll(packet)) return { kind: 'all' };
  if (packet.family === 'ipv4' && isMulticast('ipv4', packet.destination)) return { kind: 'group' };
  return chosen(walk) ?? routeOf(walk);
}

/** Looks at the source of a packet whose way is known. */
export function refuseSource(
  walk: Walk,
  routed: Exclude<RoutedArrival, { readonly kind: 'group' }>,
): Outcome | undefined {
  if (routed.kind === 'all') return undefined;
  const group = broadcastSource(walk, routed.kind === 'device' ? routed.device : '');
  const because = group ?? reversePathBecause(walk);
  return because === undefined ? undefined : refuse(walk, because);
}

/** Sends the packet on its way. */
export function goAlong(
  walk: Walk,
  routed: Exclude<RoutedArrival, { readonly kind: 'group' }>,
): 'local' | 'elsewhere' | Outcome {
  switch (routed.kind) {
    case 'unknown':
      return { kind: 'unknown', because: routed.because };
    case 'all':
      walk.device = LOOPBACK;
      say(walk, 'local delivery');
      return 'local';
    case 'local':
      walk.device = LOOPBACK;
      say(walk, `local delivery${routed.table === 255 ? '' : `, by table ${routed.table}`}`);
      return 'local';
    case 'refused':
      return refuse(walk, routed.because);
    case 'device':
      return sendOn(walk, routed);
  }
}

/** The question may say by which interface the packet goes on. What a rule has sent to this host itself stays here all the same. */
function chosen(walk: Walk): Routed | undefined {
  const { asked, destination, mappedBy, ground, packet } = walk;
  if (asked.out === undefined || asked.out === '') return undefined;
  const effect = mappedBy?.effect;
  if (!ground.host.known && effect?.kind === 'nat' && effect.address === 'here')
    return { kind: 'local', table: TABLE.local };
  if (destination !== undefined && isOwn(ground.host, packet.destination, isTaken(walk, packet.destination)))
    return undefined;
  return { kind: 'device', device: asked.out };
}

/** Whoever has joined a group gets its packets. */
const notJoined = (walk: Walk): Outcome => ({
  kind: 'unknown',
  because: `whether anybody here has joined the group ${spoken(walk, walk.packet.destination)} is not known`,
});

function sendOn(walk: Walk, routed: Routed & { readonly kind: 'device' }): 'elsewhere' | Outcome {
  const { packet, ground } = walk;
  const to = (): string => spoken(walk, packet.destination);
  if (isMulticast(packet.family, packet.destination)) return notJoined(walk);
  const family = packet.family === 'ipv4' ? 'IPv4' : 'IPv6';
  if (ground.forwards === undefined && chosen(walk)) walk.assumptions?.add(`forwarding of ${family} is on`);
  else {
    if (!(ground.forwards ?? askForwarding(walk, family)))
      return refuse(walk, `${to()} is not an address of this host, and forwarding is off`);
  }
  if (isLastHop(walk)) return refuse(walk, 'its TTL ends here: it is not sent on');
  if (packet.family === 'ipv6' && beyondScope(packet.source) && !cameBy(walk, routed.device))
    return refuse(walk, `${spoken(walk, packet.source!)} does not reach beyond its link`);
  // A packet that has been given to a socket is not forwarded. Source: net/ipv4/ip_forward.c.
  if (walk.assigned) return refuse(walk, `it was given to a socket, but no route delivers ${to()} locally`);
  leaveBy(walk, routed, 'forwarded', ground.leaving?.onwards);
  return 'elsewhere';
}

/** Of many packets at once it may be open how many hops a rule has left them. */
function isLastHop(walk: Walk): boolean {
  const { ttl } = walk.packet;
  if (ttl !== undefined || !walk.meetsAny) return ttl !== undefined && ttl <= 1;
  return walk.decide('hops', {
    where: 'the routing decision',
    because: 'how many hops the packet has left is not known: a rule counts them down or up',
    yes: 'its TTL ends here',
    no: 'it has hops left',
  });
}

/** A link-local source, or none, is not sent on from one link to another. Source: net/ipv6/ip6_output.c, ip6_forward. */
const beyondScope = (source: AddressValue | undefined): boolean =>
  source !== undefined && (BigInt(source) === 0n || isLinkLocal(BigInt(source)));

const askForwarding = (walk: Walk, family: string): boolean =>
  walk.decide('forwarding', {
    where: 'the routing decision',
    because: `whether this host forwards ${family} was not read`,
    yes: `forwarding of ${family} is on`,
    no: `forwarding of ${family} is off`,
  });

function refuse(walk: Walk, because: string): Outcome {
  say(walk, because);
  return dropped(because);
}

/** `candidates`: the interfaces by which it may leave where no route was read. */
function leaveBy(
  walk: Walk,
  routed: Routed & { readonly kind: 'device' },
  verb: string,
  candidates: readonly Candidate[] = [],
): void {
  const supposed = candidates.length > 0 && isSupposed(walk, routed);
  walk.supposed = false;
  walk.device = supposed ? supposeDevice(walk, candidates) : routed.device;
  walk.gateway = routed.gateway;
  if (!walk.steps) return;
  const via = routed.gateway === undefined ? '' : ` to the gateway ${spoken(walk, routed.gateway)}`;
  const by = routed.table === undefined || USUAL.has(routed.table) ? '' : `, by table ${routed.table}`;
  const device = walk.supposed ? supposedWords(walk.device, candidates) : ` by ${walk.device}`;
  say(walk, `${verb}${device}${via}${by}`);
}

const supposedWords = (device: string, candidates: readonly Candidate[]): string =>
  candidates.length < 2
    ? ''
    : `, here followed by ${candidates.find(({ name }) => name === device)?.pattern ?? 'another interface'}`;

/**
 * Why IPv6 does not even take the packet, before any hook; `here`: it comes over the loopback interface.
 * Source: net/ipv6/ip6_input.c, ip6_rcv_core.
 */
export function neverTaken(walk: Walk, here: boolean): Outcome | undefined {
  const { packet } = walk;
  const { family } = packet;
  // What is not read of a packet need not be told apart by those who ask about all packets.
  if (family !== 'ipv6') return undefined;
  const { destination } = packet;
  if (isLoopback(family, destination) && !here) return refuse(walk, '::1 is not reached from outside');
  const group = isMulticast(family, destination) ? (BigInt(destination) >> 112n) & 15n : undefined;
  if (group === 0n || (group === 1n && !here))
    return refuse(walk, `${spoken(walk, destination)} is a group within one host`);
  const { source } = packet;
  if (source === undefined) return undefined;
  if (isMulticast(family, source)) return refuse(walk, `${spoken(walk, source)} is a group: nothing comes from it`);
  return isLoopback(family, source) && !here
    ? refuse(walk, `${spoken(walk, source)} may not come from outside`)
    : undefined;
}

/** To everybody on the link, or from a host that has no address yet. */
const toAll = (packet: Pick<Packet, 'source' | 'destination'>): boolean =>
  packet.destination === 0xffff_ffff || (packet.destination === 0 && packet.source === 0);

/** Addresses that may not come from outside: loopback's, groups, and one's own as the source. */
function martianBecause(walk: Walk): string | undefined {
  const { packet, ground } = walk;
  const { family } = packet;
  // Also where nat has just sent it there (netfilter-semantics 14).
  if (family === 'ipv6')
    return isLoopback(family, packet.destination) && !cameBy(walk, LOOPBACK) && ground.forwards !== true
      ? '::1 is not reached from outside'
      : undefined;
  const { source } = packet;
  if (source !== undefined && (isMulticast(family, source) || source === 0xffff_ffff))
    return `${spoken(walk, source)} is a group: nothing comes from it`;
  const foreign = source !== undefined && isForeign(walk, source) && !cameBy(walk, LOOPBACK);
  if (toAll(packet)) return foreign ? asOwn(walk) : undefined;
  if (source === 0) return '0.0.0.0 may not be a source';
  const { destination } = packet;
  if (destination === 0) return "0.0.0.0 is nobody's address";
  const fromLoopback = source !== undefined && isLoopback(family, source);
  if ((fromLoopback || isLoopback(family, destination)) && !cameBy(walk, LOOPBACK) && !allowsLocalnet(walk)) {
    return isLoopback(family, destination)
      ? `${spoken(walk, destination)} may not be reached from ${packet.in || 'outside'}: route_localnet is off there`
      : `${spoken(walk, source!)} may not come from outside`;
  }
  return foreign ? asOwn(walk) : undefined;
}

const asOwn = (walk: Walk): string =>
  `${spoken(walk, walk.packet.source!)} is an address of this host: it may not come from outside`;

/**
 * Whether a source is this host's own: an address of it, or, where routing has been tampered with, whatever is local.
 * Source: net/ipv4/fib_frontend.c, fib_validate_source.
 */
const isForeign = ({ ground: { host } }: Walk, source: AddressValue): boolean =>
  host.known && (host.custom ? isOwn(host, source) : hasAddress(host, source));

/**
 * A source that this host would take for a broadcast. The kernel looks only where the packet would go back by the interface
 * it came by, or where routing has been tampered with. Source: net/ipv4/fib_frontend.c, fib_validate_source.
 */
function broadcastSource(walk: Walk, device: string): string | undefined {
  const { packet, ground } = walk;
  const { family } = packet;
  if (family === 'ipv6' || !ground.host.known) return undefined;
  const { source } = packet;
  if (source === undefined || cameBy(walk, LOOPBACK)) return undefined;
  if (!ground.host.custom && !cameBy(walk, device)) return undefined;
  const back = lookUp(ground.host, { destination: source, mark: 0, marked: false }, () => false);
  return back.kind === 'local' ? `${spoken(walk, source)} is no host's address: it may not be a source` : undefined;
}

function allowsLocalnet(walk: Walk): boolean {
  const { ground, packet, assumptions } = walk;
  if (!ground.routeLocalnet) {
    const asks = isLoopback('ipv4', packet.destination);
    if (asks) assumptions?.add('route_localnet is off, as it is by default');
    return false;
  }
  return ground.routeLocalnet.includes('all') || cameByAny(walk, ground.routeLocalnet);
}

/** A packet of this host's own gets its first route before OUTPUT. */
export function departureRoute(walk: Walk): 'elsewhere' | Outcome {
  const { packet, asked } = walk;
  if (asked.out !== undefined && asked.out !== '') {
    leaveBy(walk, { kind: 'device', device: asked.out }, 'leaves');
    packet.out = asked.out;
    return 'elsewhere';
  }
  const refused = takeRoute(walk, undefined, firstSource(walk));
  if (refused) return refused;
  packet.out = walk.device;
  return 'elsewhere';
}

/**
 * Looks the route of a packet of this host's own up (again). The tables of OUTPUT go on seeing the first device; the new
 * one is what POSTROUTING sees (netfilter-semantics 10).
 */
export const reroute = (walk: Walk): Outcome | undefined => takeRoute(walk, walk.ground.leaving?.again);

/**
 * The source for which a packet of this host's own is routed first. An unbound socket has none then; IPv4's TCP, and who connects
 * with UDP, looks once more when the kernel has chosen one. Source: net/ipv4/udp.c, udp_sendmsg; net/route.h, ip_route_connect;
 * net/ipv6/tcp_ipv6.c, tcp_v6_connect. Undefined: the packet's own, or nothing asks for it.
 */
function firstSource(walk: Walk): AddressValue | undefined {
  const { packet, unbound, ground, decide } = walk;
  if (!unbound || !ground.host.asks.source) return undefined;
  const { family, protocol, source } = packet;
  if (family === 'ipv4' && protocol === TCP) return source;
  const none = family === 'ipv4' ? 0 : 0n;
  if (family === 'ipv6' || protocol !== UDP || isSameWay(routeOf(walk), routeOf(walk, none))) return none;
  const connects = decide('a connected socket', {
    where: 'routing',
    because: 'whether the sender connects its UDP socket is not known: then its route is looked up for the source, too',
    yes: 'the sender connects its socket',
    no: 'the sender does not connect its socket',
  });
  return connects ? source : none;
}

const isSameWay = (one: Routed, other: Routed): boolean =>
  one.kind === other.kind && (one.kind !== 'device' || other.kind !== 'device' || one.device === other.device);

function takeRoute(walk: Walk, candidates?: readonly Candidate[], source?: AddressValue): Outcome | undefined {
  const { via, packet, ground } = walk;
  const said = via !== undefined && !isOwn(ground.host, packet.destination, isTaken(walk, packet.destination));
  const routed: Routed = said ? { kind: 'device', device: via } : routeOf(walk, source);
  switch (routed.kind) {
    case 'unknown':
      return { kind: 'unknown', because: routed.because };
    case 'refused':
      say(walk, routed.because);
      return dropped(`${routed.because}: the sender is told so`);
    case 'local': {
      const { kind, device = LOOPBACK } = routed.route ?? {};
      // A network's own broadcast address leaves by its device, whatever this host gets of it.
      if (kind === 'broadcast' && device !== LOOPBACK) leaveBy(walk, { kind: 'device', device }, 'to everybody,');
      else leaveBy(walk, { kind: 'device', device: LOOPBACK }, 'to this host itself,');
      return undefined;
    }
    case 'device': {
      if (boundToLoopback(walk, routed.device)) {
        const because = `${spoken(walk, packet.source!)} may not leave by ${routed.device}: route_localnet is off there`;
        say(walk, because);
        return dropped(because);
      }
      leaveBy(walk, withoutGateway(walk) ? { kind: 'device', device: routed.device } : routed, 'leaves', candidates);
      return undefined;
    }
  }
}

/** To a group or to everybody there is no gateway, whatever the route says. Source: net/ipv4/route.c, __mkroute_output. */
const withoutGateway = ({ packet: { family, destination } }: Walk): boolean =>
  isMulticast(family, destination) || destination === 0xffff_ffff;

/** 127.0.0.0/8 does not leave this host. Source: net/ipv4/route.c, __mkroute_output. */
const boundToLoopback = (walk: Walk, device: string): boolean =>
  walk.packet.family === 'ipv4' &&
  device !== LOOPBACK &&
  !isAllowed(walk.ground.routeLocalnet, device) &&
  isFromLoopback(walk);

const isAllowed = (on: readonly string[] = [], device: string | undefined): boolean =>
  on.includes('all') || (device !== undefined && on.includes(device));
