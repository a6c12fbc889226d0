import type { Family, PortRange, Range } from '../address/index.ts';
import { field as describe, formatField, protocolName, type RuleSet, type ValueField } from '../netfilter/index.ts';
import { type Box, intersection, merged, type Names, outside, sameRanges, valuesOf } from './box.ts';
import { isToProxy, type Turned } from './chain.ts';
import { type Fate, fatesOf } from './fate.ts';
import type { Caught, Include } from './interception.ts';
import { prefixesOf, prefixSetOf } from './prefixes.ts';
import { turnsAnything } from './proxy-ports.ts';
import { baseOf, WORLDS, type World } from './world.ts';

/** All that the rules of one family catch, and why that may not be exact. */
export interface Catch {
  readonly caught: readonly Caught[];
  readonly fates: Readonly<Record<World, readonly Fate[]>>;
  readonly doubts: readonly string[];
}

/** A rule set never changes, and both a recognition and a summary ask what it catches. */
const known = new WeakMap<RuleSet, Asked & { readonly found: Catch }>();

/** `sets`: they were read, and are not told in a few lines. */
interface Asked {
  readonly now: number | undefined;
  readonly sets: 'aside' | undefined;
}

/**
 * What these rule sets (one family) turn to a socket of this host that is not the one it was sent to. Rules that turn
 * nothing are not walked (then there are no fates either), unless `always`.
 */
export function catchOf(held: readonly RuleSet[], now?: number, always = false, sets?: 'aside'): Catch {
  const [first] = held;
  const before = first && held.length === 1 ? known.get(first) : undefined;
  if (before && before.now === now && before.sets === sets) return before.found;
  if (!always && !held.some(turnsAnything)) return NOTHING;
  const found = walked(held, now, sets);
  if (first && held.length === 1) known.set(first, { now, sets, found });
  return found;
}

const NOTHING: Catch = { caught: [], fates: { inbound: [], outbound: [], self: [] }, doubts: [] };

function walked(held: readonly RuleSet[], now: number | undefined, sets: 'aside' | undefined): Catch {
  const family = held[0]?.family ?? 'ipv4';
  // The worlds that a doubt is about.
  const doubts = new Map<string, World[]>();
  const fates = { inbound: [], outbound: [], self: [] } as Record<World, readonly Fate[]>;
  const caught: Caught[] = [];
  for (const world of WORLDS) {
    const found = fatesOf(held, world, now, sets);
    const told = new Set(found ? [] : ['there are too many cases to tell them in a few lines']);
    fates[world] = found ?? [];
    for (const fate of fates[world]) {
      for (const doubt of fate.doubts) told.add(doubt);
      if (fate.verdict === 'unknown') told.add('a rule does what Sidestep does not know');
    }
    for (const doubt of told) doubts.set(doubt, [...(doubts.get(doubt) ?? []), world]);
    const base = baseOf(world, family, now);
    for (const { turned, boxes } of turnedOf(fates[world], family))
      for (const box of boxes) caught.push(describeBox(box, base, world, family, turned));
  }
  return { caught, fates, doubts: [...doubts].map(([doubt, worlds]) => `${worlds.join(', ')}: ${doubt}`) };
}

/** The fates that end at another socket, those of one port together. */
export function turnedOf(fates: readonly Fate[], family: Family): { turned: Turned; boxes: readonly Box[] }[] {
  const groups = new Map<string, { turned: Turned; boxes: Box[] }>();
  for (const { turned, verdict, sent } of fates) {
    if (!turned || verdict !== 'arrives' || !isToProxy(turned, family)) continue;
    const key = `${turned.how} ${turned.address ?? ''} ${turned.port ?? 0}`;
    const group = groups.get(key) ?? { turned, boxes: [] };
    groups.set(key, group);
    group.boxes.push(sent);
  }
  return [...groups.values()].map(({ turned, boxes }) => ({ turned, boxes: merged(boxes, family) }));
}

