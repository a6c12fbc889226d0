import type { PortRange } from '../../address/index.ts';
import { targetPorts } from '../codec.ts';
import { flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { needsPorts } from './nat.ts';

export interface MasqueradeOptions {
  readonly ports?: PortRange;
  readonly random?: true;
  readonly randomFully?: true;
}

/** `-j MASQUERADE`: the source becomes the outgoing interface's address. Source: iptables-extensions(8); xt_MASQUERADE.c. */
export const masquerade: TargetExtension<MasqueradeOptions> = {
  name: 'MASQUERADE',
  places: { tables: ['nat'], hooks: ['POSTROUTING'] },
  options: {
    ports: value(['--to-ports'], targetPorts),
    random: flag('--random'),
    randomFully: flag('--random-fully'),
  },
  listed: listed([/masq ports: (\S+)/, '--to-ports $1'], [/random/, '--random'], [/random-fully/, '--random-fully']),
  refuse: ({ ports }, context) => needsPorts(ports !== undefined, context),
  effect: ({ ports, random, randomFully = random }) => ({
    kind: 'nat',
    change: 'source',
    address: 'outgoing',
    ...(ports ? { ports } : {}),
    ...(randomFully ? { random: true } : {}),
  }),
};
