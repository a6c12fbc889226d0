import { parseNumber, text } from '../codec.ts';
import type { Assignment, Effect } from '../effect.ts';
import { type Codec, flag, type Option, type TargetExtension, value } from '../extension.ts';
import { CTSTATE } from '../fields.ts';
import { listed } from '../listed.ts';

/** A conntrack zone, or the packet's mark taken as one. */
export type Zone = number | 'mark';

export interface CtOptions {
  readonly notrack?: true;
  readonly helper?: string;
  readonly timeout?: string;
  /** Names of events, in the kernel's order. */
  readonly events?: readonly string[];
  readonly expectationEvents?: readonly string[];
  readonly zone?: ZoneUse;
}

/** One zone, and the options that spoke of it: for one direction of the connection, or for both. */
export interface ZoneUse {
  readonly of: Zone;
  readonly original?: true;
  readonly reply?: true;
  readonly both?: true;
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
  read: (word) => (word.toLowerCase() === 'mark' ? 'mark' : parseNumber(word, 65_535)),
  print: String,
};

/**
 * The kernel holds one zone, whichever options name it: the last number counts, and a mark stays one. A zone of either
 * direction is one of both.
 */
const zoneOption = (name: string, side: 'original' | 'reply' | 'both'): Option<ZoneUse> => ({
  names: [name],
  arity: 1,
  negatable: false,
  repeats: true,
  expected: zone.expected,
  read([word = ''], _negated, family, before) {
    const of = zone.read(word, family);
    if (of === undefined || before?.[side]) return undefined;
    return { ...before, of: before?.of === 'mark' ? 'mark' : of, [side]: true };
  },
  print: ({ of, original, reply }) =>
    original === reply ? `--zone ${of}` : `${original ? '--zone-orig' : '--zone-reply'} ${of}`,
});

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
    zone: [zoneOption('--zone-orig', 'original'), zoneOption('--zone-reply', 'reply'), zoneOption('--zone', 'both')],
  },
  listed: listed(
    [/CT/, ''],
    [/NOTRACK/, '--notrack'],
    [/notrack/, '--notrack'],
    [/helper (\S+)/, '--helper $1'],
    [/timeout (\S+)/, '--timeout $1'],
    [/ctevents (\S+)/, '--ctevents $1'],
    [/expevents (\S+)/, '--expevents $1'],
    [/zone-orig (\S+)/, '--zone-orig $1'],
    [/zone-reply (\S+)/, '--zone-reply $1'],
    [/zone (\S+)/, '--zone $1'],
  ),
  refuse({ helper, timeout, notrack }, { protocol }) {
    const named = helper ?? timeout;
    if (notrack && named !== undefined) return '--notrack leaves nothing for --helper or --timeout to do';
    return named !== undefined && protocol === undefined ? '--helper and --timeout need a protocol: -p tcp' : undefined;
  },
  complete({ zone: use, ...rest }) {
    // Zone 0 is the default.
    return use === undefined || use.of === 0 ? rest : { ...rest, zone: use };
  },
  effect({ notrack, zone: use }) {
    if (notrack) return untracked;
    // A packet that is asked about goes in its connection's original direction.
    const ofOriginal = use !== undefined && (use.original || !use.reply);
    return { kind: 'continue', assign: [zoneAssignment(ofOriginal ? use.of : 0)] };
  },
};
