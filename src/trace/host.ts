import { type AddressValue, type Family, masked, maskOf, parseAddress, widthOf } from '../address/index.ts';
import type { Interface, InterfaceAddress, Route, RoutingRule, Snapshot } from '../netfilter/index.ts';
import { type Flow, type PolicyRule, policyRule } from './ip-rule.ts';
import { type ReadyRoute, type RouteTable, routeTable } from './routes.ts';

export const LOOPBACK = 'lo';

/** The machine that is taken for granted where the snapshot knows no interfaces: one network card. */
export const ASSUMED = {
  interface: 'eth0',
  own: { ipv4: parseAddress('10.0.0.5')!.value, ipv6: parseAddress('2001:db8::5')!.value },
  other: { ipv4: parseAddress('10.0.0.9')!.value, ipv6: parseAddress('2001:db8::9')!.value },
} as const;

/** The routing tables that every kernel has. Source: linux/rtnetlink.h, rt_class_t. */
export const TABLE = { default: 253, main: 254, local: 255 } as const;

/** What is known of one family's addresses and routes. */
export interface Host {
  readonly family: Family;
  /** False where the snapshot tells no interfaces: then the packet's own address is taken to be the host's. */
  readonly known: boolean;
  readonly interfaces: readonly Interface[];
  /** The addresses of the family that each interface has. */
  readonly addresses: ReadonlyMap<string, readonly InterfaceAddress[]>;
  /** All of them. */
  readonly owned: ReadonlySet<AddressValue>;
  readonly tables: ReadonlyMap<number, RouteTable>;
  /** The lines of `ip rule`, in the order of their priorities. */
  readonly rules: readonly PolicyRule[];
  /** False where the snapshot tells no routing rules: then a marked packet may go another way. */
  readonly rulesKnown: boolean;
  /** False where the snapshot tells no routes: then what does not stay here may leave by any interface. */
  readonly routesKnown: boolean;
  /** Fields of a packet that any line of `ip rule` asks for. */
  readonly asks: Asks;
  /** Routing rules beside the usual ones, or local routes that no address brought: then the kernel checks sources in full. */
  readonly custom: boolean;
  /** The first interface that is not loopback and has an address of the family. */
  readonly card: string;
}

/** Reads the routing part of a snapshot for one family. */
export function hostOf(snapshot: Snapshot, family: Family): Host {
  const interfaces = snapshot.interfaces ?? assumedInterfaces(family);
  const card = cardOf(interfaces, family) ?? ASSUMED.interface;
  const known = snapshot.routes?.filter((route) => route.family === family);
  const derived = derivedRoutes(interfaces, family, card);
  const routes = known ? [...known, ...derived.filter(({ table }) => table === TABLE.local)] : derived;
  const tables = new Map<number, Route[]>();
  for (const route of routes) {
    const table = tables.get(route.table);
    if (table) table.push(route);
    else tables.set(route.table, [route]);
  }
  const addresses = new Map(
    interfaces.map(({ name, addresses }) => [name, addresses.filter((own) => own.family === family)]),
  );
  const given = snapshot.routingRules?.filter((rule) => rule.family === family);
  const rules = [...(given ?? usualRules(family))].sort((a, b) => a.priority - b.priority).map(policyRule);
  return {
    family,
    known: snapshot.interfaces !== undefined,
    interfaces,
    addresses,
    owned: new Set([...addresses.values()].flatMap((list) => list.map(({ value }) => value))),
    tables: new Map([...tables].map(([table, held]) => [table, routeTable(family, held, ASSUMED.interface)])),
    rules,
    rulesKnown: given !== undefined,
    routesKnown: snapshot.routes !== undefined,
    asks: asksOf(rules),
    custom: (given?.length ?? 0) > USUAL || routes.some(({ kind, table }) => kind === 'local' && table !== TABLE.local),
    card,
  };
}

/** Whether two snapshots tell the same of addresses and routes. Of two that were read from files that is not found out. */
export const isSameHost = (one: Snapshot, other: Snapshot): boolean =>
  one.interfaces === other.interfaces && one.routes === other.routes && one.routingRules === other.routingRules;

