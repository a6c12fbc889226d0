import { isShownWhole, type Snapshot } from '../netfilter/index.ts';
import { UsageError } from './usage.ts';

/**
 * Refuses rules that are known in part only (`iptables -L`) where their whole text is needed.
 *
 * @throws UsageError
 */
export function demandWhole({ held, origin }: Pick<Snapshot, 'held' | 'origin'>, purpose: string): void {
  if (isShownWhole({ held })) return;
  throw new UsageError(
    `${origin} does not show whole rules, so ${purpose}`,
    'iptables -L leaves things out: give the output of iptables-save.',
  );
}
