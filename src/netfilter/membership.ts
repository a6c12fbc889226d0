import { type AddressValue, type Family, highest, lengthOf, masked, type Range, union } from '../address/index.ts';
import type { FieldName, NameField, ValueField } from './fields.ts';
import { type Dimension, type IpSet, type IpSets, SET_TYPES, type SetEntry, type SetPart } from './ipset.ts';
import { ALWAYS, all, choice, hasBits, is, isIn, NEVER, not, type Predicate, some, unknown } from './predicate.ts';
import { ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from './protocol.ts';

/** How a rule asks for a set. */
export interface Membership {
  /** For each dimension in turn: whether the packet's source side is meant. */
  readonly sources: readonly boolean[];
  /** Exceptions match, and what is no exception does not. Of types that have exceptions only. */
  readonly returnNomatch: boolean;
  readonly family: Family;
  readonly sets: IpSets;
}

/**
 * Whether a packet is in a set, as the kernel looks it up: of the networks that hold an address the narrowest decides.
 * Source: net/netfilter/ipset/ip_set_core.c (ip_set_test), ip_set_hash_gen.h (mtype_test_cidrs) and each type's kadt.
 */
export function memberOf(set: IpSet, asked: Membership): Predicate {
  const { family, sources, sets } = asked;
  const dimensions = SET_TYPES[set.type];
  if (set.unread !== undefined || !dimensions) return unknown(set.unread ?? 'its type is not known');
  if (sources.length < dimensions.length || (set.family && set.family !== family)) return NEVER;
  if (set.type === 'list:set') return inAnyOf(set, asked, sets);
  const look = { set, dimensions, sources, family };
  if (dimensions.includes('iface')) return byInterface(look, asked.returnNomatch);
  return dimensions.includes('net') ? byNetwork(look, asked.returnNomatch) : cover(look, set.entries);
}

/** The fields that a set of this type looks at, for words. */
export const fieldsOf = (type: string | undefined, sources: readonly boolean[]): readonly FieldName[] => {
  const dimensions = SET_TYPES[type ?? ''] ?? [];
  const known = dimensions.some((dimension) => dimension === 'set') ? [] : dimensions;
  return known.length === 0
    ? [sources[0] ? 'source' : 'destination']
    : known.map((dimension, index) => fieldOf(dimension, sources[index] ?? false));
};

function fieldOf(dimension: Dimension, source: boolean): FieldName {
  switch (dimension) {
    case 'port':
      return source ? 'sourcePort' : 'destinationPort';
    case 'mac':
      return source ? 'sourceMac' : 'destinationMac';
    case 'mark':
      return 'mark';
    case 'iface':
      return source ? 'in' : 'out';
    case 'ip':
    case 'net':
    case 'set':
      return source ? 'source' : 'destination';
  }
}

/** A list holds what any of its sets holds. */
const inAnyOf = (list: IpSet, asked: Membership, sets: IpSets): Predicate =>
  some(
    ...list.entries.map(({ parts: [part], timed }) => {
      const member = part?.kind === 'set' ? sets.get(part.name) : undefined;
      const inside = member ? memberOf(member, asked) : unknown('a set that the list names is not here');
      return timed ? all(inside, expiring(list)) : inside;
    }),
  );

const expiring = ({ name }: IpSet): Predicate =>
  choice(`timeout ${name}`, `the entry of the set ${JSON.stringify(name)} may have timed out`);

const learning = ({ name }: IpSet): Predicate =>
  choice(
    `learns ${name}`,
    `the set ${JSON.stringify(name)} takes the first MAC address that it sees for this address, and may have seen one`,
  );

/** Networks from the widest to the narrowest; each has its way with what the wider ones have made. */
function byNetwork(look: Look, returnNomatch: boolean): Predicate {
  let result: Predicate = NEVER;
  for (const run of runsOf(look.set.entries, (a, b) => a.nomatch === b.nomatch)) {
    const adds = run[0]?.nomatch === returnNomatch;
    result = adds ? some(result, cover(look, run)) : all(result, not(cover(look, run)));
  }
  return result;
}

/**
 * Where the narrowest network that holds the address has entries for other interfaces only, wider ones are not looked
 * at: the kernel's search ends with the first network that it finds. Source: ip_set_hash_netiface.c, `multi`.
 */
function byInterface(look: Look, returnNomatch: boolean): Predicate {
  const entries = look.set.entries.filter(({ parts: [, part] }) => !(part?.kind === 'interface' && part.physical));
  let result: Predicate = NEVER;
  for (const run of runsOf(entries, (a, b) => networkOf(a) === networkOf(b))) {
    const matching = run.filter(({ nomatch }) => nomatch === returnNomatch);
    const against = run.filter(({ nomatch }) => nomatch !== returnNomatch);
    result = some(all(result, not(networks(look, run))), all(cover(look, matching), not(cover(look, against))));
  }
  return result;
}

const lengthsOf = ({ parts }: SetEntry): number[] =>
  parts.flatMap((part) => (part.kind === 'addresses' && part.length !== undefined ? [part.length] : []));

const networkOf = ({ parts: [part] }: SetEntry): string =>
  part?.kind === 'addresses' ? `${part.range[0]}/${part.length}` : '';

/** Entries in the order of their prefix lengths, cut where two neighbours are not alike. */
function runsOf(
  entries: readonly SetEntry[],
  alike: (a: SetEntry, b: SetEntry) => boolean,
): readonly (readonly SetEntry[])[] {
  const sorted = entries
    .map((entry) => ({ entry, lengths: lengthsOf(entry), network: networkOf(entry) }))
    .sort(
      (a, b) =>
        (a.lengths[0] ?? 0) - (b.lengths[0] ?? 0) ||
        (a.lengths[1] ?? 0) - (b.lengths[1] ?? 0) ||
        (a.network < b.network ? -1 : a.network > b.network ? 1 : 0),
    );
  const runs: SetEntry[][] = [];
  for (const { entry } of sorted) {
    const run = runs.at(-1);
    if (run?.[0] && alike(run[0], entry)) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}

/** Entries as predicates over the fields of the sides that were asked for. */
interface Look {
  readonly set: IpSet;
  readonly dimensions: readonly Dimension[];
  readonly sources: readonly boolean[];
  readonly family: Family;
}

/** Any of the entries, exceptions or not. */
function cover(look: Look, entries: readonly SetEntry[]): Predicate {
  const lasting = entries.filter(({ timed }) => !timed);
  const timed = entries.filter((entry) => entry.timed);
  return some(joined(look, lasting), timed.length > 0 ? all(joined(look, timed), expiring(look.set)) : NEVER);
}

/** The networks of the entries, whatever else these ask for. */
const networks = (look: Look, entries: readonly SetEntry[]): Predicate =>
  cover(
    look,
    entries.map((entry) => ({ ...entry, parts: entry.parts.slice(0, 1) })),
  );

/** Entries that differ in their first dimension only become one list of ranges. */
function joined(look: Look, entries: readonly SetEntry[]): Predicate {
  const groups = new Map<string, { readonly firsts: SetPart[]; readonly rest: readonly SetPart[] }>();
  for (const { parts } of entries) {
    const [first, ...rest] = parts;
    if (!first) continue;
    const key = keyOf(rest);
    const group = groups.get(key);
    if (group) group.firsts.push(first);
    else groups.set(key, { firsts: [first], rest });
  }
  return some(
    ...[...groups.values()].map(({ firsts, rest }) =>
      all(firstOf(look, firsts), ...rest.map((part, index) => partOf(look, part, index + 1))),
    ),
  );
}

function firstOf(look: Look, parts: readonly SetPart[]): Predicate {
  const ranges: Range[] = [];
  const others: Predicate[] = [];
  for (const part of parts) {
    const range = rangeOf(look, part);
    if (range) ranges.push(range);
    else others.push(partOf(look, part, 0));
  }
  const field = fieldOf(look.dimensions[0] ?? 'ip', look.sources[0] ?? false) as ValueField;
  return some(ranges.length > 0 ? isIn(field, ...union(ranges)) : NEVER, ...others);
}

/** What is one range of the first dimension's field, and no more than that. */
function rangeOf(look: Look, part: SetPart): Range | undefined {
  if (part.kind === 'addresses') return widened(look, part);
  return part.kind === 'mac' && part.value !== undefined ? [part.value, part.value] : undefined;
}

/** The addresses that a part means under the set's mask, unless that has holes. */
function widened({ set, family }: Look, { range, length }: Extract<SetPart, { kind: 'addresses' }>): Range | undefined {
  const { mask } = set;
  if (mask === undefined || length !== undefined) return range;
  if (lengthOf(family, mask) === undefined) return undefined;
  return [masked(range[0], mask), filled(range[1], mask, family)];
}

function partOf(look: Look, part: SetPart, index: number): Predicate {
  const field = fieldOf(look.dimensions[index] ?? 'ip', look.sources[index] ?? false);
  switch (part.kind) {
    case 'addresses':
      return addressIn(look, part, field as ValueField);
    case 'ports':
      return portsIn(part, field as ValueField, look.family);
    case 'mac':
      // A packet without a MAC address is in no such set.
      return part.value === undefined
        ? all(not(is(field as ValueField, 0)), learning(look.set))
        : is(field as ValueField, part.value);
    case 'mark': {
      const mask = look.set.markMask ?? 0xffff_ffff;
      return hasBits('mark', mask, masked(part.value, mask));
    }
    case 'interface':
      // No match of iptables asks for the port of a bridge.
      if (part.physical) return NEVER;
      return { kind: 'name', field: field as NameField, text: part.name, prefix: part.prefix };
    case 'set':
      return NEVER;
  }
}

function addressIn(look: Look, part: Extract<SetPart, { kind: 'addresses' }>, field: ValueField): Predicate {
  const range = widened(look, part);
  if (range) return isIn(field, range);
  const mask = look.set.mask ?? highest(look.family);
  return part.range[0] === part.range[1]
    ? hasBits(field, mask, masked(part.range[0], mask))
    : unknown('a range of addresses under a mask with holes is not looked at');
}

/** An address with all bits on that the mask leaves out. */
function filled(value: AddressValue, mask: AddressValue, family: Family): AddressValue {
  if (family === 'ipv4') return (Number(value) | ~Number(mask)) >>> 0;
  return BigInt(value) | (BigInt(highest('ipv6')) ^ BigInt(mask));
}

const PORTED: ReadonlySet<number> = new Set([TCP, UDP, SCTP, UDPLITE]);
const firstFragment = is('fragment', 0);

/** Source: ip_set_getport.c. A later fragment of a protocol with ports has none; of IPv6 no protocol has. */
function portsIn(
  { protocol, range }: Extract<SetPart, { kind: 'ports' }>,
  field: ValueField,
  family: Family,
): Predicate {
  if (protocol === undefined) return all(isIn('protocol', [TCP, TCP], [UDP, UDP]), isIn(field, range), firstFragment);
  if (PORTED.has(protocol)) return all(is('protocol', protocol), isIn(field, range), firstFragment);
  if (protocol === ICMP || protocol === ICMPV6) {
    const [type, code] = [range[0] >> 8, range[0] & 0xff];
    return all(is('protocol', protocol), is('icmpType', type), is('icmpCode', code), firstFragment);
  }
  if (range[0] !== 0) return NEVER;
  return all(is('protocol', protocol), family === 'ipv6' ? firstFragment : ALWAYS);
}

const keyOf = (parts: readonly SetPart[]): string =>
  JSON.stringify(parts, (_key, value) => (typeof value === 'bigint' ? `${value}n` : value));
