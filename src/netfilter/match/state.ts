import { bitNames } from '../codec.ts';
import { type MatchExtension, negatable } from '../extension.ts';
import { CTSTATE } from '../fields.ts';
import { listed } from '../listed.ts';
import { hasAnyBit, unless } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

/** Connection states in the order in which iptables-save lists them. */
export const stateNames = {
  INVALID: CTSTATE.INVALID,
  NEW: CTSTATE.NEW,
  RELATED: CTSTATE.RELATED,
  ESTABLISHED: CTSTATE.ESTABLISHED,
  UNTRACKED: CTSTATE.UNTRACKED,
} as const;

export interface StateOptions {
  /** Bits of CTSTATE. */
  readonly state?: Negatable<number>;
}

/** `-m state`, the older form of conntrack. Source: iptables-extensions(8), state; net/netfilter/xt_state.c. */
export const state: MatchExtension<StateOptions> = {
  name: 'state',
  options: { state: negatable(['--state'], bitNames('connection states', stateNames, 'cut')) },
  listed: listed([/(! )?state (\S+)/, '$1 --state $2']),
  required: ['state'],
  predicate: ({ state: of }) => unless(of?.negated ?? false, hasAnyBit('ctstate', of?.value ?? 0)),
};
