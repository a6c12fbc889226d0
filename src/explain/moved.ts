import type { Family } from '../address/index.ts';
import { type Change, type Cut, type Direction, difference, type End, type PacketSet } from '../analysis/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { fromHere, toHere } from './here.ts';

/** Packets that are spoken of: they belong to no open connection, and go from one host to another, or from here to here. */
export interface Spoken {
  readonly family: Family;
  readonly direction: Direction;
  readonly packets: PacketSet;
  /** All such packets: what they have in common need not be said. */
  readonly among: PacketSet;
}

/** Packets that end elsewhere after a change of rules. */
export interface Moved extends Spoken, Pick<Change, 'before' | 'after'> {
  /** Whatever is not known. Else they may: part of what decides it is open. */
  readonly sure: boolean;
  /** For whom they are: this host, others, or either. */
  readonly bound: 'here' | 'elsewhere' | 'anywhere';
}

/** All that two snapshots of a host send elsewhere, or may. Throws TooComplex. */
export function movedBetween(
  before: Snapshot,
  after: Snapshot,
  proxyPorts: readonly number[],
  family: Family,
  direction: Direction,
  cuts: readonly Cut[] = [],
): readonly Moved[] {
  const [one, other] = [before, after].map((snapshot) => ({ snapshot, proxyPorts }));
  return difference(one!, other!, family, direction, cuts).flatMap(({ before: was, after: is, surely, possibly }) => {
    const certain = spoken(surely, before, family);
    const among = everySpoken(certain, before, family);
    return [
      { packets: certain, sure: true },
      { packets: spoken(possibly, before, family).minus(certain), sure: false },
    ].flatMap(({ packets, sure }) => {
      const bound = boundFor(packets, before, family);
      return packets.isEmpty ? [] : [{ family, direction, packets, among, bound, before: was, after: is, sure }];
    });
  });
}

/** A part of the packets that move. */
export const part = ({ packets: _, ...moved }: Moved, packets: PacketSet, before: Snapshot): Moved => ({
  ...moved,
  packets,
  bound: boundFor(packets, before, moved.family),
});

/** Those of these packets that are spoken of. */
export function spoken(packets: PacketSet, host: Snapshot, family: Family): PacketSet {
  const { ordinary } = packets.apart;
  return packets.space.domain.direction === 'in' ? ordinary : fromHere(ordinary, host, family);
}

export const everySpoken = (packets: PacketSet, host: Snapshot, family: Family): PacketSet =>
  spoken(packets.or(packets.not()), host, family);

function boundFor(packets: PacketSet, host: Snapshot, family: Family): Moved['bound'] {
  // Where no interfaces are known, whatever comes in is taken to be for this host.
  if (packets.space.domain.direction === 'in' && host.interfaces === undefined) return 'here';
  const here = toHere(packets, host, family);
  return here.isEmpty ? 'elsewhere' : here.equals(packets) ? 'here' : 'anywhere';
}

/**
 * Whether packets are sent to the proxy's port, be the proxy there or not, though they ask for another. Where nothing tells which ports
 * are the proxy's, trace takes whatever a rule turns to this host for it.
 */
export const isTurned = (end: End, proxyPorts: readonly number[]): boolean =>
  (end.kind === 'proxy' || end.kind === 'nobody listens') &&
  end.port !== 'own' &&
  (proxyPorts.includes(end.port) || (proxyPorts.length === 0 && end.kind === 'proxy'));
