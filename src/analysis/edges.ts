import { type AddressValue, type Family, masked, maskOf, type Range } from '../address/index.ts';
import { type Effect, type FieldName, spanOf } from '../netfilter/index.ts';
import { NOBODY } from '../trace/index.ts';
import { ASSUMED, type Ground } from '../trace/parts.ts';
import { kept } from './kept.ts';
import { contentsOf } from './rules.ts';

/** Ranges of values within which nothing in the kernel but a rule tells one value from another, by field. */
export type Edges = ReadonlyMap<FieldName, readonly Range[]>;

const one = (...values: readonly AddressValue[]): Range[] => values.map((value) => [value, value]);

/** Addresses that the kernel itself looks for. Source: include/linux/in.h; net/ipv6/addrconf_core.c. */
const FIXED: Readonly<Record<Family, readonly Range[]>> = {
  ipv4: [...one(0, 0x7f00_0001, 0xffff_ffff), [0x7f00_0000, 0x7fff_ffff], [0xe000_0000, 0xefff_ffff]],
  ipv6: [
    ...one(0n, 1n),
    [2n, 0xffff_ffffn],
    [0xffffn << 32n, (0xffffn << 32n) | 0xffff_ffffn],
    network('ipv6', 0xfe80n << 112n, 10),
    network('ipv6', 0xfec0n << 112n, 10),
    // The four bits after the flags say how far a group reaches.
    ...Array.from({ length: 256 }, (_, n) => network('ipv6', (0xff00n | BigInt(n)) << 112n, 16)),
  ],
};

/** The addresses of the network that an address is in. */
function network(family: Family, address: AddressValue, length: number): Range {
  const mask = maskOf(family, length);
  return spanOf({ value: masked(address, mask), mask }, family);
}

/** Protocols that the kernel itself tells apart. */
const PROTOCOLS = [1, 6, 17, 33, 50, 51, 58, 59, 132, 136];

/** ICMP types that connection tracking tells apart, of both families. Source: nf_conntrack_proto_icmp.c, …_icmpv6.c. */
const ICMP_TYPES: readonly Range[] = [...one(8, 13, 15, 17, 128, 139, 143), [130, 136], [151, 152]];

const KNOWN = new WeakMap<Ground, Edges>();

/** What routing, sockets and nat look for in packets: everything but what rules ask. */
export const edgesOf = (ground: Ground): Edges => kept(KNOWN, ground, () => findEdges(ground));

function findEdges(ground: Ground): Edges {
  const edges = new Map<FieldName, Range[]>();
  const add = (field: FieldName, ...ranges: readonly Range[]): void =>
    void kept(edges, field, () => []).push(...ranges);
  const { host, listeners = [], proxyPorts } = ground;
  const addresses = [...FIXED[host.family], ...hostRanges(ground)];
  add('source', ...addresses);
  add('destination', ...addresses);
  add('protocol', ...one(...PROTOCOLS));
  add('icmpType', ...ICMP_TYPES);
  add('ttl', [0, 1]);
  add('owned', [1, 1]);
  add('uid', [NOBODY, NOBODY]);
  add('sourcePort');
  add('destinationPort', ...one(...proxyPorts, ...listeners.map(({ port }) => port)));
  for (const rule of host.rules) for (const { field, range } of rule.edges) if (field !== 'in') add(field, range);
  for (const effect of effectsIn(ground)) {
    if (effect.kind === 'tproxy' && effect.port !== 0) add('destinationPort', [effect.port, effect.port]);
    if (effect.kind !== 'nat' || !effect.ports) continue;
    add(effect.change === 'source' ? 'sourcePort' : 'destinationPort', effect.ports);
    if (effect.change === 'either') add('sourcePort', effect.ports);
  }
  return edges;
}

/** Everything that any rule does. */
export const effectsIn = ({ program }: Ground): readonly Effect[] => contentsOf(program).effects;

/**
 * Where no interfaces are known, this host's address is what a packet says it is: then what nat sends somewhere may be sent to the
 * very address that the packet has for its own.
 */
function takenForOwn(ground: Ground): readonly AddressValue[] {
  const { host } = ground;
  if (host.known) return [];
  const mapped = effectsIn(ground).flatMap((effect) =>
    effect.kind === 'nat' && Array.isArray(effect.address) && effect.address[0] === effect.address[1]
      ? [effect.address[0] as AddressValue]
      : [],
  );
  return [...new Set([ASSUMED.own[host.family], ...mapped])];
}

/** The addresses that sockets are bound to: those of IPv6 may be IPv4's. */
export const boundAddresses = ({ host: { family }, listeners = [] }: Ground): readonly AddressValue[] =>
  listeners.flatMap(({ family: of, address }): readonly AddressValue[] => {
    if (of === family) return [address];
    return family === 'ipv4' && BigInt(address) >> 32n === 0xffffn ? [Number(BigInt(address) & 0xffff_ffffn)] : [];
  });

function hostRanges(ground: Ground): Range[] {
  const { host } = ground;
  const { family } = host;
  const routes = [...host.tables.values()].flatMap((table) => table.routes);
  const own = host.interfaces.flatMap(({ addresses }) => addresses.filter((address) => address.family === family));
  return [
    ...routes.map(({ destination, length }) => network(family, destination, length)),
    // IPv6 takes a network's first address for every router of it.
    ...(family === 'ipv6' ? one(...routes.map(({ destination }) => destination)) : []),
    ...own.flatMap(({ value, length }) => [network(family, value, length), [value, value] as const]),
    // Of several sources IPv6 takes the one that is most like the destination.
    ...(family === 'ipv6' && own.length > 2
      ? own.flatMap(({ value, length }) => Array.from({ length }, (_, bits) => network(family, value, bits + 1)))
      : []),
    ...one(...boundAddresses(ground)),
    ...one(...takenForOwn(ground)),
  ];
}
