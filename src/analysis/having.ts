import { type FieldName, ICMP, ICMPV6, TCP, UDP } from '../netfilter/index.ts';

/** Protocols that have ports: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const PORTED = [TCP, UDP, 33, 132, 136];

/** Protocols whose packets have a field; absent: all have it. */
export const HAVING: Readonly<Partial<Record<FieldName, readonly number[]>>> = {
  sourcePort: PORTED,
  destinationPort: PORTED,
  tcpFlags: [TCP],
  icmpType: [ICMP, ICMPV6],
  icmpCode: [ICMP, ICMPV6],
  spi: [50, 51],
};
