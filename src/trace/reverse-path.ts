import { formatAddress } from '../address/index.ts';
import type { ReversePath } from '../netfilter/index.ts';
import { cameBy, cameByAny } from './conditions.ts';
import { LOOPBACK } from './host.ts';
import { lookUp } from './lookup.ts';
import type { Walk } from './state.ts';

/** What holds for an interface: its own setting or that for all, whichever is larger. */
function modeFor(walk: Walk): ReversePath['mode'] | undefined {
  const { rpFilter } = walk.ground;
  if (!rpFilter || rpFilter.length === 0) return undefined;
  let by = BY_MODE.get(rpFilter);
  if (!by) {
    by = MODES.map((mode) => rpFilter.flatMap((setting) => (setting.mode === mode ? [setting.interface] : [])));
    BY_MODE.set(rpFilter, by);
  }
  return MODES.find((_, at) => {
    const on = by[at]!;
    return on.length > 0 && (on.includes('all') || cameByAny(walk, on));
  });
}

/** The one that wins first. */
const MODES = ['loose', 'strict'] as const;
/** The interfaces that have each. */
const BY_MODE = new WeakMap<readonly ReversePath[], readonly (readonly string[])[]>();

/**
 * Why rp_filter drops a packet from elsewhere: its source would not be answered, or by another interface than it came by.
 * Source: net/ipv4/fib_frontend.c, __fib_validate_source.
 */
export function reversePathBecause(walk: Walk): string | undefined {
  const { packet, ground } = walk;
  const { family } = packet;
  if (family === 'ipv6' || !ground.host.known) return undefined;
  const { source } = packet;
  if (source === undefined || cameBy(walk, LOOPBACK)) return undefined;
  const mode = modeFor(walk);
  if (mode === undefined) return undefined;
  const loose = mode === 'loose';
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
  if (back.kind === 'device' && (loose || cameBy(walk, back.device))) return undefined;
  const from = formatAddress(family, source);
  const answered = back.kind === 'device' ? `would be answered by ${back.device}` : 'would not be answered';
  return `${from} ${answered}, and rp_filter is ${loose ? 'loose' : 'strict'} on ${packet.in}`;
}
