import { endianness } from 'node:os';
import { AF_INET, AF_INET6, type Endpoint, toSockaddr } from './address.ts';
import { checked, closeDescriptor, openSocket, SOL_IPV6, setOption, socketCalls } from './calls.ts';

/** CLONE_NEWNET. Source: sched.h. */
const NETWORK = 0x4000_0000;
const POLLOUT = 4;
const POLLERR_HUP_NVAL = 0x38;
/** SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC. */
const DATAGRAMS = 0x8_0802;
const IPV6_V6ONLY = 26;
const LITTLE = endianness() === 'LE';

/**
 * Moves this thread into a network namespace, given its open file: what is opened from then on is of that namespace. Needs
 * CAP_SYS_ADMIN in the user namespace that owns it, and in this process's own. Throws SystemCallFailed. Source: setns(2).
 */
export const setNetworkNamespace = (fd: number): void => {
  checked('setns', socketCalls().setns(fd, NETWORK));
};

/** A TCP socket that is not connected, of the namespace this thread is in. */
export const openSocketFor = (family: Endpoint['family']): number => openSocket(family === 'ipv4' ? AF_INET : AF_INET6);

/** A UDP socket at an address and port; `::` and the like take IPv6 alone. Throws SystemCallFailed. */
export function openUdpSocket(at: Endpoint): number {
  const family = at.family === 'ipv4' ? AF_INET : AF_INET6;
  const fd = checked('socket', socketCalls().socket(family, DATAGRAMS, 0));
  try {
    if (family === AF_INET6) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 1, 'setsockopt IPV6_V6ONLY');
    const address = toSockaddr(at);
    checked('bind', socketCalls().bind(fd, address, address.length));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * Waits until there is room in one of several channels, or nobody is at the other end of `partner` or of one of them. The thread
 * sleeps meanwhile, for `patience` milliseconds at most where that is not negative. A `partner` of -1 is nobody. Source: poll(2).
 */
export function whichWritable(
  channels: readonly number[],
  partner: number,
  patience = -1,
): { readonly writable: readonly number[]; readonly gone: boolean } {
  const entries = new Uint8Array(8 * (channels.length + 1));
  const view = new DataView(entries.buffer);
  for (const [at, fd] of [partner, ...channels].entries()) {
    view.setInt32(8 * at, fd, LITTLE);
    view.setInt16(8 * at + 4, at === 0 ? 0 : POLLOUT, LITTLE);
  }
  checked('poll', socketCalls().poll(entries, channels.length + 1, patience));
  const happened = (at: number): number => view.getInt16(8 * at + 6, LITTLE);
  const all = [partner, ...channels].map((_, at) => happened(at));
  return {
    writable: channels.filter((_, at) => (happened(at + 1) & POLLOUT) !== 0),
    gone: all.some((events) => (events & POLLERR_HUP_NVAL) !== 0),
  };
}
