import type { Snapshot } from '../netfilter/index.ts';
import type { Ground } from '../trace/parts.ts';
import type { Side } from './reach.ts';

/** What a snapshot tells of the machine, beside its rules. */
const MACHINE = ['orderUnknown', 'interfaces', 'routes', 'routingRules', 'listeners', 'sysctls'] as const;

/**
 * Whether two rule sets stand on the same machine, so that packets fare alike on both wherever no rules are looked at. Of two
 * snapshots that were read from files that is not found out.
 */
export function isOneMachine(
  [one, ground]: readonly [Side, Ground],
  [other, otherGround]: readonly [Side, Ground],
): boolean {
  const same = (key: keyof Snapshot): boolean => one.snapshot[key] === other.snapshot[key];
  return MACHINE.every(same) && saidByRules(one, ground) === saidByRules(other, otherGround);
}

/** What the walk knows from rules without looking at them. */
const saidByRules = ({ proxyPorts }: Side, { program, unread, handed, leaving }: Ground): string =>
  JSON.stringify([proxyPorts, program.conntrack, program.marksTemplates, unread, [...handed], leaving]);