/** A box in the words that rules use: which values, or all but which. */
export function describeBox(box: Box, base: Box, world: World, family: Family, turned?: Turned): Caught {
  const side = (field: ValueField) => sideOf(box, base, field, family);
  const prefixes = (field: 'source' | 'destination') => {
    const { only, except } = side(field);
    return only === '*' ? { only, except: prefixesOf(except, family) } : prefixSetOf(only, family);
  };
  const [ports, sources, destinations] = [side('destinationPort'), prefixes('source'), prefixes('destination')];
  const names = interfacesOf(
    box.names[world === 'inbound' ? 'in' : 'out'],
    base.names[world === 'inbound' ? 'in' : 'out'],
  );
  const owners = OWNERS.map((field) => ({ field, ...side(field) }));
  const restricting = owners.flatMap(({ field, only }) => (only === '*' ? [] : ownersOf(field, only)));
  return {
    direction: world,
    protocol: protocolOf(side('protocol')),
    ports: ports.only as Include<PortRange>,
    exceptPorts: ports.except as readonly PortRange[],
    sources: sources.only,
    exceptSources: sources.except,
    destinations: destinations.only,
    exceptDestinations: destinations.except,
    interfaces: names.only,
    exceptInterfaces: names.except,
    owners: restricting.length === 0 ? '*' : restricting,
    exceptOwners: owners.flatMap(({ field, except }) => ownersOf(field, except)),
    also: (Object.keys(box.values) as ValueField[])
      .filter((field) => !TOLD.has(field))
      .flatMap((field) => alsoOf(field, side(field), family)),
    how: turned?.how ?? 'REDIRECT',
    proxyPort: turned?.port ?? 0,
  };
}

const OWNERS = ['uid', 'gid', 'mark'] as const;
const TOLD: ReadonlySet<ValueField> = new Set(['protocol', 'destinationPort', 'source', 'destination', ...OWNERS]);

interface Side {
  readonly only: Include<Range>;
  readonly except: readonly Range[];
}

/** A set of values as people say it: these, or all but these, whichever is the shorter. */
function sideOf(box: Box, base: Box, field: ValueField, family: Family): Side {
  const [values, all] = [valuesOf(box, field, family), valuesOf(base, field, family)];
  if (sameRanges(values, all)) return { only: '*', except: [] };
  const except = intersection(outside(values, field, family), all);
  const reachesEnds = values[0]?.[0] === all[0]?.[0] && values.at(-1)?.[1] === all.at(-1)?.[1];
  const shorter = except.length < values.length || (except.length === values.length && except.every(isSingle));
  return reachesEnds || shorter ? { only: '*', except } : { only: values, except: [] };
}

const isSingle = ([low, high]: Range): boolean => low === high;

function interfacesOf(names: Names | undefined, base: Names | undefined): { only: Include<string>; except: string[] } {
  const except = (names?.except ?? []).filter((name) => !base?.except.includes(name));
  const within = names?.within;
  return { only: within === undefined || within === base?.within ? '*' : [within], except };
}

function protocolOf({ only, except }: Side): string {
  const names = (ranges: readonly Range[]): string[] =>
    ranges.flatMap(([low, high]) => (low === high ? protocolName(Number(low)) : `${low}-${high}`));
  if (only !== '*') return names(only).join(', ');
  return except.length === 0 ? 'any' : `any but ${names(except).join(', ')}`;
}

const ownersOf = (field: (typeof OWNERS)[number], ranges: readonly Range[]): string[] =>
  ranges.map(([low, high]) => {
    const words = (value: Range[0]): string => (field === 'mark' ? `0x${value.toString(16)}` : String(value));
    return `${field} ${low === high ? words(low) : `${words(low)}-${words(high)}`}`;
  });

function alsoOf(field: ValueField, { only, except }: Side, family: Family): string[] {
  const words = (ranges: readonly Range[]): string =>
    ranges
      .map(([low, high]) =>
        low === high
          ? formatField(field, low, family)
          : describe(field).kind === 'address' || field === 'sourceMac'
            ? `${formatField(field, low, family)}-${formatField(field, high, family)}`
            : `${low}-${high}`,
      )
      .join(', ');
  const { spoken } = describe(field);
  if (only !== '*') return [`${spoken} ${words(only)}`];
  return except.length === 0 ? [] : [`${spoken} not ${words(except)}`];
}
