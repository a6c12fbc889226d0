import { type AddressValue, FAMILIES, type Family, formatAddress, parseAddress, widthOf } from '../address/index.ts';
import {
  type Backend,
  type Clocks,
  type HeldRules,
  type Interface,
  type InterfaceAddress,
  type Listener,
  type NftTable,
  type ReversePath,
  ROUTE_KINDS,
  type Route,
  type RoutingRule,
  type RuleSet,
  type Snapshot,
  type Sysctls,
  UNREAD,
  type Unread,
  withNft,
} from '../netfilter/index.ts';
import { given } from './given.ts';
import { parseSets } from './ipset.ts';
import {
  field,
  flag,
  integer,
  list,
  made,
  number,
  oneOf,
  optional,
  type Part,
  readJson,
  required,
  unfit,
  text as words,
} from './json.ts';
import { printNft } from './nft/print.ts';
import { parseNft } from './nft/read.ts';
import { UNREADABLE } from './nft/unknown.ts';
import { printSave } from './print-save.ts';
import { parseSave } from './read-save.ts';
import { refuseBinary } from './reading.ts';

export const SNAPSHOT_SCHEMA = 'sidestep/snapshot/1';

/** A snapshot as JSON: rules inside as the text of iptables-save with counters, addresses as text. Ends in a newline. */
export function printSnapshot(snapshot: Snapshot): string {
  const { held, interfaces, routes, listeners, ...rest } = snapshot;
  const document = {
    schema: SNAPSHOT_SCHEMA,
    origin: rest.origin,
    ...(rest.taken === undefined ? {} : { taken: rest.taken }),
    rules: held.map(printHeld),
    ...(rest.native ? { native: printNative(rest.native) } : {}),
    ...(rest.orderUnknown ? { orderUnknown: true } : {}),
    ...(interfaces ? { interfaces: interfaces.map(printInterface) } : {}),
    ...(routes ? { routes: routes.map(printRoute) } : {}),
    ...(rest.routingRules ? { routingRules: rest.routingRules } : {}),
    ...(listeners
      ? { listeners: listeners.map((one) => ({ ...one, address: formatAddress(one.family, one.address) })) }
      : {}),
    ...(rest.sysctls ? { sysctls: rest.sysctls } : {}),
    ...(rest.clocks ? { clocks: rest.clocks } : {}),
    ...(rest.ipsets === undefined ? {} : { ipsets: rest.ipsets }),
    ...(rest.unread ? { unread: rest.unread } : {}),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

const printHeld = ({ backend, rules }: HeldRules): object => ({
  backend,
  family: rules.family,
  save: printSave(rules, { backend, counters: true }),
  ...(hasUnreadable(rules) ? { unreadable: true } : {}),
  ...(rules.tables.some(({ nft }) => nft)
    ? {
        nft: printNft(
          rules.tables.flatMap(({ nft }) => nft ?? []),
          { state: true, handles: true },
        ),
      }
    : {}),
});

const printNative = (tables: readonly NftTable[]): object => ({
  list: printNft(tables, { state: true, handles: true }),
  ...(tables.some(hasUnreadableRule) ? { unreadable: true } : {}),
});

/** The same of a native table. */
const hasUnreadableRule = ({ chains }: NftTable): boolean =>
  chains.some(({ rules }) =>
    rules.some(({ statements }) => statements.some((one) => one.kind === 'opaque' && one.because === UNREADABLE)),
  );

/** Whether a rule was kept that could not be read: it will not be readable from the snapshot either. */
const hasUnreadable = ({ tables }: RuleSet): boolean =>
  tables.some(({ chains }) =>
    chains.some(({ rules }) =>
      rules.some(({ matches }) => matches.some((use) => use.kind === 'opaque' && use.name === '')),
    ),
  );

const printInterface = ({ addresses, ...rest }: Interface): object => ({
  ...rest,
  addresses: addresses.map(({ family, value, length, secondary, scope }) => ({
    address: `${formatAddress(family, value)}/${length}`,
    scope,
    ...(secondary ? { secondary } : {}),
  })),
});

const printRoute = ({ family, destination, length, gateway, source, ...rest }: Route): object => ({
  family,
  destination: length === 0 ? 'default' : `${formatAddress(family, destination)}/${length}`,
  ...rest,
  ...(gateway === undefined ? {} : { gateway: formatAddress(family, gateway) }),
  ...(source === undefined ? {} : { source: formatAddress(family, source) }),
});

/** Reads what `printSnapshot` writes. Throws InputRefused; a part that is not there stays undefined. */
export function parseSnapshot(text: string, source = '-'): Snapshot {
  refuseBinary(text, source);
  return readJson(text, source, EXPECTED, (document) => readSnapshot(document, source));
}

const EXPECTED = 'Expected a snapshot as sidestep snapshot writes it.';

function readSnapshot(document: Part, source: string): Snapshot {
  const nft = field(document, 'nftables');
  if (nft) unfit(nft, 'a snapshot: nft -j leaves out what iptables’ matches and targets say, so use iptables-save');
  oneOf(required(document, 'schema'), [SNAPSHOT_SCHEMA]);
  const orderUnknown = optional(document, 'orderUnknown', flag);
  return {
    origin: words(required(document, 'origin')),
    ...given('taken', optional(document, 'taken', words)),
    held: list(required(document, 'rules'), (part) => readHeld(part, source)),
    ...given(
      'native',
      optional(document, 'native', (part) => readNative(part, source)),
    ),
    ...(orderUnknown ? { orderUnknown } : {}),
    ...given('interfaces', optionalList(document, 'interfaces', readInterface)),
    ...given('routes', optionalList(document, 'routes', readRoute)),
    ...given('routingRules', optionalList(document, 'routingRules', readRoutingRule)),
    ...given('listeners', optionalList(document, 'listeners', readListener)),
    ...given('sysctls', optional(document, 'sysctls', readSysctls)),
    ...given('clocks', optional(document, 'clocks', readClocks)),
    ...readSets(document, source),
    ...given('unread', optionalList(document, 'unread', readUnread)),
  };
}

function readSets(document: Part, source: string): Pick<Snapshot, 'ipsets' | 'sets'> {
  const ipsets = optional(document, 'ipsets', words);
  return ipsets === undefined ? {} : { ipsets, sets: parseSets(ipsets, { source: `${source} (ipsets)` }) };
}

const optionalList = <T>(part: Part, key: string, read: (part: Part) => T): T[] | undefined =>
  optional(part, key, (found) => list(found, read));

const family = (part: Part): Family => oneOf(required(part, 'family'), FAMILIES);

function readHeld(part: Part, source: string): HeldRules {
  const backend: Backend = oneOf(required(part, 'backend'), ['nft', 'legacy']);
  const of = family(part);
  const save = words(required(part, 'save'));
  const [rules = { family: of, tables: [] }] = parseSave(save, {
    source: `${source} (rules, ${of}, ${backend})`,
    family: of,
    keepGoing: optional(part, 'unreadable', flag) ?? false,
  });
  const nft = optional(part, 'nft', (found) =>
    parseNft(words(found), { source: `${source} (nft's own rules, ${of})`, keepGoing: true }),
  );
  return { backend, rules: nft ? withNftTables(rules, nft) : rules };
}

/** Gives rules back what nft showed of them, and iptables did not. */
const withNftTables = (rules: RuleSet, nft: readonly NftTable[]): RuleSet => ({
  ...rules,
  tables: rules.tables.map((table) => {
    const own = nft.find(({ name }) => name === table.name);
    return own ? withNft(table, own) : table;
  }),
});

const readNative = (part: Part, source: string): NftTable[] =>
  parseNft(words(required(part, 'list')), {
    source: `${source} (native tables)`,
    keepGoing: optional(part, 'unreadable', flag) ?? false,
  });

function readInterface(part: Part): Interface {
  return {
    name: words(required(part, 'name')),
    index: number(required(part, 'index')),
    up: flag(required(part, 'up')),
    addresses: list(required(part, 'addresses'), readInterfaceAddress),
  };
}

function readInterfaceAddress(part: Part): InterfaceAddress {
  const prefix = made(required(part, 'address'), 'an address with a length, like 10.0.0.5/24', withLength);
  return {
    ...prefix,
    secondary: optional(part, 'secondary', flag) ?? false,
    scope: oneOf(required(part, 'scope'), ['global', 'site', 'link', 'host']),
  };
}

function withLength(text: string): { family: Family; value: AddressValue; length: number } | undefined {
  const [host = '', bits = ''] = text.split('/');
  const address = parseAddress(host);
  if (!address || !/^\d{1,3}$/.test(bits) || Number(bits) > widthOf(address.family)) return undefined;
  return { family: address.family, value: address.value, length: Number(bits) };
}

function readRoute(part: Part): Route {
  const of = family(part);
  const everywhere = { value: of === 'ipv4' ? 0 : 0n, length: 0 };
  const destination = made(required(part, 'destination'), 'an address with a length, or default', (text) =>
    text === 'default' ? everywhere : ofFamily(withLength(text), of),
  );
  return {
    family: of,
    table: number(required(part, 'table')),
    kind: oneOf(required(part, 'kind'), ROUTE_KINDS),
    destination: destination.value,
    length: destination.length,
    ...given('device', optional(part, 'device', words)),
    ...given(
      'gateway',
      optional(part, 'gateway', (found) => address(found, of)),
    ),
    metric: number(required(part, 'metric')),
    ...given('hops', optional(part, 'hops', number)),
    ...given(
      'source',
      optional(part, 'source', (found) => address(found, of)),
    ),
  };
}

const ofFamily = <T extends { readonly family: Family }>(address: T | undefined, of: Family): T | undefined =>
  address?.family === of ? address : undefined;

const address = (part: Part, of: Family): AddressValue =>
  made(part, `an ${of === 'ipv4' ? 'IPv4' : 'IPv6'} address`, (text) => ofFamily(parseAddress(text), of)?.value);

function readRoutingRule(part: Part): RoutingRule {
  const mark = optional(part, 'mark', (found) => ({
    value: number(required(found, 'value')),
    mask: number(required(found, 'mask')),
  }));
  return {
    family: family(part),
    priority: number(required(part, 'priority')),
    table: number(required(part, 'table')),
    ...given('mark', mark),
    ...given('other', optional(part, 'other', words)),
  };
}

function readListener(part: Part): Listener {
  const of = family(part);
  const process = optional(part, 'process', (found) => ({
    pid: number(required(found, 'pid')),
    name: words(required(found, 'name')),
  }));
  return {
    family: of,
    protocol: oneOf(required(part, 'protocol'), ['tcp', 'udp']),
    address: address(required(part, 'address'), of),
    port: number(required(part, 'port')),
    ...given('dual', optional(part, 'dual', flag)),
    ...given('transparent', optional(part, 'transparent', flag)),
    ...given('device', optional(part, 'device', words)),
    ...given('uid', optional(part, 'uid', number)),
    ...given('process', process),
  };
}

const readReversePath = (part: Part): ReversePath => ({
  interface: words(required(part, 'interface')),
  mode: oneOf(required(part, 'mode'), ['strict', 'loose']),
});

const readSysctls = (part: Part): Sysctls => ({
  ...given('ipForward', optional(part, 'ipForward', flag)),
  ...given('ipv6Forward', optional(part, 'ipv6Forward', flag)),
  ...given('routeLocalnet', optionalList(part, 'routeLocalnet', words)),
  ...given('rpFilter', optionalList(part, 'rpFilter', readReversePath)),
});

const readClocks = (part: Part): Clocks => ({
  ...given(
    'nft',
    optional(part, 'nft', (found) => oneOf(found, ['UTC'] as const)),
  ),
  ...given('kernelWest', optional(part, 'kernelWest', integer)),
});

const readUnread = (part: Part): Unread => ({
  about: oneOf(required(part, 'about'), UNREAD),
  what: words(required(part, 'what')),
  because: words(required(part, 'because')),
  ...given('hint', optional(part, 'hint', words)),
});
