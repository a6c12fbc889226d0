import { oneOf } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type TargetExtension, value } from '../extension.ts';

export interface AuditOptions {
  readonly type?: 'accept' | 'drop' | 'reject';
}

/** `-j AUDIT`: a record for auditd. It decides nothing. Source: iptables-extensions(8), AUDIT; net/netfilter/xt_AUDIT.c. */
export const audit: TargetExtension<AuditOptions> = {
  name: 'AUDIT',
  options: { type: value(['--type'], oneOf('a kind of record', ['accept', 'drop', 'reject'])) },
  required: ['type'],
  effect: () => CONTINUE,
};
