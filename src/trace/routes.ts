import { type AddressValue, type Family, formatAddress, masked, maskOf, widthOf } from '../address/index.ts';
import type { Route } from '../netfilter/index.ts';
import { beyond, partOf, sortedSplits } from './splits.ts';

/** A packet's way out of a routing decision. */
export type Routed =
  | {
      readonly kind: 'local';
      readonly table: number;
      /** Absent: not a route of the host's. */
      readonly route?: Route;
    }
  | {
      readonly kind: 'device';
      readonly device: string;
      /** Absent: not a route of the host's. */
      readonly table?: number;
      readonly route?: Route;
      readonly gateway?: AddressValue;
      readonly source?: AddressValue;
    }
  | { readonly kind: 'refused'; readonly because: string }
  | { readonly kind: 'unknown'; readonly because: string };

/** A route, and where it leads. */
export interface ReadyRoute extends Route {
  readonly routed: Routed;
}

/** One routing table, ready to be asked about many destinations. */
export interface RouteTable {
  /** The longest prefix first, of equal ones the lowest metric. */
  readonly routes: readonly ReadyRoute[];
  /**
   * The route for a destination: the longest prefix, of equal ones the lowest metric. `on` restricts it to one device; of equal
   * prefixes one by a device that is `preferred` comes first.
   */
  find(destination: AddressValue, on?: string, preferred?: (device: string) => boolean): ReadyRoute | undefined;
}

/** @param card the device of routes that name none */
export function routeTable(family: Family, routes: readonly Route[], card: string): RouteTable {
  const sorted = routes
    .map((route): ReadyRoute => ({ ...route, routed: routedBy(route, card) }))
    .sort((a, b) => b.length - a.length || a.metric - b.metric);
  const search = (destination: AddressValue, on?: string): ReadyRoute | undefined =>
    sorted.find(
      (route) =>
        masked(destination, maskOf(family, route.length)) === route.destination &&
        (on === undefined || route.device === on),
    );
  // Between two places where a prefix begins or ends, all destinations take the same route: found once for all of them.
  let splits: readonly AddressValue[] | undefined;
  const found: (ReadyRoute | undefined | null)[] = [];
  const searchAll = (destination: AddressValue): ReadyRoute | undefined => {
    splits ??= splitsOf(family, sorted);
    const at = partOf(splits, destination);
    const known = found[at];
    if (known !== undefined) return known ?? undefined;
    const route = search(destination);
    found[at] = route ?? null;
    return route;
  };
  return {
    routes: sorted,
    find(destination, on, preferred) {
      if (on !== undefined) return search(destination, on);
      const route = searchAll(destination);
      if (!route || !preferred) return route;
      const isBeside = ({ destination, length, device }: Route): boolean =>
        destination === route.destination && length === route.length && device !== undefined && preferred(device);
      return sorted.find(isBeside) ?? route;
    },
  };
}

/** Where prefixes begin, and where what is behind them does. */
function splitsOf(family: Family, routes: readonly Route[]): readonly AddressValue[] {
  const splits = new Set<AddressValue>();
  for (const { destination, length } of routes)
    splits.add(destination).add(beyond(destination, 1n << BigInt(widthOf(family) - length)));
  return sortedSplits(splits);
}

function routedBy(route: Route, card: string): Routed {
  const { kind, family, destination, length, table, device, gateway, source, hops } = route;
  const words = `${formatAddress(family, destination)}/${length}`;
  if (hops !== undefined)
    return { kind: 'unknown', because: `which of its ${hops} next hops the route to ${words} takes is not known` };
  switch (kind) {
    case 'local':
    case 'broadcast':
    case 'anycast':
      return { kind: 'local', table, route };
    case 'unicast':
    case 'multicast':
      return {
        kind: 'device',
        device: device ?? card,
        table,
        route,
        ...(gateway === undefined ? {} : { gateway }),
        ...(source === undefined ? {} : { source }),
      };
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
      return { kind: 'refused', because: `the route ${kind} ${words}` };
    // Whoever looks a route up goes on in the next table.
    case 'throw':
      return { kind: 'refused', because: `the route throw ${words}, and no table after it` };
  }
}
