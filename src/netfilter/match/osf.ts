import { integer, plainName } from '../codec.ts';
import { type MatchExtension, negatable, value } from '../extension.ts';
import { all, hasBits, unknown } from '../predicate.ts';
import { TCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface OsfOptions {
  readonly genre?: Negatable<string>;
  readonly ttl?: number;
  readonly log?: number;
}

const level = integer('a level', 0, 2);

/** `-m osf`: the sender's operating system, guessed from a SYN. Source: iptables-extensions(8), osf; net/netfilter/xt_osf.c. */
export const osf: MatchExtension<OsfOptions> = {
  name: 'osf',
  places: { families: ['ipv4'], hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  protocols: [TCP],
  options: {
    genre: negatable(['--genre'], plainName('the name of an operating system', 31)),
    ttl: value(['--ttl'], level),
    log: value(['--log'], level),
  },
  required: ['genre'],
  predicate: () => all(hasBits('tcpFlags', 2, 2), unknown('from which system the packet came is not known')),
};
