import { FAMILIES, type Family, type Range } from '../address/index.ts';
import { type Direction, type End, type PacketSet, reach, TooComplex } from '../analysis/index.ts';
import { CTSTATE, type Snapshot, TCP } from '../netfilter/index.ts';
import { ASSUMED } from '../trace/index.ts';

/** The ways that traffic takes: from outside to this host, from here to outside, and from here to here. */
export const LANES = ['inbound', 'outbound', 'self'] as const;
export type LaneName = (typeof LANES)[number];

/** Where connections go: turned to the proxy, or to it because they asked for it; past it, on to others, nowhere. */
export const FATES = ['proxy', 'proxy itself', 'direct', 'forwarded', 'refused', 'unknown'] as const;
export type Fate = (typeof FATES)[number];

/** Connections of a lane that end alike. */
export interface LaneEnd {
  readonly end: End;
  readonly fate: Fate;
  /** The packets that open them. */
  readonly packets: PacketSet;
  /** It hangs on what is not known whether they do. */
  readonly perhaps: boolean;
}

/** What becomes of the connections, or packets without one, of one family that take one way. */
export interface Lane {
  readonly name: LaneName;
  readonly family: Family;
  readonly direction: Direction;
  /** All packets that open a connection, or belong to none, from one host to another. */
  readonly all: PacketSet;
  readonly ends: readonly LaneEnd[];
}

/** All lanes of the families whose rules are known, and why some are not among them. */
export interface Lanes {
  readonly lanes: readonly Lane[];
  readonly tooComplex: readonly { readonly family: Family; readonly direction: Direction; readonly because: string }[];
}

/** @param families those whose rules were read */
export function lanesOf(snapshot: Snapshot, families: readonly Family[], proxyPorts: readonly number[]): Lanes {
  const lanes: Lane[] = [];
  const tooComplex: Lanes['tooComplex'][number][] = [];
  for (const family of FAMILIES.filter((one) => families.includes(one))) {
    for (const direction of ['in', 'out'] as const) {
      try {
        const ends = reach({ snapshot, proxyPorts }, family, direction).map(({ end, surely, possibly }) => ({
          end,
          fate: fateOf(end, proxyPorts),
          packets: opening(possibly),
          perhaps: !opening(surely).equals(opening(possibly)),
        }));
        lanes.push(...split(snapshot, family, direction, ends));
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        tooComplex.push({ family, direction, because: error.message });
      }
    }
  }
  return { lanes: lanes.sort((a, b) => LANES.indexOf(a.name) - LANES.indexOf(b.name)), tooComplex };
}

export const TCP_ONLY = { kind: 'in', field: 'protocol', ranges: [[TCP, TCP]] } as const;

/** Packets that open a connection: later ones go as the first one went. */
const opening = (packets: PacketSet): PacketSet =>
  packets.ordinary.where({ kind: 'any-bit', field: 'ctstate', mask: CTSTATE.NEW });

/** What arrives is for this host; what a program here sends goes from an address of this host to another, or to another host. */
function split(snapshot: Snapshot, family: Family, direction: Direction, ends: readonly LaneEnd[]): readonly Lane[] {
  const ranges = ownRanges(snapshot, family);
  const toHere = { kind: 'in', field: 'destination', ranges } as const;
  const lane = (name: LaneName, part: (packets: PacketSet) => PacketSet): readonly Lane[] => {
    const parts = ends.map((one) => ({ ...one, packets: part(one.packets) })).filter(({ packets }) => !packets.isEmpty);
    const all = unionOf(parts.map(({ packets }) => packets));
    return all ? [{ name, family, direction, all, ends: parts }] : [];
  };
  // Where no interfaces are known, whatever arrives is taken to be for this host.
  if (direction === 'in') return lane('inbound', (packets) => (snapshot.interfaces ? packets.where(toHere) : packets));
  const fromHere = (packets: PacketSet): PacketSet =>
    packets.where({ kind: 'in', field: 'source', ranges }).where({ kind: 'in', field: 'owned', ranges: [[1, 1]] });
  const everybody = (packets: PacketSet) => packets.where(family === 'ipv4' ? EVERYBODY : toHere);
  return [
    ...lane('outbound', (packets) => fromHere(packets.minus(packets.where(toHere)).minus(everybody(packets)))),
    ...lane('self', (packets) => fromHere(packets.where(toHere))),
  ];
}

/** The broadcast address of loopback: no host. */
const EVERYBODY = { kind: 'in', field: 'destination', ranges: [[0x7fff_ffff, 0x7fff_ffff]] } as const;

/** The addresses of this host, loopback's among them (but for 127.255.255.255, which is everybody). */
function ownRanges({ interfaces }: Snapshot, family: Family): readonly Range[] {
  const known = interfaces?.flatMap(({ addresses }) => addresses.filter((one) => one.family === family));
  const own = known ? known.map(({ value }) => value) : [ASSUMED.own[family]];
  const loopback: Range = family === 'ipv4' ? [0x7f00_0000, 0x7fff_fffe] : [1n, 1n];
  return [loopback, ...own.map((value): Range => [value, value])];
}

export const unionOf = (sets: readonly PacketSet[]): PacketSet | undefined =>
  sets.length === 0 ? undefined : sets.reduce((all, one) => all.or(one));

function fateOf(end: End, proxyPorts: readonly number[]): Fate {
  switch (end.kind) {
    case 'proxy':
      return end.port === 'own' ? 'proxy itself' : 'proxy';
    case 'nobody listens':
      return end.port !== 'own' && proxyPorts.includes(end.port) ? 'proxy' : 'direct';
    case 'app':
    case 'delivered':
    case 'sent':
      return 'direct';
    case 'dropped':
    case 'rejected':
      return 'refused';
    case 'forwarded':
    case 'unknown':
      return end.kind;
  }
}
