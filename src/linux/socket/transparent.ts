import type { Endpoint } from './address.ts';
import { SOL_IP, SOL_IPV6, setOption } from './calls.ts';

/** The same numbers on x86_64 and arm64. Source: linux/in.h, linux/in6.h. */
export const IP_TRANSPARENT = 19;
export const IPV6_TRANSPARENT = 75;

/**
 * Lets a socket take connections to addresses that are not this host's (TPROXY), or bind to such an address. Needs
 * CAP_NET_ADMIN: throws SystemCallFailed EPERM without it. Source: ip(7), IP_TRANSPARENT.
 */
export function makeTransparent(fd: number, family: Endpoint['family']): void {
  const [level, option] = family === 'ipv4' ? [SOL_IP, IP_TRANSPARENT] : [SOL_IPV6, IPV6_TRANSPARENT];
  setOption(fd, level, option, 1, 'setsockopt IP_TRANSPARENT');
}