/** What lines of `ip rule` may ask of a packet besides where it goes and comes from, and whether any does. */
export type Asks = Readonly<Record<Exclude<keyof Flow, 'destination'>, boolean>>;

function asksOf(rules: readonly PolicyRule[]): Asks {
  const ask = (field: keyof Flow): boolean => rules.some(({ asks }) => asks.has(field));
  return {
    in: ask('in'),
    source: ask('source'),
    mark: ask('mark'),
    uid: ask('uid'),
    protocol: ask('protocol'),
    sourcePort: ask('sourcePort'),
    destinationPort: ask('destinationPort'),
  };
}

/** So many rules has every host: local, main and default; IPv6 has no default. */
const USUAL = 3;

const usualRules = (family: Family): RoutingRule[] => [
  { family, priority: 0, table: TABLE.local },
  { family, priority: 32766, table: TABLE.main },
  { family, priority: 32767, table: TABLE.default },
];

/** Loopback, and one card whose address is the one that the question gives this host. */
function assumedInterfaces(family: Family): Interface[] {
  const [value, length] = family === 'ipv4' ? [0x7f00_0001, 8] : [1n, 128];
  return [
    { name: LOOPBACK, index: 1, up: true, addresses: [{ family, value, length, secondary: false, scope: 'host' }] },
    { name: ASSUMED.interface, index: 2, up: true, addresses: [] },
  ];
}

const cardOf = (interfaces: readonly Interface[], family: Family): string | undefined =>
  interfaces.find(({ name, up, addresses }) => name !== LOOPBACK && up && addresses.some((own) => usable(own, family)))
    ?.name;

const usable = (own: InterfaceAddress, family: Family): boolean => own.family === family && own.scope === 'global';

/** The routes that addresses bring with them, and a default route through the card. */
function derivedRoutes(interfaces: readonly Interface[], family: Family, card: string): Route[] {
  const routes: Route[] = [];
  const width = widthOf(family);
  for (const { name, up, addresses } of interfaces) {
    if (!up) continue;
    for (const { value, length, family: of } of addresses) {
      if (of !== family) continue;
      const local = { family, table: TABLE.local, kind: 'local', device: name, metric: 0 } as const;
      routes.push({ ...local, destination: value, length: width });
      const net = masked(value, maskOf(family, length));
      // The loopback address makes its whole network local: 127.0.0.6 is as much this host as 127.0.0.1.
      if (name === LOOPBACK && length < width) routes.push({ ...local, destination: net, length });
      else routes.push({ ...local, table: TABLE.main, kind: 'unicast', destination: net, length });
    }
  }
  const none = family === 'ipv4' ? 0 : 0n;
  routes.push({ family, table: TABLE.main, kind: 'unicast', destination: none, length: 0, device: card, metric: 0 });
  return routes;
}

/** The route of a table for a destination: the longest prefix; `on` and `preferred` say by which devices (`RouteTable`). */
export const find = (
  host: Host,
  table: number,
  destination: AddressValue,
  on?: string,
  preferred?: (device: string) => boolean,
): ReadyRoute | undefined => host.tables.get(table)?.find(destination, on, preferred);

/** Whether an interface has this very address. */
export const hasAddress = ({ owned }: Host, address: AddressValue): boolean => owned.has(address);

/** Whether the address is one of this host's own; `taken`: it is taken to be one, for no interfaces are known. */
export const isOwn = (host: Host, address: AddressValue, taken = false): boolean =>
  taken || find(host, TABLE.local, address)?.kind === 'local';

export const isMulticast = (family: Family, address: AddressValue): boolean =>
  family === 'ipv4' ? Number(address) >>> 28 === 0xe : BigInt(address) >> 120n === 0xffn;

/** 127.0.0.0/8 or ::1. */
export const isLoopback = (family: Family, address: AddressValue): boolean =>
  family === 'ipv4' ? Number(address) >>> 24 === 127 : address === 1n;

