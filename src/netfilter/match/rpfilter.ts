import { flag, type MatchExtension } from '../extension.ts';
import { listedAfter } from '../listed.ts';
import { isNamed, some, unknown, unless } from '../predicate.ts';

export interface RpfilterOptions {
  /** A way back by any interface will do. */
  readonly loose?: true;
  /** The way back is looked up with the packet's mark. */
  readonly validMark?: true;
  /** The source may be an address of this host. */
  readonly acceptLocal?: true;
  readonly invert?: true;
}

/** `-m rpfilter`. Source: iptables-extensions(8), rpfilter; net/ipv4/netfilter/ipt_rpfilter.c. */
export const rpfilter: MatchExtension<RpfilterOptions> = {
  name: 'rpfilter',
  places: { tables: ['raw', 'mangle'], hooks: ['PREROUTING'] },
  options: {
    loose: flag('--loose'),
    validMark: flag('--validmark'),
    acceptLocal: flag('--accept-local'),
    invert: flag('--invert'),
  },
  listed: listedAfter(
    /rpfilter/,
    [/loose/, '--loose'],
    [/validmark/, '--validmark'],
    [/accept-local/, '--accept-local'],
    [/invert/, '--invert'],
  ),
  predicate: ({ invert }) =>
    unless(
      invert === true,
      some(isNamed('in', 'lo'), unknown('whether an answer would go back by the same interface is not looked up')),
    ),
};
