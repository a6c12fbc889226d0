import type { Family, PortRange, Prefix } from '../address/index.ts';
import type { Rule, RuleSet, TableName } from '../netfilter/index.ts';

/** How inbound traffic is caught: nat REDIRECT, mangle TPROXY, or not at all. */
export type Mode = 'REDIRECT' | 'TPROXY' | 'NONE';

/** All, or these only. */
export type Include<T> = '*' | readonly T[];

/** A product's way of writing an interception as rules. */
export type DialectName = 'istio-2018' | 'istio' | 'istio-nft';

/** The proxy's own traffic is known by one of these; it must not be caught again. */
export interface ProxyIdentity {
  /** Words as iptables takes them: a uid, a range, or a name. */
  readonly uids: readonly string[];
  readonly gids: readonly string[];
  /** Packet marks (Sidestep's own addition, for user namespaces where uid 1337 does not exist). */
  readonly marks: readonly number[];
}

/**
 * What should be caught, independent of how it is written. Ports are kept as the words that iptables takes: one port, a
 * range `a:b`, or a service name.
 */
export interface Interception {
  readonly dialect: DialectName;
  readonly mode: Mode;
  readonly families: readonly Family[];
  /** The port that takes outbound connections (15001). */
  readonly outboundPort: number;
  /** The port that takes inbound connections (15006; 15001 in 2018). */
  readonly inboundPort: number;
  /** The tunnel port that is never redirected (15008). */
  readonly tunnelPort: number;
  readonly proxy: ProxyIdentity;
  readonly inbound: { readonly include: Include<string>; readonly exclude: readonly string[] };
  readonly outbound: {
    readonly include: Include<string>;
    readonly exclude: readonly string[];
    readonly includePorts: readonly string[];
    readonly excludePorts: readonly string[];
    readonly ownerGroups: { readonly include: Include<string>; readonly exclude: readonly string[] };
  };
  readonly interfaces: { readonly exclude: readonly string[]; readonly virtual: readonly string[] };
  readonly dns: {
    readonly capture: boolean;
    readonly all: boolean;
    readonly port: number;
    /** Name servers of the pod (resolv.conf), used unless `all`. */
    readonly servers: readonly string[];
  };
  readonly dropInvalid: boolean;
  readonly tproxy: { readonly mark: number; readonly table: number };
  /** The CIDR that counts as loopback in IPv4 (127.0.0.1/32). */
  readonly loopback: string;
}

/** One rule to write, in the order of emission. */
export interface Command {
  readonly table: TableName;
  readonly chain: string;
  /** `append`, or insert at this one-based position. */
  readonly at: 'append' | number;
  /** With `reason`: why the rule exists. */
  readonly rule: Rule;
}

/** One rule of a native table, in nft's words. */
export interface NativeRule {
  readonly words: string;
  readonly reason: string;
}

/** A chain of a native table; a base chain has the line that hooks it in. */
export interface NativeChain {
  readonly name: string;
  readonly hook?: string;
  readonly rules: readonly NativeRule[];
}

/** A table of nftables that an interception consists of, family inet. */
export interface NativeTable {
  readonly name: string;
  readonly chains: readonly NativeChain[];
}

/** A change outside netfilter that an interception needs. */
export type RoutingChange =
  | { readonly kind: 'rule'; readonly family: Family; readonly mark: number; readonly table: number }
  /** `ip route add local default dev lo table N`. */
  | { readonly kind: 'local-route'; readonly family: Family; readonly table: number }
  /** `ip -6 address add ::6/128 dev lo`. */
  | { readonly kind: 'address'; readonly family: Family; readonly prefix: string; readonly device: string };

/** Something the user ought to know of what was asked: an option that another voids, a value that cannot match. */
export interface Notice {
  readonly about: string;
  readonly message: string;
  /** A packet that shows it, as `trace` takes one. */
  readonly packet?: string;
}

/** An interception written out. */
export interface Program {
  readonly interception: Interception;
  /** Per family, in order of emission. A family that is not intercepted has none. */
  readonly commands: Readonly<Record<Family, readonly Command[]>>;
  /** A dialect that writes native tables: these, in place of any rules of iptables. */
  readonly native?: readonly NativeTable[];
  readonly routing: readonly RoutingChange[];
  readonly notices: readonly Notice[];
}

/** One dialect: writes an interception, knows its own chains, recognises itself. */
export interface Dialect {
  readonly name: DialectName;
  /** As people call it: "Istio (2018 form)". */
  readonly title: string;
  /** The prefix that all its chains share. */
  readonly chainPrefix: string;
  write(interception: Interception): Program;
  /** What these rules intercept, or undefined when they are not this dialect's. */
  recognise(rules: RuleSet): Recognition | undefined;
}

/** A product whose rules are recognised. The dialects are those that Sidestep writes too. */
export type RecognisedName =
  | DialectName
  | 'istio-ambient'
  | 'linkerd'
  | 'kuma'
  | 'consul'
  | 'osm'
  | 'app-mesh'
  /** Redirects to a port of this host that no known product wrote. */
  | 'hand-made';

/** Part of the traffic and where it goes. What is not restricted is '*' with no exceptions. */
export interface Caught {
  /** `self`: from a process here to this host's own address, over `lo`. */
  readonly direction: 'inbound' | 'outbound' | 'self';
  /** A protocol's name, or `any`. */
  readonly protocol: string;
  readonly ports: Include<PortRange>;
  readonly exceptPorts: readonly PortRange[];
  readonly sources: Include<Prefix>;
  readonly exceptSources: readonly Prefix[];
  readonly destinations: Include<Prefix>;
  readonly exceptDestinations: readonly Prefix[];
  /** Interfaces by which it comes in (inbound) or leaves (outbound). */
  readonly interfaces: Include<string>;
  readonly exceptInterfaces: readonly string[];
  /** "uid 1337", "gid 1337", "mark 0x539": all of these kinds of restriction hold together. */
  readonly owners: Include<string>;
  readonly exceptOwners: readonly string[];
  /** Any other restriction, in words: "source port 53". */
  readonly also: readonly string[];
  readonly how: 'REDIRECT' | 'TPROXY' | 'DNAT';
  /** The port that gets it; 0 where the connection keeps its own. */
  readonly proxyPort: number;
}

/** What a rule set turned out to be. */
export interface Recognition {
  readonly dialect: RecognisedName;
  readonly title: string;
  readonly mode: Mode;
  readonly family: Family;
  readonly caught: readonly Caught[];
  /** Ports on which the proxy listens, as far as the rules tell. */
  readonly proxyPorts: readonly number[];
  readonly proxy: ProxyIdentity;
  /** Rules in built-in chains that the dialect did not write: a hand-made bypass, other software. */
  readonly foreign: readonly { readonly table: TableName; readonly chain: string; readonly number: number }[];
  /** Why `caught` may not be all or may not be certain, one clause each; empty when it is exact. */
  readonly doubts: readonly string[];
}
