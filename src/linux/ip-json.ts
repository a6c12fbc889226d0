import { type AddressValue, type Family, parseAddress, widthOf } from '../address/index.ts';
import type { Interface, InterfaceAddress, Route, RoutingRule } from '../netfilter/index.ts';

/** One object of what `ip -Numeric -json` prints. */
export type Entry = Readonly<Record<string, unknown>>;

/** Values of linux/rtnetlink.h: `-Numeric` prints them instead of names that /etc/iproute2 may redefine. */
const ROUTE_KINDS: Readonly<Record<string, Route['kind']>> = {
  1: 'unicast',
  2: 'local',
  3: 'broadcast',
  4: 'anycast',
  5: 'multicast',
  6: 'blackhole',
  7: 'unreachable',
  8: 'prohibit',
  9: 'throw',
};
const SCOPES: Readonly<Record<string, InterfaceAddress['scope']>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
};
const MAIN_TABLE = 254;
/** Values of linux/fib_rules.h, in ip's words. */
const RULE_ACTIONS: Readonly<Record<string, string>> = { 6: 'blackhole', 7: 'unreachable', 8: 'prohibit' };

/** The documents of a batch, one a line. Empty where a line is not JSON. */
export function parseDocuments(text: string): Entry[][] {
  try {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line) as Entry[]);
  } catch {
    return [];
  }
}

/** Reads `ip -Numeric -json link show`, with the addresses that `ip … -4|-6 address show` lists. */
export const parseInterfaces = (links: readonly Entry[], addresses: readonly Entry[]): Interface[] =>
  links.map((entry) => ({
    name: String(entry.ifname),
    index: Number(entry.ifindex),
    up: list(entry.flags).includes('UP'),
    addresses: addresses
      .filter(({ ifindex }) => ifindex === entry.ifindex)
      .flatMap(({ addr_info }) => list(addr_info) as Entry[])
      .flatMap(parseInterfaceAddress),
  }));

function parseInterfaceAddress(entry: Entry): InterfaceAddress[] {
  const address = parseAddress(String(entry.local));
  if (address === undefined) return [];
  return [
    {
      ...address,
      length: Number(entry.prefixlen),
      secondary: entry.secondary === true,
      scope: SCOPES[String(entry.scope)] ?? 'global',
    },
  ];
}

/** Routes, and what had to be left out of them, in words. */
export interface ReadRoutes {
  readonly routes: readonly Route[];
  readonly leftOut: readonly string[];
}

/** Reads `ip -Numeric -json -4|-6 route show table all`. Routes that carry nothing (a dead device's) are passed over. */
export function parseRoutes(entries: readonly Entry[], family: Family): ReadRoutes {
  const routes: Route[] = [];
  const leftOut: string[] = [];
  for (const entry of entries) {
    const kind = entry.type === undefined ? 'unicast' : ROUTE_KINDS[String(entry.type)];
    const destination = parseDestination(String(entry.dst), family);
    const because =
      kind === undefined ? `of type ${entry.type}` : entry.tos === undefined ? undefined : 'that asks for a TOS';
    if (kind === undefined || destination === undefined || because !== undefined) {
      leftOut.push(`the route to ${String(entry.dst)} ${because ?? 'that cannot be read'}`);
      continue;
    }
    const all = entry.nexthops === undefined ? [entry] : (list(entry.nexthops) as Entry[]);
    const hops = all.filter((hop) => !list(hop.flags).includes('dead'));
    for (const hop of hops) {
      routes.push({
        family,
        table: Number(entry.table ?? MAIN_TABLE),
        kind,
        ...destination,
        ...parseHop(entry, hop, family),
        ...(hops.length > 1 ? { hops: hops.length } : {}),
      });
    }
  }
  return { routes, leftOut };
}

function parseHop(entry: Entry, hop: Entry, family: Family): Pick<Route, 'device' | 'gateway' | 'source' | 'metric'> {
  const gateway = addressIn(hop.gateway, family);
  const source = addressIn(entry.prefsrc, family);
  return {
    ...(typeof hop.dev === 'string' ? { device: hop.dev } : {}),
    ...(gateway === undefined ? {} : { gateway }),
    ...(source === undefined ? {} : { source }),
    metric: Number(entry.metric ?? 0),
  };
}

function addressIn(text: unknown, family: Family): AddressValue | undefined {
  const address = typeof text === 'string' ? parseAddress(text) : undefined;
  return address?.family === family ? address.value : undefined;
}

/** `default`, an address, or an address and a length. */
function parseDestination(text: string, family: Family): Pick<Route, 'destination' | 'length'> | undefined {
  if (text === 'default') return { destination: family === 'ipv4' ? 0 : 0n, length: 0 };
  const [address = '', length] = text.split('/');
  const destination = addressIn(address, family);
  return destination === undefined
    ? undefined
    : { destination, length: length === undefined ? widthOf(family) : Number(length) };
}

/** Reads `ip -Numeric -json -4|-6 rule list`. */
export const parseRoutingRules = (entries: readonly Entry[], family: Family): RoutingRule[] =>
  entries.map((entry) => {
    const other = otherWords(entry);
    return {
      family,
      priority: Number(entry.priority),
      table: Number(entry.table ?? 0),
      ...(entry.fwmark === undefined ? {} : { mark: parseMark(entry) }),
      ...(other === '' ? {} : { other }),
    };
  });

const parseMark = (entry: Entry) => ({
  value: Number(entry.fwmark),
  mask: entry.fwmask === undefined ? 0xffff_ffff : Number(entry.fwmask),
});

/** Keys that have a place of their own in RoutingRule, or that do not restrict the rule. */
const PLACED = new Set([
  'priority',
  'table',
  'fwmark',
  'fwmask',
  'srclen',
  'dstlen',
  'protocol',
  'uid_end',
  'sport_end',
  'dport_end',
]);

/** What else a rule asks for, as ip-rule(8) writes it. */
function otherWords(entry: Entry): string {
  const words: string[] = [];
  for (const [key, value] of Object.entries(entry)) {
    if (PLACED.has(key)) continue;
    if (key === 'src' || key === 'dst') {
      const length = entry[`${key}len`];
      if (value !== 'all')
        words.push(key === 'src' ? 'from' : 'to', length === undefined ? String(value) : `${value}/${length}`);
    } else if (key.endsWith('_start')) {
      const name = key.slice(0, -'_start'.length);
      words.push(name === 'uid' ? 'uidrange' : name, `${value}-${entry[`${name}_end`]}`);
    } else if (key === 'action') words.push(RULE_ACTIONS[String(value)] ?? String(value));
    else if (key === 'suppress_prefixlen') words.push('suppress_prefixlength', String(value));
    else if (key === 'ipproto') words.push(key, String(value).replace('ipproto-', ''));
    else words.push(key, ...(value === null ? [] : [String(value)]));
  }
  return words.join(' ');
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
