import { type FieldName, ICMP, ICMPV6, PORTED, TCP } from '../netfilter/index.ts';

/** Protocols whose packets have a field; absent: all have it. */
export const HAVING: Readonly<Partial<Record<FieldName, readonly number[]>>> = {
  sourcePort: [...PORTED],
  destinationPort: [...PORTED],
  tcpFlags: [TCP],
  icmpType: [ICMP, ICMPV6],
  icmpCode: [ICMP, ICMPV6],
  spi: [50, 51],
};
