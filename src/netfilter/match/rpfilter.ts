import { flag, type MatchExtension } from '../extension.ts';
import { WAY_BACK } from '../fields.ts';
import { listedAfter } from '../listed.ts';
import { isIn, isNamed, some, unless } from '../predicate.ts';

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
  predicate({ loose, validMark, acceptLocal, invert }) {
    const { same, other, ownSame, ownOther } = WAY_BACK;
    const ways = [same, ...(loose ? [other] : []), ...(acceptLocal ? [ownSame, ...(loose ? [ownOther] : [])] : [])];
    const field = validMark ? 'markedReversePath' : 'reversePath';
    const passes = isIn(field, ...ways.map((way) => [way, way] as const));
    return unless(invert === true, some(isNamed('in', 'lo'), passes));
  },
};
