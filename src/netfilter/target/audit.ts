import { oneOf } from '../codec.ts';
import { CONTINUE } from '../effect.ts';
import { type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';

export interface AuditOptions {
  readonly type?: 'accept' | 'drop' | 'reject';
}

/** `-j AUDIT`: a record for auditd. It decides nothing. Source: iptables-extensions(8), AUDIT; net/netfilter/xt_AUDIT.c. */
export const audit: TargetExtension<AuditOptions> = {
  name: 'AUDIT',
  options: { type: value(['--type'], oneOf('a kind of record', ['accept', 'drop', 'reject'])) },
  listed: listed([/AUDIT (\S+)/, '--type $1']),
  required: ['type'],
  effect: () => CONTINUE,
};
