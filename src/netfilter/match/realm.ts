import type { MaskedMark } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, unknown, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { namedMark } from './named-mark.ts';

export interface RealmOptions {
  readonly realm?: Negatable<MaskedMark>;
}

/** `-m realm`. The only name that is known is Debian's own, `cosmos`. Source: iptables-extensions(8), realm; net/netfilter/xt_realm.c. */
export const realm: MatchExtension<RealmOptions> = {
  name: 'realm',
  places: { families: ['ipv4'], hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] },
  options: { realm: negatable(['--realm'], namedMark('cosmos')) },
  listed: listed([/(! )?realm (\S+)/, '$1 --realm $2']),
  required: ['realm'],
  predicate: ({ realm: of }) =>
    of ? unless(of.negated, unknown('the realm of the packet’s route was not read')) : ALWAYS,
};
