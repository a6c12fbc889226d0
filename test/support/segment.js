import { parseIpv4 } from '../../src/address/index.ts';
/** The bytes of an IPv4 packet with one TCP header and no data. The kernel fills in the IP header's checksum. */
export function segmentBytes({ from, fromPort, to, port, flags }) {
    const bytes = new Uint8Array(40);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 0x45);
    view.setUint16(2, bytes.length);
    view.setUint8(8, 64);
    view.setUint8(9, 6);
    view.setUint32(12, parseIpv4(from));
    view.setUint32(16, parseIpv4(to));
    view.setUint16(20, fromPort);
    view.setUint16(22, port);
    view.setUint32(24, 1);
    view.setUint8(32, 5 << 4);
    view.setUint8(33, flags);
    view.setUint16(34, 1024);
    view.setUint16(36, checksum(view));
    return bytes;
}
/** Over the pseudo header (addresses, protocol, length) and the segment. Connection tracking verifies it. */
function checksum(view) {
    let sum = 6 + 20;
    for (let at = 12; at < 40; at += 2)
        sum += view.getUint16(at);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >>> 16);
    return ~sum & 0xffff;
}
