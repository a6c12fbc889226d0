import { type Endpoint, formatEndpoint, sameEndpoint } from '../linux/socket/index.ts';
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
      /** Envoy's name for where it goes: `inbound|8080||`, `PassthroughCluster`. */
      readonly cluster: string;
    }
  | { readonly kind: 'refuse'; readonly direction: Direction | undefined; readonly reason: string };

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
  const { peer, original } = arrival;
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

const refuse = (direction: Direction | undefined, reason: string): Decision => ({ kind: 'refuse', direction, reason });

function directionOf(listener: Arrival['listener'], original: Endpoint, host: Host): Direction {
  if (listener !== 'both') return listener;
  return host.isOwn(original.address) ? 'inbound' : 'outbound';
}

function inbound(original: Endpoint, peer: Endpoint, settings: Settings): Decision {
  const { family, address, port } = original;
  const common = { kind: 'forward', direction: 'inbound', cluster: `inbound|${port}||` } as const;
  // A link-local address belongs to its interface: what is sent to it over lo gets no answer.
  if (settings.inboundUpstream === 'loopback' || address.includes('%')) {
    return { ...common, upstream: { family, address: LOOPBACK[family], port }, mark: settings.mark };
  }
  if (settings.inboundSource === 'client') {
    return { ...common, upstream: original, from: peer.address, foreign: true, mark: settings.tproxyMark };
  }
  return { ...common, upstream: original, from: PASSTHROUGH_SOURCE[family], mark: settings.mark };
}

function outbound(original: Endpoint, settings: Settings): Decision {
  return {
    kind: 'forward',
    direction: 'outbound',
    upstream: original,
    mark: settings.mark,
    cluster: 'PassthroughCluster',
  };
}