/**
 * The address that the kernel takes as an interface's own: for IPv4 the first primary one. For IPv6, REDIRECT takes the
 * first of the scope of the destination, in the kernel's order (netfilter-semantics 13).
 */
export function primaryAddress(host: Host, name: string | undefined, like: AddressValue): AddressValue | undefined {
  const addresses = name === undefined ? undefined : host.addresses.get(name);
  if (host.family === 'ipv4') return addresses?.find(isPrimary)?.value;
  const scope = scopeOf(BigInt(like));
  return addresses?.find(({ value }) => scope === 'global' || scopeOf(BigInt(value)) === scope)?.value;
}

const isPrimary = ({ secondary }: InterfaceAddress): boolean => !secondary;

/** fe80::/10. */
export const isLinkLocal = (address: AddressValue): boolean =>
  typeof address === 'bigint' && address >> 118n === 0xfe80n >> 6n;

/** How far an IPv6 address reaches, a group's too; those that hold an IPv4 address (::a.b.c.d) are among themselves. Source: net/ipv6/addrconf_core.c, __ipv6_addr_type. */
export function scopeOf(address: bigint): 'host' | 'compatible' | 'link' | 'site' | 'global' {
  const group = isMulticast('ipv6', address) ? Number((address >> 112n) & 15n) : undefined;
  if (group === 1 || address === 1n) return 'host';
  if (address > 1n && address >> 32n === 0n) return 'compatible';
  if (group === 2 || isLinkLocal(address)) return 'link';
  return group === 5 || address >> 118n === 0xfec0n >> 6n ? 'site' : 'global';
}

/** The source address that the kernel chooses for a packet of this host's own, or for MASQUERADE. Whither it goes is read where there is a choice. */
export function sourceTowards(
  host: Host,
  routed: { readonly device: string; readonly gateway?: AddressValue; readonly source?: AddressValue },
  to: { readonly destination: AddressValue },
): AddressValue | undefined {
  if (routed.source !== undefined) return routed.source;
  if (host.family === 'ipv6') return nearestSource(host, routed.device, to.destination);
  const own = primariesOf(host, routed.device);
  const near =
    own.length < 2
      ? undefined
      : own.find(({ value, length }) => {
          const mask = maskOf(host.family, length);
          return masked(value, mask) === masked(routed.gateway ?? to.destination, mask);
        });
  // An interface without any borrows from the first that has one: loopback does. Source: devinet.c, inet_select_addr.
  return (near ?? own[0] ?? host.interfaces.flatMap(({ name }) => primariesOf(host, name))[0])?.value;
}

const primariesOf = (host: Host, device: string): readonly InterfaceAddress[] =>
  host.addresses.get(device)?.filter((own) => usable(own, host.family) && isPrimary(own)) ?? [];

/**
 * The destination itself where it is this host's; else one of the outgoing interface, of those the one that has most bits in
 * common with it. Source: net/ipv6/addrconf.c, ipv6_get_saddr_eval.
 */
function nearestSource(host: Host, device: string, destination: AddressValue): AddressValue | undefined {
  if (isLinkLocal(destination) || destination === 1n) return linkSource(host, device);
  if (isOwn(host, destination)) return destination;
  const own = primariesOf(host, device);
  const candidates = own.length > 0 ? own : host.interfaces.flatMap(({ name }) => primariesOf(host, name));
  let best: InterfaceAddress | undefined;
  let most = -1;
  for (const address of candidates) {
    const common = Math.min(address.length, bitsInCommon(BigInt(address.value), BigInt(destination)));
    if (common > most) [best, most] = [address, common];
  }
  return best?.value;
}

/** Towards its own link the interface speaks for itself, with whatever it has. */
function linkSource({ addresses }: Host, device: string): AddressValue | undefined {
  const own = addresses.get(device);
  return (own?.find(({ value }) => isLinkLocal(value)) ?? own?.[0])?.value;
}

const bitsInCommon = (one: bigint, other: bigint): number =>
  128 - (one ^ other).toString(2).length + (one === other ? 1 : 0);
