import { type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { dscpClass, dscpValue } from '../match/dscp.ts';

export interface DscpTargetOptions {
  readonly dscp?: number;
}

/** `-j DSCP`. Source: iptables-extensions(8), DSCP; net/netfilter/xt_DSCP.c. */
export const dscpTarget: TargetExtension<DscpTargetOptions> = {
  name: 'DSCP',
  places: { tables: ['mangle'] },
  options: { dscp: [value(['--set-dscp'], dscpValue), value(['--set-dscp-class'], dscpClass)] },
  listed: listed([/DSCP set (\S+)/, '--set-dscp $1']),
  required: ['dscp'],
  effect: ({ dscp = 0 }) => ({ kind: 'continue', assign: [{ field: 'dscp', keep: 0, xor: dscp }] }),
};
