import type { AddressValue, Range } from '../address/index.ts';
import {
  ADDRESS_TYPE,
  type FieldName,
  ICMP,
  ICMPV6,
  type Leaf,
  type Route,
  TCP,
  UDP,
  type ValueField,
} from '../netfilter/index.ts';
import {
  ASSUMED,
  addressType,
  find,
  type Ground,
  type Host,
  hasAddress,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isOwn,
  ROUTED_FIELDS,
  scopeOf,
  sourceTowards,
} from '../trace/parts.ts';
import { isAddress } from './boundaries.ts';
import { endOf, intervalOf, startsOf } from './code.ts';
import { boundAddresses, type Edges, effectsIn } from './edges.ts';
import { HAVING } from './having.ts';
import { kept } from './kept.ts';

/** Values of a field that the kernel itself, whatever the rules, treats alike: the condition of belonging to them. */
export type Class = Extract<Leaf, { readonly kind: 'in' }>;

/**
 * How much is asked of an address: `ways`, all that routing finds out about it; `kinds`, no more than whether it is this host's, a
 * loopback address, a group, everybody's or nobody's, or one of its link.
 */
export type Grain = 'kinds' | 'ways';

/** The classes of a field. */
export interface Classes {
  of(value: AddressValue): Class;
  readonly all: readonly Class[];
}

/** Those of a machine, for rule sets on it that are compared, and for packets of both directions. */
const KNOWN = new WeakMap<Host, Map<string, Readonly<Record<Grain, Classes>>>>();

/**
 * Cuts a field where routing, sockets or nat tell values apart, and puts together what is alike in all they ask: of thousands of
 * routes few lead to different places.
 */
export function classesOf(
  ground: Ground,
  edges: Edges,
  field: ValueField,
  top: AddressValue,
): Readonly<Record<Grain, Classes>> {
  const { host } = ground;
  const starts = startsOf(edges.get(field) ?? [], typeof top === 'bigint' ? 0n : 0, top);
  const known = kept(KNOWN, host, () => new Map<string, Readonly<Record<Grain, Classes>>>());
  if (!isAddress(field)) {
    return kept(known, `${field} ${starts}`, () => {
      const classes = grouped(field, starts, top, field === 'protocol' ? protocolLabel(host) : String);
      return { kinds: classes, ways: classes };
    });
  }
  const asked = askedOf(ground);
  return kept(known, [field, starts, asked.devices, asked.sources, ...asked.bound].join(' '), () => ({
    kinds: grouped(field, starts, top, kindLabel(host)),
    ways: grouped(field, starts, top, wayLabel(host, asked)),
  }));
}

/** What rules and sockets ask of addresses. */
interface AskedOfAddresses {
  /** By which devices they are reached. */
  readonly devices: boolean;
  /** What this host would send from towards them. */
  readonly sources: boolean;
  /** Whether they are one of these. */
  readonly bound: ReadonlySet<AddressValue>;
}

const askedOf = (ground: Ground): AskedOfAddresses => {
  const { program, listeners = [] } = ground;
  return {
    devices:
      ROUTED_FIELDS.some((field) => program.reads.has(field)) || listeners.some(({ device }) => device !== undefined),
    sources: effectsIn(ground).some((effect) => effect.kind === 'nat' && effect.address === 'outgoing'),
    bound: new Set(boundAddresses(ground)),
  };
};

/** Intervals with the same label are one class. */
function grouped(
  field: ValueField,
  starts: readonly AddressValue[],
  top: AddressValue,
  label: (value: AddressValue) => string,
): Classes {
  const labels = starts.map(label);
  const ranges = new Map<string, Range[]>();
  for (const [at, name] of labels.entries()) {
    kept(ranges, name, () => []).push([starts[at]!, endOf({ starts, top }, at)]);
  }
  const classes = new Map<string, Class>();
  for (const [name, list] of ranges) classes.set(name, { kind: 'in', field, ranges: list });
  return { of: (value) => classes.get(labels[intervalOf(starts, value)]!)!, all: [...classes.values()] };
}

