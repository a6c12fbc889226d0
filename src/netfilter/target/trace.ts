import { CONTINUE } from '../effect.ts';
import type { TargetExtension } from '../extension.ts';

/**
 * `-j TRACE`: the kernel reports every rule the packet meets. The legacy back end takes it in raw only, the nft back end
 * anywhere. Source: iptables-extensions(8), TRACE; netfilter-semantics 16.
 */
export const trace: TargetExtension<Record<never, never>> = {
  name: 'TRACE',
  options: {},
  effect: () => CONTINUE,
};
