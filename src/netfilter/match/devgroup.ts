import type { MaskedMark } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, type Predicate, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { namedMark } from './named-mark.ts';

export interface DevgroupOptions {
  readonly source?: Negatable<MaskedMark>;
  readonly destination?: Negatable<MaskedMark>;
}

const group = namedMark('default');

const inGroup = (option: Negatable<MaskedMark> | undefined, device: string): Predicate =>
  option ? unless(option.negated, unknown(`the group of the ${device} interface was not read`)) : ALWAYS;

/** `-m devgroup`. Source: iptables-extensions(8), devgroup; net/netfilter/xt_devgroup.c. */
export const devgroup: MatchExtension<DevgroupOptions> = {
  name: 'devgroup',
  places: ({ source, destination }) => ({
    hooks: source
      ? destination
        ? ['FORWARD']
        : ['PREROUTING', 'INPUT', 'FORWARD']
      : ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  }),
  options: {
    source: negatable(['--src-group'], group),
    destination: negatable(['--dst-group'], group),
  },
  listed: listed([/(! )?src-group (\S+)/, '$1 --src-group $2'], [/(! )?dst-group (\S+)/, '$1 --dst-group $2']),
  refuse: ({ source, destination }) =>
    source || destination ? undefined : 'devgroup needs --src-group or --dst-group',
  predicate: ({ source, destination }) => all(inGroup(source, 'incoming'), inGroup(destination, 'outgoing')),
};
