import { AF_INET, AF_INET6, type Endpoint, fromSockaddr, toSockaddr } from './address.ts';
import { checked, closeDescriptor, openSocket, SOL_IPV6, SOL_SOCKET, setOption, socketCalls } from './calls.ts';
import { makeTransparent } from './transparent.ts';

const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPV6_V6ONLY = 26;

/**
 * Opens a socket for a listener that takes connections to foreign addresses (TPROXY); on `::` it takes both families. The
 * descriptor is the caller's: give it to `server.listen({ fd }, backlog)`, which calls listen(2) itself. Throws SystemCallFailed.
 */
export const openTransparentListener = (at: Endpoint): number => bound(at, true, () => {});

/** Several listening sockets on one port, among which the kernel divides the connections. */
export interface SharedListeners {
  readonly descriptors: readonly number[];
  readonly port: number;
}

/**
 * Opens `count` listening sockets on one port (SO_REUSEPORT). Another program that shares its port too is not joined: the port is
 * in use, EADDRINUSE. `prepare` sets what accepted connections are to inherit. Throws SystemCallFailed. Source: socket(7).
 */
export function openListeners(
  at: Endpoint,
  transparent: boolean,
  count: number,
  backlog: number,
  prepare: (fd: number) => void,
): SharedListeners {
  const descriptors: number[] = [];
  try {
    // The first binds alone, which fails where anybody listens, and shares from then on.
    const first = bound(at, transparent, () => {});
    descriptors.push(first);
    share(first);
    checked('listen', socketCalls().listen(first, backlog));
    const port = portOf(first);
    while (descriptors.length < count) {
      const next = bound({ ...at, port }, transparent, share);
      descriptors.push(next);
      checked('listen', socketCalls().listen(next, backlog));
    }
    for (const descriptor of descriptors) prepare(descriptor);
    return { descriptors, port };
  } catch (error) {
    for (const descriptor of descriptors) closeDescriptor(descriptor);
    throw error;
  }
}

const share = (fd: number): void => setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1, 'setsockopt SO_REUSEPORT');

function bound(at: Endpoint, transparent: boolean, prepare: (fd: number) => void): number {
  const dual = at.family === 'ipv6';
  const fd = openSocket(dual ? AF_INET6 : AF_INET);
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'setsockopt SO_REUSEADDR');
    if (dual) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 0, 'setsockopt IPV6_V6ONLY');
    // One flag of the socket in the kernel, whichever level it is set at.
    if (transparent) makeTransparent(fd, at.family);
    prepare(fd);
    const address = toSockaddr(at);
    checked('bind', socketCalls().bind(fd, address, address.length));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function portOf(fd: number): number {
  const address = new Uint8Array(28);
  const length = new Uint8Array(Uint32Array.of(address.length).buffer);
  checked('getsockname', socketCalls().getsockname(fd, address, length));
  return fromSockaddr(address).port;
}
