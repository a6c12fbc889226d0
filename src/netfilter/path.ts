import type { HookName, TableName } from './rules.ts';
import type { Backend } from './snapshot.ts';

/** What runs at a hook: a table, or connection tracking itself. */
export interface Stage {
  readonly name: TableName | 'conntrack';
  /** The kernel's hook priority: lower runs first. Source: linux/netfilter_ipv4.h, nf_ip_hook_priorities. */
  readonly priority: number;
  /** Where the back ends put a table at different places: whose table this is. */
  readonly backend?: Backend;
}

const raw: Stage = { name: 'raw', priority: -300 };
const conntrack: Stage = { name: 'conntrack', priority: -200 };
const mangle: Stage = { name: 'mangle', priority: -150 };
const natDestination: Stage = { name: 'nat', priority: -100 };
const filter: Stage = { name: 'filter', priority: 0 };
const security: Stage = { name: 'security', priority: 50, backend: 'legacy' };
const natSource: Stage = { name: 'nat', priority: 100 };
/** iptables-nft hooks it in behind nat. Source: iptables/nft.c, xtables_ipv4. */
const nftSecurity: Stage = { name: 'security', priority: 150, backend: 'nft' };

/** What runs at each hook, in order. */
export const STAGES: Readonly<Record<HookName, readonly Stage[]>> = {
  PREROUTING: [raw, conntrack, mangle, natDestination],
  INPUT: [mangle, filter, security, natSource, nftSecurity],
  FORWARD: [mangle, filter, security, nftSecurity],
  OUTPUT: [raw, conntrack, mangle, natDestination, filter, security, nftSecurity],
  POSTROUTING: [mangle, natSource],
};

/**
 * What runs when a packet of this host's own comes back over the loopback interface: its connection is already known,
 * so no nat table is asked again. Source: netfilter-semantics 11, by experiment.
 */
export const withoutNat = (hook: HookName): readonly Stage[] => STAGES[hook].filter(({ name }) => name !== 'nat');

/** Where a packet can be on its way through the kernel. */
export type StopName =
  | 'arrival'
  | 'arrival routed'
  | 'input'
  | 'forward'
  | 'forwarded'
  | 'departure'
  | 'output'
  | 'leaving'
  | 'device'
  | 'loopback'
  | 'loopback input'
  | 'socket'
  | 'wire';

/** One stop of a packet's way, and what comes next. */
export type Stop =
  /** A hook. `stages` run in order; after each stage in `reroutes` the route is looked up again if it has to be. */
  | {
      readonly kind: 'hook';
      readonly hook: HookName;
      readonly pass: 1 | 2;
      readonly stages: readonly Stage[];
      readonly reroutes: readonly TableName[];
      readonly next: StopName;
    }
  /** A routing decision. */
  | { readonly kind: 'route'; readonly local: StopName; readonly elsewhere: StopName }
  /** The device that the packet leaves by: loopback brings it back. */
  | { readonly kind: 'device'; readonly loopback: StopName; readonly other: StopName }
  | { readonly kind: 'end' };

const hook = (
  name: HookName,
  next: StopName,
  { pass = 1, reroutes = [] }: { pass?: 1 | 2; reroutes?: readonly TableName[] } = {},
): Stop => ({ kind: 'hook', hook: name, pass, stages: pass === 1 ? STAGES[name] : withoutNat(name), reroutes, next });

/**
 * The packet's whole way: one from elsewhere begins at `arrival`, one of this host's own at `departure`.
 *
 * A packet of this host's own is routed before OUTPUT. A new mark (mangle) or a new destination (nat) routes it again,
 * but OUTPUT's later tables still see the device of the first route (netfilter-semantics 10). What leaves by loopback
 * comes back to PREROUTING with its route and its connection already known, so neither routing nor nat is asked again.
 */
export const PATH: Readonly<Record<StopName, Stop>> = {
  arrival: hook('PREROUTING', 'arrival routed'),
  'arrival routed': { kind: 'route', local: 'input', elsewhere: 'forward' },
  input: hook('INPUT', 'socket'),
  forward: hook('FORWARD', 'forwarded'),
  forwarded: hook('POSTROUTING', 'wire'),
  departure: { kind: 'route', local: 'output', elsewhere: 'output' },
  output: hook('OUTPUT', 'leaving', { reroutes: ['mangle', 'nat'] }),
  leaving: hook('POSTROUTING', 'device'),
  device: { kind: 'device', loopback: 'loopback', other: 'wire' },
  loopback: hook('PREROUTING', 'loopback input', { pass: 2 }),
  'loopback input': hook('INPUT', 'socket', { pass: 2 }),
  socket: { kind: 'end' },
  wire: { kind: 'end' },
};
