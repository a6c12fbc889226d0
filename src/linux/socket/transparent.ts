import { AF_INET6, type Endpoint, toSockaddr } from './address.ts';
import { checked, closeDescriptor, openSocket, SOL_IP, SOL_IPV6, SOL_SOCKET, setOption, socketCalls } from './calls.ts';

const SO_REUSEADDR = 2;
const IP_TRANSPARENT = 19;
const IPV6_V6ONLY = 26;
const IPV6_TRANSPARENT = 75;

/**
 * Lets a socket take connections to addresses that are not this host's (TPROXY), or bind to such an address. Needs
 * CAP_NET_ADMIN: throws SystemCallFailed EPERM without it. Source: ip(7), IP_TRANSPARENT.
 */
export function makeTransparent(fd: number, family: Endpoint['family']): void {
  const [level, option] = family === 'ipv4' ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT];
  setOption(fd, level, option, 1, 'setsockopt IP_TRANSPARENT');
}

/**
 * Opens a listening socket for TPROXY; on `::` it takes both families. The descriptor is the caller's: give it to
 * `server.listen({ fd }, backlog)`, which calls listen(2) itself. Throws SystemCallFailed.
 */
export function openTransparentListener(at: Endpoint): number {
  const dual = at.family === 'ipv6';
  const fd = openSocket(dual ? AF_INET6 : 2);
  try {
    setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1, 'setsockopt SO_REUSEADDR');
    if (dual) setOption(fd, SOL_IPV6, IPV6_V6ONLY, 0, 'setsockopt IPV6_V6ONLY');
    // One flag of the socket in the kernel, whichever level it is set at.
    makeTransparent(fd, at.family);
    const address = toSockaddr(at);
    checked('bind', socketCalls().bind(fd, address, address.length));
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
