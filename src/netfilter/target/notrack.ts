import type { TargetExtension } from '../extension.ts';
import { untracked } from './ct.ts';

/** `-j NOTRACK`, which is `CT --notrack` under its older name. Source: iptables-extensions(8), NOTRACK. */
export const notrack: TargetExtension<Record<never, never>> = {
  name: 'NOTRACK',
  places: { tables: ['raw'] },
  options: {},
  effect: () => untracked,
};
