import { ICMP, ICMPV6, TCP, UDP } from '../../netfilter/index.ts';
import { attribute, joined, openNetlink } from '../netlink.ts';
import { FLAG, NETLINK_NETFILTER, NFPROTO, nested, netfilterHeader } from '../nftables.ts';
import type { PacketFields } from './bytes.ts';

/** Numbers of linux/netfilter/nfnetlink_conntrack.h. */
const DELETE = (1 << 8) | 2;
const TUPLE_ORIGINAL = 1;
const TUPLE = { ip: 1, protocol: 2 } as const;
const ADDRESS = { ipv4: { source: 1, destination: 2 }, ipv6: { source: 3, destination: 4 } } as const;
const PROTOCOL = { number: 1, sourcePort: 2, destinationPort: 3 } as const;
const ECHO = { [ICMP]: { id: 4, type: 5, code: 6 }, [ICMPV6]: { id: 7, type: 8, code: 9 } } as const;

/** What connection tracking knows, as far as this process has made it. */
export interface Forgetting {
  /** Has it forget the connection that a packet has opened. `id` is what `writePacket` was given. */
  forget(packet: PacketFields, id: number): void;
  close(): void;
}

/** Speaks to connection tracking of this process's own network namespace, of connections in its usual zone. */
export function openForgetting(): Forgetting {
  const netlink = openNetlink(NETLINK_NETFILTER);
  return {
    forget(packet, id) {
      const payload = joined([netfilterHeader(NFPROTO[packet.family]), tupleOf(packet, id)]);
      netlink.exchange([{ type: DELETE, flags: FLAG.request | FLAG.ack, payload }]);
    },
    close: () => netlink.close(),
  };
}

function tupleOf(packet: PacketFields, id: number): Uint8Array {
  const { family, protocol, source, destination, sourcePort, destinationPort, icmpType, icmpCode } = packet;
  const at = ADDRESS[family];
  const parts =
    protocol === TCP || protocol === UDP
      ? [
          attribute(PROTOCOL.sourcePort, inOrder(sourcePort, 2)),
          attribute(PROTOCOL.destinationPort, inOrder(destinationPort, 2)),
        ]
      : protocol === ICMP || protocol === ICMPV6
        ? [
            attribute(ECHO[protocol].id, inOrder(id, 2)),
            attribute(ECHO[protocol].type, Uint8Array.of(icmpType)),
            attribute(ECHO[protocol].code, Uint8Array.of(icmpCode)),
          ]
        : [];
  const width = family === 'ipv4' ? 4 : 16;
  return nested(
    TUPLE_ORIGINAL,
    nested(
      TUPLE.ip,
      attribute(at.source, inOrder(source, width)),
      attribute(at.destination, inOrder(destination, width)),
    ),
    nested(TUPLE.protocol, attribute(PROTOCOL.number, Uint8Array.of(protocol)), ...parts),
  );
}

/** A number in network order. */
const inOrder = (value: number | bigint, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => Number((BigInt(value) >> BigInt(8 * (length - 1 - index))) & 255n));
