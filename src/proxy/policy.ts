import type { Family } from '../address/index.ts';
import { type Endpoint, endpointOf, formatEndpoint, sameEndpoint } from '../linux/socket/index.ts';
import type { Settings } from './config.ts';

export type Direction = 'inbound' | 'outbound';

/** A connection that has just been accepted: all that decides what becomes of it. */
export interface Arrival {
  /** What its listener takes; `both` where one port takes both directions. */
  readonly listener: Direction | 'both';
  readonly peer: Endpoint;
  /** The accepted socket's own end. */
  readonly local: Endpoint;
  /** Where it was going before the rules sent it here; undefined where the kernel knows of no such thing. */
  readonly original: Endpoint | undefined;
  /** Where all that comes to this listener goes: a port that leads to a pod's. */
  readonly to?: Endpoint | undefined;
}

/** What becomes of a connection. */
export type Decision =
  | {
      readonly kind: 'forward';
      readonly direction: Direction;
      readonly upstream: Endpoint;
      /** The address to leave from; undefined for the kernel's choice. */
      readonly from?: string;
      /** `from` is the client's. */
      readonly foreign?: boolean;
      readonly mark: number;
      /** Whose socket it leaves from, where not from one of this process's: see Pod. */
      readonly socket?: 'pod' | 'gateway';
      /** Where to go instead, in this order, where nobody listens at `upstream`. */
      readonly otherwise?: readonly Leg[];
      /** Envoy's name for where it goes: `inbound|8080||`, `PassthroughCluster`. */
      readonly cluster: string;
    }
  | { readonly kind: 'refuse'; readonly direction: Direction | undefined; readonly reason: string };

/** One way to an upstream. */
export interface Leg {
  readonly upstream: Endpoint;
  readonly from?: string;
}

export type Forward = Extract<Decision, { kind: 'forward' }>;

/** What a decision depends on beside the arrival and the settings. */
export interface Host {
  /** Whether an address is one of this host's own. */
  isOwn(address: string): boolean;
  /** The direction of the connection which this proxy opened from one end to the other, if it did. */
  opened(from: Endpoint, to: Endpoint): Direction | undefined;
  /** The ports this proxy takes connections on. */
  readonly ports: readonly number[];
}

/** The addresses that today's rules let the sidecar's connections to its app pass from (`-o lo -s 127.0.0.6/32 RETURN`). */
const PASSTHROUGH_SOURCE = { ipv4: '127.0.0.6', ipv6: '::6' } as const;
const LOOPBACK = { ipv4: '127.0.0.1', ipv6: '::1' } as const;

/** What to do with a connection. Pure: the same arrival on the same host is always decided alike. */
export function decide(arrival: Arrival, settings: Settings, host: Host): Decision {
  const { peer, original, to } = arrival;
  if (to) return published(to);
  if (!original) {
    return refuse(
      undefined,
      'no original destination: no rule redirected this connection, and this namespace has no NAT',
    );
  }
  const isProxy = host.ports.includes(original.port) && host.isOwn(original.address);
  if (isProxy && sameEndpoint(original, arrival.local)) {
    return refuse(undefined, `no original destination: made straight to the proxy’s own port ${original.port}`);
  }
  const direction = directionOf(arrival.listener, original, host);
  if (isProxy) {
    return refuse(direction, `its destination ${formatEndpoint(original)} is this proxy itself`);
  }
  const opened = host.opened(peer, original);
  // The one legitimate way back: what leaves the pod for the pod itself is outbound first and inbound then.
  if (opened && !(opened === 'outbound' && direction === 'inbound')) {
    return refuse(
      direction,
      `loop: the proxy’s own connection to ${formatEndpoint(original)} was sent back to it; the rules must leave out its uid, gid or mark`,
    );
  }
  return direction === 'inbound' ? inbound(original, peer, settings) : outbound(original, settings);
}

/** A connection for which there is no room: told of as where it was going. */
export const turnAway = ({ listener, original }: Arrival, host: Host, reason: string): Decision =>
  refuse(original && directionOf(listener, original, host), reason);

const refuse = (direction: Direction | undefined, reason: string): Decision => ({ kind: 'refuse', direction, reason });

function directionOf(listener: Arrival['listener'], original: Endpoint, host: Host): Direction {
  if (listener !== 'both') return listener;
  return host.isOwn(original.address) ? 'inbound' : 'outbound';
}

function inbound(original: Endpoint, peer: Endpoint, settings: Settings): Decision {
  const { family, address, port } = original;
  const common = { kind: 'forward', direction: 'inbound', cluster: `inbound|${port}||` } as const;
  if (settings.pod) return { ...common, ...toPod(original), mark: settings.mark, socket: 'pod' };
  // A link-local address belongs to its interface: what is sent to it over lo gets no answer.
  if (settings.inboundUpstream === 'loopback' || address.includes('%')) {
    return { ...common, upstream: loopback(family, port), mark: settings.mark };
  }
  if (settings.inboundSource === 'client') {
    return { ...common, upstream: original, from: peer.address, foreign: true, mark: settings.tproxyMark };
  }
  return { ...common, upstream: original, from: PASSTHROUGH_SOURCE[family], mark: settings.mark };
}

/** An app is reached at the address that was asked for, or, where it listens on a loopback alone, there. */
function toPod(original: Endpoint): Leg & { readonly otherwise: readonly Leg[] } {
  const families: readonly Family[] = original.family === 'ipv4' ? ['ipv4', 'ipv6'] : ['ipv6', 'ipv4'];
  return {
    upstream: original,
    from: PASSTHROUGH_SOURCE[original.family],
    otherwise: families.map((family) => ({ upstream: loopback(family, original.port) })),
  };
}

const loopback = (family: Family, port: number): Endpoint => ({ family, address: LOOPBACK[family], port });

/** The way of a published port to the pod, where the rules take it up as they do what comes from outside. */
const published = (to: Endpoint): Decision => ({
  kind: 'forward',
  direction: 'inbound',
  upstream: to,
  mark: 0,
  socket: 'gateway',
  cluster: `published|${to.port}||`,
});

function outbound(original: Endpoint, settings: Settings): Decision {
  const alias = settings.pod?.aliases[original.address];
  return {
    kind: 'forward',
    direction: 'outbound',
    ...(alias === undefined ? { upstream: original } : toAlias(alias, original.port)),
    // A mark is the pod's rules' business, and this connection does not pass them.
    mark: settings.pod ? 0 : settings.mark,
    cluster: 'PassthroughCluster',
  };
}

/** What listens on this host's loopback may do so in one family alone. */
function toAlias(address: string, port: number): Leg & { readonly otherwise: readonly Leg[] } {
  return {
    upstream: endpointOf(address, port),
    otherwise: address === LOOPBACK.ipv4 ? [{ upstream: loopback('ipv6', port) }] : [],
  };
}
