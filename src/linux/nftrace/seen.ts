import type { AddressValue } from '../../address/index.ts';
import { CTSTATUS, ICMP, ICMPV6, IPV6_HEADERS, makePacket, type Packet, TCP, UDP } from '../../netfilter/index.ts';
import type { ToldHeaders } from './headers.ts';
import type { ToldMessage } from './watch.ts';

const OFFSET_V4 = 0x1fff;
const MORE_V4 = 0x2000;
const FRAGMENT_V6 = 44;

/** Whether a message is of one of several fragments. */
export function fragmentIn({ protocol, networkHeader }: ToldMessage): boolean {
  const network = bytesOf(networkHeader);
  if (protocol === 'ipv6') return network.byteLength >= 40 && network.getUint8(6) === FRAGMENT_V6;
  return network.byteLength >= 20 && (network.getUint16(6) & (OFFSET_V4 | MORE_V4)) !== 0;
}

/**
 * The packet as a trace message tells it: what it does not tell (whose socket, which frame, the connection's mark) is
 * undefined. `nameOf` gives an interface's name by its number. Undefined where the message has no header of IP.
 */
export function packetIn(
  message: ToldMessage,
  nameOf: (index: number) => string | undefined,
  told?: ToldHeaders,
): Packet | undefined {
  const { protocol: family, networkHeader, transportHeader, connection, mark } = message;
  const network = bytesOf(networkHeader);
  if (!family || network.byteLength < (family === 'ipv4' ? 20 : 40)) return undefined;
  const header = family === 'ipv4' ? ipv4(network) : { ...ipv6(network), ...(told ? upper(told) : {}) };
  const carried = header.protocol;
  const transport = header.fragment === 1 ? bytesOf(undefined) : bytesOf(transportHeader);
  const ports = (carried === TCP || carried === UDP) && transport.byteLength >= 4;
  const icmp = (carried === ICMP || carried === ICMPV6) && transport.byteLength >= 2;
  const confirmed = connection !== undefined && (connection.status & CTSTATUS.CONFIRMED) !== 0;
  return makePacket({
    family,
    in: wire(message.iif, nameOf),
    out: wire(message.oif, nameOf),
    ...header,
    sourcePort: ports ? transport.getUint16(0) : undefined,
    destinationPort: ports ? transport.getUint16(2) : undefined,
    tcpFlags: carried === TCP && transport.byteLength >= 14 ? transport.getUint8(13) : undefined,
    icmpType: icmp ? transport.getUint8(0) : undefined,
    icmpCode: icmp ? transport.getUint8(1) : undefined,
    mark,
    ctstate: connection?.state,
    ctmark: confirmed ? undefined : 0,
    time: Math.floor(Date.now() / 1000),
  });
}

const bytesOf = (hex = ''): DataView => {
  const { buffer, byteOffset, byteLength } = Buffer.from(hex, 'hex');
  return new DataView(buffer, byteOffset, byteLength);
};

const wire = (index: number | undefined, nameOf: (index: number) => string | undefined): string | undefined =>
  index ? nameOf(index) : '';

type Header = Pick<Packet, 'protocol' | 'ttl' | 'length' | 'fragment' | 'dscp' | 'ecn' | 'source' | 'destination'>;

const ipv4 = (view: DataView): Header => ({
  protocol: view.getUint8(9),
  ttl: view.getUint8(8),
  length: view.getUint16(2),
  fragment: (view.getUint16(6) & OFFSET_V4) === 0 ? 0 : 1,
  dscp: view.getUint8(1) >> 2,
  ecn: view.getUint8(1) & 3,
  source: view.getUint32(12),
  destination: view.getUint32(16),
});

const ipv6 = (view: DataView): Header => ({
  protocol: view.getUint8(6),
  ttl: view.getUint8(7),
  length: 40 + view.getUint16(4),
  fragment: view.getUint8(6) === FRAGMENT_V6 ? undefined : 0,
  dscp: (view.getUint16(0) >> 6) & 63,
  ecn: (view.getUint16(0) >> 4) & 3,
  source: wide(view, 8),
  destination: wide(view, 24),
});

/** Headers by their numbers, as bits of the field `headers`. */
const BITS: Readonly<Record<number, number>> = {
  0: IPV6_HEADERS['hop-by-hop'],
  60: IPV6_HEADERS['ipv6-opts'],
  43: IPV6_HEADERS['ipv6-route'],
  44: IPV6_HEADERS['ipv6-frag'],
  50: IPV6_HEADERS.esp,
  51: IPV6_HEADERS.ah,
  59: IPV6_HEADERS['ipv6-nonxt'],
};

/** What is not in IPv6's first header. */
const upper = ({ protocol, between, later }: ToldHeaders) => ({
  protocol,
  fragment: later ? 1 : 0,
  headers: [protocol, ...between].reduce((all, number) => all | (BITS[number] ?? IPV6_HEADERS.protocol), 0),
});

const wide = (view: DataView, at: number): AddressValue => (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);
