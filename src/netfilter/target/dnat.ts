import { flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { type NatRange, natRange, needsPorts } from './nat.ts';

export interface DnatOptions {
  readonly to?: NatRange;
  readonly random?: true;
  readonly persistent?: true;
}

/** `-j DNAT`. Source: iptables-extensions(8), DNAT; net/netfilter/xt_nat.c. */
export const dnat: TargetExtension<DnatOptions> = {
  name: 'DNAT',
  places: { tables: ['nat'], hooks: ['PREROUTING', 'OUTPUT'] },
  options: {
    to: value(['--to-destination'], natRange),
    random: flag('--random'),
    persistent: flag('--persistent'),
  },
  listed: listed([/to:(\S+)/, '--to-destination $1'], [/random/, '--random'], [/persistent/, '--persistent']),
  required: ['to'],
  refuse: ({ to }, context) => needsPorts(to?.ports !== undefined, context),
  effect: ({ to, random }) => ({
    kind: 'nat',
    change: 'destination',
    ...(to?.addresses ? { address: to.addresses } : {}),
    ...(to?.ports ? { ports: to.ports } : {}),
    ...(to?.base === undefined ? {} : { base: to.base }),
    ...(random ? { random } : {}),
  }),
};
