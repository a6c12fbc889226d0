export { type AddressValue, FAMILIES, type Family, highest, widthOf } from './family.ts';
export { type Address, formatAddress, parseAddress, parseIpv4, parseIpv6 } from './ip.ts';
export { formatPortRange, type PortRange, parsePort, parsePortRange } from './port.ts';
export { contains, formatPrefix, hostPrefix, lengthOf, masked, maskOf, type Prefix, parsePrefix } from './prefix.ts';
export { complement, holds, holdsSorted, next, only, previous, type Range, union } from './range.ts';
