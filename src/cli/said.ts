import { cautions } from '../explain/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import type { Terminal } from './terminal.ts';

/** Says on standard error what of a snapshot could not be read, and that both back ends hold rules. */
export async function sayUnread(snapshot: Snapshot, terminal: Terminal): Promise<void> {
  const said = cautions(snapshot);
  if (said.length > 0) await terminal.say(said, 'warn');
}