/** Protocols that the walk treats alike: those with ports that nobody asks sockets for, those with an index, all that have neither. */
const protocolLabel =
  (host: Host) =>
  (protocol: AddressValue): string => {
    const number = Number(protocol);
    if (host.asks.protocol || [ICMP, TCP, UDP, ICMPV6].includes(number)) return String(number);
    return HAVING.sourcePort?.includes(number) ? 'ports' : HAVING.spi?.includes(number) ? 'index' : '';
  };

/** What kind of address it is, in one word. */
const kindLabel =
  (host: Host) =>
  (address: AddressValue): string =>
    [
      isLoopback(host.family, address),
      isMulticast(host.family, address),
      address === 0 || address === 0n || address === 0xffff_ffff ? address : '',
      isOwn(host, address),
      hasAddress(host, address),
      ...(host.family === 'ipv6'
        ? [isLinkLocal(address), staysHere(BigInt(address))]
        : [addressType(host, address) === ADDRESS_TYPE.BROADCAST]),
    ].join();

/** All that anything in the walk finds out about an address, in one word. */
function wayLabel(host: Host, { devices, sources, bound }: AskedOfAddresses): (address: AddressValue) => string {
  const { family } = host;
  const tables = [...host.tables.keys()];
  const asked = {
    suppresses: host.rules.some(({ action }) => action.kind === 'table' && action.suppress >= 0),
    supposes: !host.routesKnown,
  };
  const edges = host.rules.flatMap((rule) => rule.edges.filter(({ field }) => isAddress(field as FieldName)));
  return (address) => {
    const parts: unknown[] = [
      isLoopback(family, address),
      isMulticast(family, address),
      family === 'ipv6' ? [scopeOf(BigInt(address)), isLinkLocal(address), staysHere(BigInt(address))].join() : '',
      address < 2 || address === 0xffff_ffff ? address : '',
      addressType(host, address),
      hasAddress(host, address),
      ...tables.map((table) => routeName(find(host, table, address), asked)),
      bound.has(address) || address === ASSUMED.own[family] ? address : '',
      ...edges.map(({ range: [low, high] }) => address >= low && address <= high),
    ];
    if (family === 'ipv6' && (isLinkLocal(address) || address === 1n)) {
      for (const { name } of host.interfaces)
        parts.push(...tables.map((table) => routeName(find(host, table, address, name), asked)));
    }
    if (devices) parts.push(...devicesOf(host, address));
    if (sources)
      for (const { name } of host.interfaces)
        parts.push(sourceTowards(host, { device: name }, { destination: address }));
    return parts.join(' ');
  };
}

/** By which devices the routes of an address lead, and which have it. */
function devicesOf(host: Host, address: AddressValue): readonly unknown[] {
  const tables = [...host.tables.keys()];
  const devices: unknown[] = tables.map((table) => find(host, table, address)?.device);
  if (host.family === 'ipv4') return devices;
  for (const { name } of host.interfaces) {
    devices.push(host.addresses.get(name)?.some(({ value }) => value === address));
    for (const table of tables) {
      const preferred = find(host, table, address, undefined, (device) => device === name);
      devices.push(find(host, table, address, name)?.kind, preferred?.kind, preferred?.device);
    }
  }
  return devices;
}

/** A group of the reserved scope (0) or of one host (1): IPv6 does not take what comes to it from outside. */
const staysHere = (address: bigint): number => {
  const scope = address >> 120n === 0xffn ? Number((address >> 112n) & 15n) : 2;
  return scope < 2 ? scope : 2;
};

/** Who asks for more of a route than where it leads: rules that suppress short prefixes; where no routes are known, who leaves by the supposed one. */
interface AskedOfRoutes {
  readonly suppresses: boolean;
  readonly supposes: boolean;
}

/** Routes that lead to the same place have one name. */
function routeName(route: Route | undefined, { suppresses, supposes }: AskedOfRoutes): string {
  if (!route) return '-';
  const { kind, device, gateway, source, length } = route;
  return kind === 'unicast' || kind === 'multicast'
    ? `${device} ${gateway ?? ''} ${source ?? ''} ${suppresses ? length : ''} ${supposes && length === 0}`
    : kind;
}

/** The value that stands for a class; sources and destinations are not the same where they need not be. */
export function sampleOf({ field, ranges }: Class): AddressValue {
  return field === 'destination' ? ranges.at(-1)![1] : ranges[0]![0];
}
