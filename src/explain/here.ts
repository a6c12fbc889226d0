import type { AddressValue, Family, Range } from '../address/index.ts';
import type { PacketSet } from '../analysis/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { ASSUMED } from '../trace/index.ts';

/** Those of these packets that are sent to this host itself. An address of the link is so only where it comes in by that link. */
export function toHere(packets: PacketSet, snapshot: Snapshot, family: Family): PacketSet {
  const here = packets.where({ kind: 'in', field: 'destination', ranges: ownRanges(snapshot, family) });
  if (packets.space.domain.direction === 'out') return here;
  return (snapshot.interfaces ?? []).reduce((left, { name, addresses }) => {
    const ranges = addresses.filter((one) => one.family === family && one.scope === 'link').map(only);
    if (ranges.length === 0) return left;
    const linked = left.where({ kind: 'in', field: 'destination', ranges });
    return left.minus(linked.minus(linked.where({ kind: 'name', field: 'in', text: name, prefix: false })));
  }, here);
}

/** Those of these packets that a program here sends from an address of this host. */
export const fromHere = (packets: PacketSet, snapshot: Snapshot, family: Family): PacketSet =>
  packets
    .where({ kind: 'in', field: 'source', ranges: ownRanges(snapshot, family) })
    .where({ kind: 'in', field: 'owned', ranges: [[1, 1]] });

/** The addresses of this host, loopback's among them. */
function ownRanges({ interfaces }: Snapshot, family: Family): readonly Range[] {
  const known = interfaces?.flatMap(({ addresses }) => addresses.filter((one) => one.family === family));
  const own = known ?? [{ value: ASSUMED.own[family] }];
  const loopback: Range = family === 'ipv4' ? [0x7f00_0000, 0x7fff_ffff] : [1n, 1n];
  return [loopback, ...own.map(only)];
}

const only = ({ value }: { readonly value: AddressValue }): Range => [value, value];
