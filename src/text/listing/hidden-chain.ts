import type { Chain, Rule } from '../../netfilter/index.ts';
import { hiddenRule } from '../hidden-part.ts';

/** A built-in chain that is not listed may hold anything. */
const HIDDEN: Rule = hiddenRule(
  'this chain is not in the listing',
  'the listing does not show this chain: iptables-save shows everything',
);

/** A built-in chain that a listing does not show. */
export const hiddenChain = (name: string): Chain => ({ name, policy: 'ACCEPT', rules: [HIDDEN] });

/** Whether a chain stands for one that was not listed. */
export const isHiddenChain = ({ rules }: Chain): boolean => rules[0] === HIDDEN;
