import { ICMP, ICMPV6 } from '../../src/netfilter/index.ts';
/** An Ethernet frame with an IPv4 or IPv6 packet. A later fragment begins 64 bytes into its packet (IPv4 only). */
export function frameBytes(fields) {
    const payload = [...(fields.between?.bytes ?? []), ...transport(fields)];
    const head = fields.family === 'ipv4' ? 20 : 40;
    while (head + payload.length < (fields.length ?? 0))
        payload.push(0);
    const header = fields.family === 'ipv4' ? ipv4(fields, payload.length) : ipv6(fields, payload.length);
    const type = fields.family === 'ipv4' ? 0x0800 : 0x86dd;
    return Uint8Array.from([
        ...bigEndian(fields.destinationMac, 6),
        ...bigEndian(fields.sourceMac, 6),
        ...bigEndian(type, 2),
        ...header,
        ...payload,
    ]);
}
function transport(fields) {
    const { protocol } = fields;
    if (protocol === ICMP || protocol === ICMPV6)
        return [fields.icmpType ?? 0, fields.icmpCode ?? 0, 0, 0, 0, 0, 0, 0];
    const ports = [...bigEndian(fields.sourcePort ?? 0, 2), ...bigEndian(fields.destinationPort ?? 0, 2)];
    if (protocol === 17 || protocol === 136)
        return [...ports, 0, 8, 0, 0];
    // TCP's twenty bytes; SCTP and the others find theirs in them.
    return [...ports, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, fields.tcpFlags ?? 2, 4, 0, 0, 0, 0, 0];
}
function ipv4(fields, length) {
    const header = [0x45, 0, ...bigEndian(20 + length, 2), 0, 1, 0, fields.fragment ? 8 : 0, fields.ttl ?? 64];
    header.push(fields.protocol, 0, 0);
    header.push(...bigEndian(Number(fields.source), 4), ...bigEndian(Number(fields.destination), 4));
    let sum = 0;
    for (let at = 0; at < 20; at += 2)
        sum += (header[at] << 8) | header[at + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >>> 16);
    header.splice(10, 2, (~sum >> 8) & 0xff, ~sum & 0xff);
    return header;
}
const ipv6 = (fields, length) => [
    ...[0x60, 0, 0, 0, ...bigEndian(length, 2), fields.between?.first ?? fields.protocol, fields.ttl ?? 64],
    ...bigEndian(BigInt(fields.source ?? 0), 16),
    ...bigEndian(BigInt(fields.destination), 16),
];
const bigEndian = (value, bytes) => Array.from({ length: bytes }, (_, index) => Number((BigInt(value) >> BigInt(8 * (bytes - 1 - index))) & 0xffn));
