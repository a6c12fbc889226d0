import { formatAddress } from '../address/index.ts';
import { LOOPBACK } from './host.ts';
import { lookUp } from './lookup.ts';
import type { Walk } from './state.ts';

/**
 * Why rp_filter drops a packet from elsewhere: its source would not be answered, or by another interface than it came by.
 * The larger of an interface's own setting and that for all holds. Source: net/ipv4/fib_frontend.c, __fib_validate_source.
 */
export function reversePathBecause(walk: Walk): string | undefined {
  const { packet, ground } = walk;
  const { family, source } = packet;
  if (family === 'ipv6' || source === undefined || packet.in === LOOPBACK || !ground.host.known) return undefined;
  const modes = ground.rpFilter?.flatMap(({ interface: name, mode }) =>
    name === 'all' || name === packet.in ? [mode] : [],
  );
  if (!modes?.length) return undefined;
  const loose = modes.includes('loose');
  const { asks } = ground.host;
  const flow = {
    destination: source,
    source: asks.source ? packet.destination : undefined,
    in: LOOPBACK,
    mark: 0,
    uid: 0,
    protocol: asks.protocol ? packet.protocol : undefined,
    sourcePort: asks.sourcePort ? packet.destinationPort : undefined,
    destinationPort: asks.destinationPort ? packet.sourcePort : undefined,
  };
  const back = lookUp(ground.host, { ...flow, marked: false }, () => false);
  if (back.kind === 'device' && (loose || back.device === packet.in)) return undefined;
  const from = formatAddress(family, source);
  const answered = back.kind === 'device' ? `would be answered by ${back.device}` : 'would not be answered';
  return `${from} ${answered}, and rp_filter is ${loose ? 'loose' : 'strict'} on ${packet.in}`;
}
