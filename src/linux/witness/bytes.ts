import type { AddressValue, Family } from '../../address/index.ts';
import { ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE } from '../../netfilter/index.ts';

/** What of a packet is written. Numbers as the headers have them. */
export interface PacketFields {
  readonly family: Family;
  readonly protocol: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  readonly dscp: number;
  readonly ecn: number;
  readonly source: AddressValue;
  readonly destination: AddressValue;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

const isIcmp = (protocol: number): boolean => protocol === ICMP || protocol === ICMPV6;

const PAYLOAD = 8;
const HEADER = { ipv4: 20, ipv6: 40 } as const;

/**
 * Writes the packet into `bytes`, with its checksums, and returns its length. `id` stands in IPv4's identification or IPv6's flow
 * label, which nat leaves alone. Of TCP it has no options, of UDP, ICMP and others eight bytes of zeros behind the header. Sources:
 * RFC 791, 8200, 9293, 768, 792, 4443, 9260.
 *
 * @example const length = writePacket({ family: 'ipv4', protocol: TCP, tcpFlags: TCP_FLAGS.SYN, … }, 1, new Uint8Array(256));
 */
export function writePacket(probe: PacketFields, id: number, bytes: Uint8Array): number {
  const { family, protocol } = probe;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const at = HEADER[family];
  const tos = (probe.dscp << 2) | probe.ecn;
  const length = at + writeTransport(probe, id, view, at);
  if (family === 'ipv4') {
    view.setUint32(0, 0x4500_0000 | (tos << 16) | length);
    view.setUint32(4, (id & 0xffff) << 16);
    view.setUint32(8, (probe.ttl << 24) | (protocol << 16));
    view.setUint32(12, Number(probe.source));
    view.setUint32(16, Number(probe.destination));
    view.setUint16(10, sum(view, 0, 20, 0));
  } else {
    view.setUint32(0, 0x6000_0000 | (tos << 20) | (id & 0xffff));
    view.setUint32(4, ((length - at) << 16) | (protocol << 8) | probe.ttl);
    setIpv6(view, 8, BigInt(probe.source));
    setIpv6(view, 24, BigInt(probe.destination));
  }
  finish(probe, view, at, length);
  return length;
}

/** The number that `writePacket` was given. */
export const idIn = (family: Family, header: Uint8Array): number =>
  family === 'ipv4' ? (header[4]! << 8) | header[5]! : (header[2]! << 8) | header[3]!;

function setIpv6(view: DataView, at: number, value: bigint): void {
  view.setBigUint64(at, value >> 64n);
  view.setBigUint64(at + 8, BigInt.asUintN(64, value));
}

function writeTransport({ protocol, ...probe }: PacketFields, id: number, view: DataView, at: number): number {
  for (let index = 0; index < 64; index += 4) view.setUint32(at + index, 0);
  if (protocol === TCP) {
    view.setUint32(at, (probe.sourcePort << 16) | probe.destinationPort);
    view.setUint32(at + 4, 1);
    view.setUint32(at + 12, (5 << 28) | (probe.tcpFlags << 16) | 1024);
    return 20;
  }
  if (protocol === UDP || protocol === UDPLITE) {
    view.setUint32(at, (probe.sourcePort << 16) | probe.destinationPort);
    view.setUint16(at + 4, 8 + PAYLOAD);
    return 8 + PAYLOAD;
  }
  if (protocol === SCTP) {
    // An INIT chunk of an association that has no tag yet.
    view.setUint32(at, (probe.sourcePort << 16) | probe.destinationPort);
    view.setUint32(at + 12, (1 << 24) | 20);
    view.setUint32(at + 16, id + 1);
    view.setUint32(at + 20, 4096);
    view.setUint32(at + 24, (1 << 16) | 1);
    view.setUint32(at + 28, 1);
    return 32;
  }
  if (isIcmp(protocol)) {
    view.setUint32(at, (probe.icmpType << 24) | (probe.icmpCode << 16));
    view.setUint32(at + 4, (id << 16) | 1);
    return 8 + PAYLOAD;
  }
  view.setUint32(at, id);
  return 8 + PAYLOAD;
}

/** Connection tracking verifies checksums. */
function finish({ family, protocol }: PacketFields, view: DataView, at: number, length: number): void {
  const place = protocol === TCP ? 16 : protocol === UDP || protocol === UDPLITE ? 6 : isIcmp(protocol) ? 2 : undefined;
  if (protocol === SCTP) {
    view.setUint32(at + 8, crc32c(view, at, length), true);
    return;
  }
  if (place === undefined) return;
  let start = 0;
  if (protocol !== ICMP) {
    start = protocol + (length - at);
    const [from, to] = family === 'ipv4' ? [12, 20] : [8, 40];
    for (let index = from; index < to; index += 2) start += view.getUint16(index);
  }
  const checksum = sum(view, at, length, start);
  view.setUint16(at + place, checksum === 0 ? 0xffff : checksum);
}

function sum(view: DataView, from: number, to: number, start: number): number {
  let total = start;
  for (let at = from; at < to; at += 2) total += view.getUint16(at);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1;
  return value;
});

function crc32c(view: DataView, from: number, to: number): number {
  let value = 0xffff_ffff;
  for (let at = from; at < to; at += 1) value = CRC[(value ^ view.getUint8(at)) & 255]! ^ (value >>> 8);
  return ~value >>> 0;
}
