import { asWord, integer, plainName } from '../codec.ts';
import { type MatchExtension, negatable, value } from '../extension.ts';
import { listedText, WORD_ENDS } from '../listed.ts';
import { all, hasBits, unknown } from '../predicate.ts';
import { TCP } from '../protocol.ts';
import type { Negatable } from '../rules.ts';

export interface OsfOptions {
  readonly genre?: Negatable<string>;
  readonly ttl?: number;
  readonly log?: number;
}

/** Source: MAXGENRELEN in nfnetlink_osf.h, less the closing NUL. */
const LONGEST = 31;
const level = integer('a level', 0, 2);

const NO_TTL = 'the listing does not show the --ttl of an osf match';

const shown = listedText(
  /OS fingerprint match (! )?/,
  WORD_ENDS,
  LONGEST,
  (genre, bang) => `${bang} --genre ${asWord(genre)}`,
);

/** `-m osf`: the sender's operating system, guessed from a SYN. Source: iptables-extensions(8), osf; net/netfilter/xt_osf.c. */
export const osf: MatchExtension<OsfOptions> = {
  name: 'osf',
  places: { families: ['ipv4'], hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  protocols: [TCP],
  options: {
    genre: negatable(['--genre'], plainName('the name of an operating system', LONGEST)),
    ttl: value(['--ttl'], level),
    log: value(['--log'], level),
  },
  listed: (line, at) => {
    const found = shown(line, at);
    return found && { unshown: NO_TTL, ...found };
  },
  required: ['genre'],
  predicate: () => all(hasBits('tcpFlags', 2, 2), unknown('from which system the packet came is not known')),
};
