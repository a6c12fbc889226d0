import type { AddressValue, Family } from '../address/index.ts';
import type { IpSets } from './ipset.ts';
import type { NftTable } from './nft/index.ts';
import type { RuleSet } from './rules.ts';

/** The two ways in which the kernel keeps iptables rules: both may hold rules at once. */
export type Backend = 'nft' | 'legacy';

/** One back end's rules of one family. Earlier in the list means registered later: it runs first at equal priority. */
export interface HeldRules {
  readonly backend: Backend;
  /** The text does not tell the back end (`iptables -L`): it is taken to be this one. */
  readonly untold?: true;
  readonly rules: RuleSet;
}

/** What may be missing in a snapshot. */
export const UNREAD = [
  ...(['rules', 'listing', 'interfaces', 'routes', 'routingRules', 'listeners', 'sysctls', 'ipsets'] as const),
  'settings',
] as const;

/** A part of a snapshot that could not be read. */
export interface Unread {
  /** `listing`: what `iptables -L` leaves out of the rules that it does show; `settings`: sysctls that are read and not followed. */
  readonly about: (typeof UNREAD)[number];
  /** What is missing, in words: `the IPv4 rules of the nft back end`. */
  readonly what: string;
  readonly because: string;
  /** What would help. */
  readonly hint?: string;
}

/** An address of an interface, as `ip address` lists it. */
export interface InterfaceAddress {
  readonly family: Family;
  readonly value: AddressValue;
  readonly length: number;
  /** A secondary address of its subnet: REDIRECT in PREROUTING never picks it. */
  readonly secondary: boolean;
  readonly scope: 'global' | 'site' | 'link' | 'host';
}

export interface Interface {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

/** What a route says of its destinations; `throw`: look on in the next table. Source: linux/rtnetlink.h, RTN_UNICAST and on. */
export const ROUTE_KINDS = [
  ...(['unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit'] as const),
  'throw',
] as const;

/** One route. */
export interface Route {
  readonly family: Family;
  readonly table: number;
  readonly kind: (typeof ROUTE_KINDS)[number];
  /** Destination and prefix length; 0 and 0 for the default route. */
  readonly destination: AddressValue;
  readonly length: number;
  readonly device?: string;
  readonly gateway?: AddressValue;
  readonly metric: number;
  /** The route has so many next hops, of which this is one: the kernel chooses by a hash. */
  readonly hops?: number;
  /** The source address that packets of this host's own take on this route (`src` in `ip route`). */
  readonly source?: AddressValue;
}

/** One line of `ip rule`. */
export interface RoutingRule {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  readonly mark?: { readonly value: number; readonly mask: number };
  /** Anything else the rule asks for (from, to, iif …), in ip's words; a rule that has it is answered "unknown". */
  readonly other?: string;
}

/** A socket that can receive new packets: TCP in LISTEN, or UDP unconnected. */
export interface Listener {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
  /** The bound address; 0 for any. */
  readonly address: AddressValue;
  readonly port: number;
  /** An IPv6 socket bound to :: that takes IPv4 too. */
  readonly dual?: boolean;
  readonly transparent?: boolean;
  /** The only interface whose packets it takes (SO_BINDTODEVICE, or the zone of a link-local address). */
  readonly device?: string;
  readonly uid?: number;
  readonly process?: { readonly pid: number; readonly name: string };
}

/** The sysctl rp_filter of an interface, where it is on: 1 is strict, 2 loose. Source: ip-sysctl.rst. */
export interface ReversePath {
  readonly interface: string;
  readonly mode: 'strict' | 'loose';
}

/** The sysctls that decide a packet's fate. */
export interface Sysctls {
  readonly ipForward?: boolean;
  readonly ipv6Forward?: boolean;
  /** Interfaces (or `all`) on which 127.0.0.0/8 may be routed. */
  readonly routeLocalnet?: readonly string[];
  /** Interfaces (or `all`) on which IPv4 looks whether the source would be answered: by the same interface, or by any. */
  readonly rpFilter?: readonly ReversePath[];
}

/** Which clock is meant by times of day and dates in rules. */
export interface Clocks {
  /** Those of nft's own rules are in UTC. Absent: nft showed them in the time zone of whoever asked, which is not known. */
  readonly nft?: 'UTC';
  /** The kernel's own time zone (sys_tz) in minutes west of UTC; read where a rule goes by it. */
  readonly kernelWest?: number;
}

/**
 * All that decides a packet's fate in one network namespace. What was not read is undefined, never empty: an answer that
 * needs it says so.
 */
export interface Snapshot {
  /** Where it was taken, in words: `network namespace of node (pid 4711)`, `rules.txt`. */
  readonly origin: string;
  /** When, ISO 8601. */
  readonly taken?: string;
  readonly held: readonly HeldRules[];
  /**
   * Tables of nftables that iptables did not write, or that were read in nft's own words, in the kernel's order. Undefined
   * where they were not read.
   */
  readonly native?: readonly NftTable[];
  /** The order of `held` was not read from the kernel: where both back ends hold rules, either may run first. */
  readonly orderUnknown?: true;
  readonly interfaces?: readonly Interface[];
  readonly routes?: readonly Route[];
  readonly routingRules?: readonly RoutingRule[];
  readonly listeners?: readonly Listener[];
  readonly sysctls?: Sysctls;
  readonly clocks?: Clocks;
  /** `ipset save`, word for word. */
  readonly ipsets?: string;
  /** The same, read. */
  readonly sets?: IpSets;
  /** What could not be read, and why. Absent: all was read, or the snapshot is of a text that holds rules only. */
  readonly unread?: readonly Unread[];
}

/** The rule sets of one family in the order in which they run. */
export const heldFor = (snapshot: Snapshot, family: Family): readonly HeldRules[] =>
  snapshot.held.filter(({ rules }) => rules.family === family);

/**
 * Whether the rules of a family are known. A text that holds one family's says nothing of the other's; a text without any
 * rules holds none.
 */
export const rulesRead = (snapshot: Snapshot, family: Family): boolean =>
  snapshot.held.length === 0 || heldFor(snapshot, family).length > 0;

/** Whether its rules are whole: a listing leaves parts of them out. */
export const isShownWhole = ({ held }: Pick<Snapshot, 'held'>): boolean =>
  held.every(({ rules: { tables } }) =>
    tables.every(({ chains }) => chains.every(({ rules }) => rules.every(({ unshown }) => unshown === undefined))),
  );
