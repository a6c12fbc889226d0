/** The address family a rule set belongs to: iptables or ip6tables. */
export type Family = 'ipv4' | 'ipv6';

export const FAMILIES: readonly Family[] = ['ipv4', 'ipv6'];

/**
 * The value of an address: IPv4 as an unsigned 32-bit number, IPv6 as a 128-bit bigint. The two never meet in one
 * comparison, because a rule set belongs to one family.
 */
export type AddressValue = number | bigint;

/** Width of an address in bits. */
export const widthOf = (family: Family): 32 | 128 => (family === 'ipv4' ? 32 : 128);

/** The highest value of an address: all ones. */
export const highest = (family: Family): AddressValue => (family === 'ipv4' ? 0xffff_ffff : (1n << 128n) - 1n);
