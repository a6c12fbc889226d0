import { parseNumber, text } from '../codec.ts';
import type { Assignment, Effect } from '../effect.ts';
import { type Codec, flag, type TargetExtension, value } from '../extension.ts';
import { CTSTATE } from '../fields.ts';

/** A conntrack zone, or the packet's mark taken as one. */
export type Zone = number | 'mark';

export interface CtOptions {
  readonly notrack?: true;
  readonly helper?: string;
  readonly timeout?: string;
  /** Names of events, in the kernel's order. */
  readonly events?: readonly string[];
  readonly expectationEvents?: readonly string[];
  readonly zoneOriginal?: Zone;
  readonly zoneReply?: Zone;
  readonly zone?: Zone;
}

/** Names and their order: libxt_CT.c, ct_event_tbl. */
const EVENTS = [
  'new',
  'related',
  'destroy',
  'reply',
  'assured',
  'protoinfo',
  'helper',
  'mark',
  'natseqinfo',
  'secmark',
];

const eventList = (known: readonly string[]): Codec<readonly string[]> => ({
  expected: `events: ${known.join(' ')}, separated by commas`,
  read(word) {
    const names = word.split(',');
    return names.every((name) => known.includes(name)) ? known.filter((name) => names.includes(name)) : undefined;
  },
  print: (names) => names.join(','),
});

const zone: Codec<Zone> = {
  expected: 'a conntrack zone from 0 to 65535, or mark',
  read: (word) => (word === 'mark' ? word : parseNumber(word, 65_535)),
  print: String,
};

const zoneAssignment = (of: Zone): Assignment => ({
  field: 'ctzone',
  keep: 0,
  xor: of === 'mark' ? { field: 'mark', mask: 0xffff } : of,
});

export const untracked: Effect = {
  kind: 'continue',
  assign: [{ field: 'ctstate', keep: 0, xor: CTSTATE.UNTRACKED }],
};

/**
 * `-j CT`: what connection tracking is to do with the packet. It does nothing to a packet that is tracked already.
 * Source: iptables-extensions(8), CT; net/netfilter/xt_CT.c.
 */
export const ct: TargetExtension<CtOptions> = {
  name: 'CT',
  places: { tables: ['raw'] },
  options: {
    notrack: flag('--notrack'),
    helper: value(['--helper'], text(1, 15)),
    timeout: value(['--timeout'], text(1, 31)),
    events: value(['--ctevents'], eventList(EVENTS)),
    expectationEvents: value(['--expevents'], eventList(['new'])),
    zoneOriginal: value(['--zone-orig'], zone),
    zoneReply: value(['--zone-reply'], zone),
    zone: value(['--zone'], zone),
  },
  refuse: ({ helper, timeout, notrack }) =>
    notrack && (helper ?? timeout) !== undefined
      ? '--notrack leaves nothing for --helper or --timeout to do'
      : undefined,
  complete({ zone: both, ...rest }) {
    // Zone 0 is the default, and the kernel holds one zone at most.
    const one = both === undefined || both === 0 || rest.zoneOriginal !== undefined || rest.zoneReply !== undefined;
    return one ? rest : { ...rest, zone: both };
  },
  effect({ notrack, zone: both, zoneOriginal }) {
    if (notrack) return untracked;
    // A packet that is asked about goes in its connection's original direction.
    return { kind: 'continue', assign: [zoneAssignment(both ?? zoneOriginal ?? 0)] };
  },
};
