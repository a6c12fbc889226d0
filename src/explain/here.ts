import type { Family, Range } from '../address/index.ts';
import type { PacketSet } from '../analysis/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { ASSUMED } from '../trace/index.ts';

/** Those of these packets that are sent to this host itself. */
export const toHere = (packets: PacketSet, snapshot: Snapshot, family: Family): PacketSet =>
  packets.where({ kind: 'in', field: 'destination', ranges: ownRanges(snapshot, family) });

/** Those of these packets that a program here sends from an address of this host. */
export const fromHere = (packets: PacketSet, snapshot: Snapshot, family: Family): PacketSet =>
  packets
    .where({ kind: 'in', field: 'source', ranges: ownRanges(snapshot, family) })
    .where({ kind: 'in', field: 'owned', ranges: [[1, 1]] });

/** The addresses of this host, loopback's among them. */
function ownRanges({ interfaces }: Snapshot, family: Family): readonly Range[] {
  const known = interfaces?.flatMap(({ addresses }) => addresses.filter((one) => one.family === family));
  const own = known ? known.map(({ value }) => value) : [ASSUMED.own[family]];
  const loopback: Range = family === 'ipv4' ? [0x7f00_0000, 0x7fff_ffff] : [1n, 1n];
  return [loopback, ...own.map((value): Range => [value, value])];
}
