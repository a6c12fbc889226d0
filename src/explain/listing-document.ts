import { formatPrefix, type PortRange, type Prefix } from '../address/index.ts';
import type { Bypass, Caught, Include, Recognition, Summary } from '../interception/index.ts';
import { type Counters, type HeldRules, isFollowed, type NftTable, type Snapshot } from '../netfilter/index.ts';
import { printNftHook, printNftRule, printNftSetHead, printRule } from '../text/index.ts';
import type { ListingDocument } from './schema/listing.ts';

/** What `list -o json` prints. */
export const listingDocument = (snapshot: Snapshot, summary: Summary): ListingDocument => ({
  schema: 'sidestep/listing/1',
  origin: snapshot.origin,
  ...(snapshot.taken ? { taken: snapshot.taken } : {}),
  ...(summary.title ? { title: summary.title } : {}),
  summary: summary.lines.map((part) => ({ ...part, families: [...part.families] })),
  doubts: [...summary.doubts],
  interceptions: summary.recognitions.map(interceptionDocument),
  bypasses: summary.bypasses.map((bypass) => bypassDocument(bypass, summary.idle)),
  unread: (snapshot.unread ?? []).map(({ about, what, because }) => ({ about, what, because })),
  rules: snapshot.held.map(rulesDocument),
  ...(snapshot.native ? { native: snapshot.native.map(nativeDocument) } : {}),
});

const interceptionDocument = (recognition: Recognition): ListingDocument['interceptions'][number] => ({
  family: recognition.family,
  dialect: recognition.dialect,
  title: recognition.title,
  mode: recognition.mode,
  proxyPorts: [...recognition.proxyPorts],
  caught: recognition.caught.map(caughtDocument),
  foreign: recognition.foreign.map((place) => ({ ...place })),
  doubts: [...recognition.doubts],
});

const caughtDocument = (caught: Caught): ListingDocument['interceptions'][number]['caught'][number] => ({
  ...caught,
  ports: included(caught.ports, pair),
  exceptPorts: caught.exceptPorts.map(pair),
  sources: included(caught.sources, formatPrefix),
  exceptSources: caught.exceptSources.map(formatPrefix),
  destinations: included(caught.destinations, formatPrefix),
  exceptDestinations: caught.exceptDestinations.map(formatPrefix),
  interfaces: included(caught.interfaces, same),
  exceptInterfaces: [...caught.exceptInterfaces],
  owners: included(caught.owners, same),
  exceptOwners: [...caught.exceptOwners],
  also: [...caught.also],
});

const pair = ([low, high]: PortRange): [number, number] => [low, high];
const same = (text: string): string => text;
const included = <T extends string | Prefix | PortRange, U>(values: Include<T>, as: (value: T) => U): '*' | U[] =>
  values === '*' ? '*' : values.map(as);

/** A bypass that stands in the rules. */
export const bypassDocument = (bypass: Bypass, idle: readonly Bypass[]): ListingDocument['bypasses'][number] => ({
  family: bypass.family,
  backend: bypass.backend,
  table: bypass.table,
  chain: bypass.chain,
  number: bypass.number,
  kind: bypass.kind,
  ports: bypass.ports.map(pair),
  rule: printRule(bypass.rule, bypass.family),
  ...(bypass.until === undefined ? {} : { until: new Date(bypass.until * 1000).toISOString() }),
  expired: bypass.expired,
  idle: idle.some(({ rule }) => rule === bypass.rule),
});

const rulesDocument = ({ backend, untold, rules }: HeldRules): ListingDocument['rules'][number] => ({
  family: rules.family,
  backend,
  ...(untold ? { backendTold: false as const } : {}),
  tables: rules.tables.map(({ name, chains }) => ({
    name,
    chains: chains.map((chain) => ({
      name: chain.name,
      ...(chain.policy ? { policy: chain.policy } : {}),
      rules: chain.rules.map((rule) => ({ rule: printRule(rule, rules.family), ...counted(rule.counters) })),
    })),
  })),
});

const nativeDocument = (table: NftTable): NonNullable<ListingDocument['native']>[number] => ({
  family: table.family,
  name: table.name,
  followed: isFollowed(table),
  flags: [...table.flags],
  sets: table.sets.map((set) => ({ name: set.name, set: printNftSetHead(set), elements: set.elements.length })),
  chains: table.chains.map(({ name, base, rules }) => ({
    name,
    ...(base ? { hook: printNftHook(base), policy: base.policy } : {}),
    rules: rules.map((rule) => ({
      rule: printNftRule(rule, table),
      ...(rule.handle === undefined ? {} : { handle: rule.handle }),
      ...counted(rule.statements.find((statement) => statement.kind === 'counter')),
    })),
  })),
});

const counted = (counters: Counters | undefined): { packets?: string; bytes?: string } =>
  counters ? { packets: String(counters.packets), bytes: String(counters.bytes) } : {};

/** The first port that is intercepted on the way in: a good packet to follow. */
export function inboundPortOf({ recognitions }: Summary): number | undefined {
  for (const { caught } of recognitions) {
    for (const { direction, ports } of caught) {
      if (direction === 'inbound' && ports !== '*' && ports[0]) return ports[0][0];
    }
  }
  return undefined;
}
