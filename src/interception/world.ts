import { complement, type Family, highest, type Range } from '../address/index.ts';
import { ADDRESS_TYPE, CTSTATE, clockAt, SOCKET_LOOKUP, TCP_FLAGS } from '../netfilter/index.ts';
import type { Box } from './box.ts';

/**
 * The three kinds of new connection that an interception treats differently: from elsewhere to this host, from a process
 * here to elsewhere, and from a process here to this host's own address, which leaves and comes back by `lo`.
 */
export type World = 'inbound' | 'outbound' | 'self';

export const WORLDS: readonly World[] = ['inbound', 'outbound', 'self'];

/** The loopback addresses: 127.0.0.0/8 and ::1. */
export const loopbackOf = (family: Family): Range => (family === 'ipv4' ? [0x7f00_0000, 0x7fff_ffff] : [1n, 1n]);

/** What the clock shows, as values of its fields. */
const clockValues = (now: number | undefined): Box['values'] =>
  Object.fromEntries(
    Object.entries(clockAt(now)).flatMap(([field, value]) => (value === undefined ? [] : [[field, [[value, value]]]])),
  );

const { LOCAL, UNICAST } = ADDRESS_TYPE;

/** The first packets of all new connections of a kind. `now` is the clock in seconds since 1970; undefined: any time. */
export function baseOf(world: World, family: Family, now: number | undefined): Box {
  const only = (value: number): readonly Range[] => [[value, value]];
  const values: Box['values'] = {
    ctstate: only(CTSTATE.NEW),
    ctstatus: only(0),
    ctmark: only(0),
    ctzone: only(0),
    fragment: only(0),
    tcpFlags: only(TCP_FLAGS.SYN),
    socketLookup: only(SOCKET_LOOKUP.none),
    ...clockValues(now),
  };
  const toHere = { ...values, destinationType: only(family === 'ipv4' ? LOCAL : LOCAL | UNICAST) };
  if (world === 'inbound') {
    // The kernel takes no packet from or to a loopback address that comes by another interface.
    const elsewhere = complement([loopbackOf(family)], family === 'ipv4' ? 0 : 0n, highest(family));
    return {
      values: { ...toHere, mark: only(0), owned: only(0), source: elsewhere, destination: elsewhere },
      names: { in: { except: ['lo'] }, out: { within: '', except: [] } },
    };
  }
  const out = world === 'self' ? { within: 'lo', except: [] } : { except: ['lo'] };
  return {
    // A process may mark what it sends; a proxy may be known by its mark.
    values: { ...(world === 'self' ? toHere : values), owned: only(1) },
    names: { in: { within: '', except: [] }, out },
  };
}
