import { type MaskedMark, maskedMark } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { listed } from '../listed.ts';
import { ALWAYS, all, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';
import { tracked } from './conntrack.ts';
import { hasMark } from './mark.ts';

export interface ConnmarkOptions {
  readonly mark?: Negatable<MaskedMark>;
}

/** `-m connmark`: false without a connection, negated or not. Source: iptables-extensions(8); net/netfilter/xt_connmark.c. */
export const connmark: MatchExtension<ConnmarkOptions> = {
  name: 'connmark',
  options: { mark: negatable(['--mark'], maskedMark) },
  listed: listed([/connmark match +(! ?)?(\S+)/, '$1 --mark $2']),
  required: ['mark'],
  predicate: ({ mark }) => all(tracked, mark ? unless(mark.negated, hasMark('ctmark', mark.value)) : ALWAYS),
};
