import type { Snapshot } from '../netfilter/index.ts';
import type { Ground } from '../trace/parts.ts';
import type { Answers } from './ask.ts';
import type { Chains } from './chain.ts';
import { Environments } from './environment.ts';
import type { Side } from './reach.ts';

/** What is found out on one machine with one rule set, and holds for the next one, too. */
export class Machine {
  /** What has been asked, whatever the rules. */
  readonly answers: Answers = new Map();
  readonly environments = new Environments();
  /** The chains of the rule set that was followed first: others may have some of them. */
  chains: Chains | undefined;
}

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
