import { type Program, unbypassed } from '../interception/index.ts';
import type { Desired } from '../linux/index.ts';
import type { Snapshot } from '../netfilter/index.ts';

/** Whether anything but the interception is in the rules: then it may catch more or less than what was asked for. */
export function hasOthers(program: Program, before: Snapshot, { held, native = [] }: Desired): boolean {
  const all = [
    ...before.held.filter(
      (old) => !held.some((one) => one.backend === old.backend && one.rules.family === old.rules.family),
    ),
    ...held,
  ].map(({ rules }) => rules);
  const own = program.native ? 0 : Object.values(program.commands).reduce((sum, { length }) => sum + length, 0);
  const chains = (rules: typeof all) => rules.flatMap(({ tables }) => tables.flatMap((table) => table.chains));
  const count = (rules: typeof all) => chains(rules).reduce((sum, chain) => sum + chain.rules.length, 0);
  // A bypass of Sidestep's is nobody else's.
  if (count(all) > own && count(all.map((rules) => unbypassed(rules, EVERY_BYPASS))) > own) return true;
  const names = new Set(native.map(({ name }) => name));
  return (
    chains(all).some(({ policy }) => policy === 'DROP') ||
    (before.native ?? []).some(({ family, name }) => family !== 'inet' || !names.has(name))
  );
}

/** An undo of all. */
export const EVERY_BYPASS = { ports: [], now: 0 } as const;
