import type { Family, Range } from '../address/index.ts';
import { ICMP, ICMPV6, type Leaf, TCP, UDP } from '../netfilter/index.ts';
import { isLoopback } from './host.ts';
import type { Walk } from './state.ts';

/*
 * What the kernel itself asks of one field of a packet, and no more of it than that. Who follows one packet looks; who follows many at
 * once answers with the set of those that meet the condition, and need not tell apart what else the field may be.
 */

const among = (field: 'protocol' | 'source', ...ranges: readonly Range[]): Leaf => ({ kind: 'in', field, ranges });

const ICMPS = [among('protocol', [ICMP, ICMP], [ICMPV6, ICMPV6])];

/** Whether it is ICMP, of either family. */
export function isIcmp(walk: Walk): boolean {
  if (walk.meetsAny) return walk.meetsAny('protocol', ICMPS);
  const { protocol } = walk.packet;
  return protocol === ICMP || protocol === ICMPV6;
}

const WITH_SOCKETS = [among('protocol', [TCP, TCP], [UDP, UDP])];

/** Whether sockets are looked for: it is TCP or UDP. */
export function asksSockets(walk: Walk): boolean {
  if (walk.meetsAny) return walk.meetsAny('protocol', WITH_SOCKETS);
  const { protocol } = walk.packet;
  return protocol === TCP || protocol === UDP;
}

/** That a source is an address of loopback's. */
export const FROM_LOOPBACK: Readonly<Record<Family, Leaf>> = {
  ipv4: among('source', [0x7f00_0000, 0x7fff_ffff]),
  ipv6: among('source', [1n, 1n]),
};
const FROM_LOOPBACK_NETWORK = [FROM_LOOPBACK.ipv4];

/** Whether the source of an IPv4 packet is in 127.0.0.0/8. */
export function isFromLoopback(walk: Walk): boolean {
  if (walk.meetsAny) return walk.meetsAny('source', FROM_LOOPBACK_NETWORK);
  const { source } = walk.packet;
  return source !== undefined && isLoopback('ipv4', source);
}

/** Whether it has come in by an interface. */
export const cameBy = (walk: Walk, device: string): boolean =>
  walk.meetsAny ? walk.meetsAny('in', [named(device)]) : walk.packet.in === device;

/** … by one of some interfaces. */
export function cameByAny(walk: Walk, devices: readonly string[]): boolean {
  if (walk.meetsAny) return walk.meetsAny('in', devices.map(named));
  const { in: device } = walk.packet;
  return device !== undefined && devices.includes(device);
}

const named = (text: string): Leaf => ({ kind: 'name', field: 'in', text, prefix: false });
