import { plainName } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type TargetExtension, value } from '../extension.ts';

export interface SecmarkOptions {
  readonly context?: string;
}

/** `-j SECMARK`: a security label; the kernel takes it only where a security module knows the label. Source: iptables-extensions(8); net/netfilter/xt_SECMARK.c. */
export const secmark: TargetExtension<SecmarkOptions> = {
  name: 'SECMARK',
  places: { tables: ['mangle', 'security'] },
  options: { context: value(['--selctx'], plainName('a security context', 255)) },
  required: ['context'],
  effect: () => CONTINUE,
};
