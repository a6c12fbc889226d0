import { type Codec, flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { type NatRange, natRange, needsPorts } from './nat.ts';

export interface SnatOptions {
  readonly to?: NatRange;
  readonly random?: true;
  readonly randomFully?: true;
  readonly persistent?: true;
}

/** The tools take a base for the ports too, and forget it: what they print then they cannot read. */
const sourceRange: Codec<NatRange> = {
  ...natRange,
  read(word, family) {
    const range = natRange.read(word, family);
    return range?.base === undefined ? range : undefined;
  },
};

/** `-j SNAT`. Source: iptables-extensions(8), SNAT; net/netfilter/xt_nat.c. */
export const snat: TargetExtension<SnatOptions> = {
  name: 'SNAT',
  places: { tables: ['nat'], hooks: ['INPUT', 'POSTROUTING'] },
  options: {
    to: value(['--to-source'], sourceRange),
    random: flag('--random'),
    randomFully: flag('--random-fully'),
    persistent: flag('--persistent'),
  },
  listed: listed(
    [/to:(\S+)/, '--to-source $1'],
    [/random/, '--random'],
    [/random-fully/, '--random-fully'],
    [/persistent/, '--persistent'],
  ),
  required: ['to'],
  refuse: ({ to }, context) => needsPorts(to?.ports !== undefined, context),
  effect: ({ to, random, randomFully = random }) => ({
    kind: 'nat',
    change: 'source',
    ...(to?.addresses ? { address: to.addresses } : {}),
    ...(to?.ports ? { ports: to.ports } : {}),
    ...(randomFully ? { random: true } : {}),
  }),
};
