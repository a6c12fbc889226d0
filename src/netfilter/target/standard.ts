import type { Effect } from '../effect.ts';
import type { Places, TargetExtension } from '../extension.ts';

/** The verdicts that need no module. Source: iptables(8), TARGETS; net/netfilter/x_tables.c. */
const verdict = (name: string, effect: Effect, places?: Places): TargetExtension<Record<never, never>> => ({
  name,
  ...(places ? { places } : {}),
  options: {},
  effect: () => effect,
});

export const accept = verdict('ACCEPT', { kind: 'accept' });

/** Refused in nat, which is no place for filtering. */
export const drop = verdict('DROP', { kind: 'drop' }, { tables: ['raw', 'mangle', 'filter', 'security'] });

export const returns = verdict('RETURN', { kind: 'return' });

/** Only the legacy back end still takes it. */
export const queue = verdict('QUEUE', { kind: 'queue' });
