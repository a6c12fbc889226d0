import type { HookName, TableName } from './rules.ts';

/** What runs at a hook: a table, or connection tracking itself. */
export interface Stage {
  readonly name: TableName | 'conntrack';
  /** The kernel's hook priority: lower runs first. Source: linux/netfilter_ipv4.h, nf_ip_hook_priorities. */
  readonly priority: number;
}

const raw: Stage = { name: 'raw', priority: -300 };
const conntrack: Stage = { name: 'conntrack', priority: -200 };
const mangle: Stage = { name: 'mangle', priority: -150 };
const natDestination: Stage = { name: 'nat', priority: -100 };
const filter: Stage = { name: 'filter', priority: 0 };
const security: Stage = { name: 'security', priority: 50 };
const natSource: Stage = { name: 'nat', priority: 100 };

/** What runs at each hook, in order. */
export const STAGES: Readonly<Record<HookName, readonly Stage[]>> = {
  PREROUTING: [raw, conntrack, mangle, natDestination],
  INPUT: [mangle, filter, security, natSource],
  FORWARD: [mangle, filter, security],
  OUTPUT: [raw, conntrack, mangle, natDestination, filter, security],
  POSTROUTING: [mangle, natSource],
};

/**
 * What runs when a packet of this host's own comes back over the loopback interface: its connection is already known,
 * so no nat table is asked again. Source: netfilter-semantics 11, by experiment.
 */
export const withoutNat = (hook: HookName): readonly Stage[] => STAGES[hook].filter(({ name }) => name !== 'nat');
