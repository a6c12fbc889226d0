import type { PortRange } from '../../address/index.ts';
import { targetPorts } from '../codec.ts';
import { flag, type TargetExtension, value } from '../extension.ts';
import { listed } from '../listed.ts';
import { needsPorts } from './nat.ts';

export interface RedirectOptions {
  /** Absent: the destination port stays. */
  readonly ports?: PortRange;
  readonly random?: true;
}

/**
 * `-j REDIRECT`: maps the connection to this host: 127.0.0.1 or ::1 in OUTPUT, the incoming interface's primary address
 * in PREROUTING. Source: iptables-extensions(8), REDIRECT; net/netfilter/nf_nat_redirect.c.
 */
export const redirect: TargetExtension<RedirectOptions> = {
  name: 'REDIRECT',
  places: { tables: ['nat'], hooks: ['PREROUTING', 'OUTPUT'] },
  options: {
    ports: value(['--to-ports'], targetPorts),
    random: flag('--random'),
  },
  listed: listed([/redir ports (\S+)/, '--to-ports $1'], [/random/, '--random']),
  refuse: ({ ports }, context) => needsPorts(ports !== undefined, context),
  effect: ({ ports, random }) => ({
    kind: 'nat',
    change: 'destination',
    address: 'here',
    ...(ports ? { ports } : {}),
    ...(random ? { random } : {}),
  }),
};
