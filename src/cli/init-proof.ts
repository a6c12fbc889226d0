import type { Family } from '../address/index.ts';
import type { Catching } from '../explain/index.ts';
import { asWritten, type Program, unbypassed } from '../interception/index.ts';
import type { Desired } from '../linux/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { asDesired } from './apply.ts';
import { EVERY_BYPASS } from './init-others.ts';

/** What an interception would catch in a namespace, of all packets. Of an interception alone there is nothing to prove. */
export async function catchingIn(
  program: Program,
  before: Snapshot,
  desired: Desired,
  families: readonly Family[],
): Promise<Catching> {
  const { proveCatching } = await import('../explain/index.ts');
  const [backend = 'nft'] = desired.held.map((held) => held.backend);
  const alone = asWritten(program, before.origin, { families, backend });
  const here = await asDesired(before, desired);
  // What Sidestep lets pass was asked for, too.
  const held = here.held.map((one) => ({ ...one, rules: unbypassed(one.rules, EVERY_BYPASS) }));
  return proveCatching(alone, { ...here, held }, program);
}
