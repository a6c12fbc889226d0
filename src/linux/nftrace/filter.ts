import type { AddressValue } from '../../address/index.ts';
import type { Packet, PacketFilter } from '../../netfilter/index.ts';
import { NFPROTO } from '../nftables.ts';
import { BASE, compare, KEY, meta, own32, payload } from './expressions.ts';

const NAME = 16;

/** The conditions of a rule that matches the packets of a filter. */
export function filterExpressions({ direction, fields }: PacketFilter): readonly Uint8Array[] {
  const { in: iif, out: oif, family, protocol, source, destination, mark, uid, gid } = fields;
  const { sourcePort, destinationPort, icmpType, icmpCode, tcpFlags } = fields;
  const number = (key: number, value: number | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [meta(key), compare(own32(value))];
  const at = (offset: number, length: number, value: number | undefined): readonly Uint8Array[] =>
    value === undefined ? [] : [payload(BASE.transport, offset, length), compare(inOrder(value, length))];
  return [
    // What comes in over loopback was sent by this host.
    ...(direction === 'in' && !iif ? [meta(KEY.iifname), compare(nameBytes('lo'), 'isNot')] : []),
    ...(iif ? [meta(KEY.iifname), compare(nameBytes(iif))] : []),
    ...(oif ? [meta(KEY.oifname), compare(nameBytes(oif))] : []),
    ...(family ? [meta(KEY.nfproto), compare(Uint8Array.of(NFPROTO[family]))] : []),
    ...(protocol === undefined ? [] : [meta(KEY.l4proto), compare(Uint8Array.of(protocol))]),
    ...addressIn(source, { ipv4: 12, ipv6: 8 }),
    ...addressIn(destination, { ipv4: 16, ipv6: 24 }),
    ...at(0, 2, sourcePort),
    ...at(2, 2, destinationPort),
    ...at(0, 1, icmpType),
    ...at(1, 1, icmpCode),
    ...at(13, 1, tcpFlags),
    ...number(KEY.mark, mark),
    ...number(KEY.skuid, uid),
    ...number(KEY.skgid, gid),
  ];
}

function addressIn(
  value: AddressValue | undefined,
  offset: Readonly<Record<Packet['family'], number>>,
): readonly Uint8Array[] {
  if (value === undefined) return [];
  return typeof value === 'bigint'
    ? [
        payload(BASE.network, offset.ipv6, 16),
        compare(Uint8Array.from({ length: 16 }, (_, index) => Number((value >> BigInt(120 - 8 * index)) & 255n))),
      ]
    : [payload(BASE.network, offset.ipv4, 4), compare(inOrder(value, 4))];
}

/** A number in network order. */
const inOrder = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => value >>> (8 * (length - 1 - index)));

/** An interface's name as registers hold it: filled up with zeros. */
export function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(NAME);
  bytes.set(new TextEncoder().encode(name).subarray(0, NAME - 1));
  return bytes;
}
