import { FAMILIES, type Family } from '../address/index.ts';
import { type Direction, type End, type PacketSet, reach, TooComplex } from '../analysis/index.ts';
import { fromHere, isTurned, toHere } from '../explain/index.ts';
import { type Snapshot, TCP } from '../netfilter/index.ts';

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
  /** Whether they do hangs on what is not known; else they do whatever that is. */
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
        const ends = reach({ snapshot, proxyPorts }, family, direction).flatMap(
          ({ end, surely, possibly }): LaneEnd[] => {
            const fate = fateOf(end, proxyPorts);
            const sure = surely.ordinary.opening;
            const rest = possibly.ordinary.opening.minus(sure);
            return [
              { end, fate, packets: sure, perhaps: false },
              { end, fate, packets: rest, perhaps: true },
            ];
          },
        );
        lanes.push(...split(snapshot, family, direction, ends));
      } catch (error) {
        if (!(error instanceof TooComplex)) throw error;
        tooComplex.push({ family, direction, because: error.message });
      }
    }
  }
  return { lanes: lanes.sort((a, b) => LANES.indexOf(a.name) - LANES.indexOf(b.name)), tooComplex };
}

/** No mark at all. */
export const UNMARKED = { kind: 'bits', field: 'mark', mask: 0xffff_ffff, value: 0 } as const;

export const TCP_ONLY = { kind: 'in', field: 'protocol', ranges: [[TCP, TCP]] } as const;

/** What arrives is for this host; what a program here sends goes from an address of this host to another, or to another host. */
function split(snapshot: Snapshot, family: Family, direction: Direction, ends: readonly LaneEnd[]): readonly Lane[] {
  const lane = (name: LaneName, part: (packets: PacketSet) => PacketSet): readonly Lane[] => {
    const parts = ends.map((one) => ({ ...one, packets: part(one.packets) })).filter(({ packets }) => !packets.isEmpty);
    const all = unionOf(parts.map(({ packets }) => packets));
    return all ? [{ name, family, direction, all, ends: parts }] : [];
  };
  const here = (packets: PacketSet): PacketSet => toHere(packets, snapshot, family);
  if (direction === 'in') return lane('inbound', (packets) => arriving(packets, snapshot, family));
  const sent = (packets: PacketSet): PacketSet => fromHere(packets, snapshot, family);
  return [
    ...lane('outbound', (packets) => sent(packets.minus(here(packets)))),
    ...lane('self', (packets) => sent(here(packets))),
  ];
}

/** Those that come over a wire, and so have no mark, for this host: where no interfaces are known, whatever arrives is taken to be. */
export const arriving = (packets: PacketSet, snapshot: Snapshot, family: Family): PacketSet =>
  (snapshot.interfaces ? toHere(packets, snapshot, family) : packets).where(UNMARKED);

export const unionOf = (sets: readonly PacketSet[]): PacketSet | undefined =>
  sets.length === 0 ? undefined : sets.reduce((all, one) => all.or(one));

export function fateOf(end: End, proxyPorts: readonly number[]): Fate {
  if (isTurned(end, proxyPorts)) return 'proxy';
  switch (end.kind) {
    case 'proxy':
      return 'proxy itself';
    case 'nobody listens':
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
