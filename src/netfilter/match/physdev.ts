import { type Codec, type MatchExtension, negatable, negatableFlag, type Places } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { unknown } from '../predicate.ts';
import type { Negatable } from '../rules.ts';

export interface PhysdevOptions {
  readonly isIn?: Negatable<true>;
  readonly in?: Negatable<string>;
  readonly isOut?: Negatable<true>;
  readonly out?: Negatable<string>;
  readonly isBridged?: Negatable<true>;
}

const port: Codec<string> = {
  expected: 'the name of a bridge port, of 15 characters at most, or eth+ for all that begin so',
  read: (word) => (/^[^\s"'/]{1,15}$/.test(word) ? word : undefined),
  print: (name) => name,
};

/** A packet that is routed has no outgoing bridge port yet when OUTPUT sees it. */
const WITH_PORT: Places = { hooks: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'] };

/** `-m physdev`: the bridge ports of a bridged packet. Source: iptables-extensions(8), physdev; net/netfilter/xt_physdev.c. */
export const physdev: MatchExtension<PhysdevOptions> = {
  name: 'physdev',
  places: ({ isOut, out, isBridged }) => ((isOut || out) && (!isBridged || isBridged.negated) ? WITH_PORT : undefined),
  options: {
    isIn: negatableFlag('--physdev-is-in'),
    in: negatable(['--physdev-in'], port),
    isOut: negatableFlag('--physdev-is-out'),
    out: negatable(['--physdev-out'], port),
    isBridged: negatableFlag('--physdev-is-bridged'),
  },
  listed: listedAfter(
    /PHYSDEV match/,
    [/(! )?--physdev-is-in/, '$1 --physdev-is-in'],
    [/(! )?--physdev-in (\S+)/, '$1 --physdev-in $2'],
    [/(! )?--physdev-is-out/, '$1 --physdev-is-out'],
    [/(! )?--physdev-out (\S+)/, '$1 --physdev-out $2'],
    [/(! )?--physdev-is-bridged/, '$1 --physdev-is-bridged'],
  ),
  refuse: ({ isIn, in: name, isOut, out, isBridged }) =>
    isIn || name || isOut || out || isBridged ? undefined : 'physdev needs one of its options',
  predicate: () => unknown('by which bridge ports the packet comes and goes is not known'),
};
