import { expect, test } from 'vitest';
import { parseFilter, QuestionRefused } from '../../src/trace/index.ts';
test.each([
    ['in', { direction: 'in', fields: {} }],
    ['out', { direction: 'out', fields: {} }],
    ['self', { direction: 'out', fields: { out: 'lo' } }],
    ['in tcp', { direction: 'in', fields: { protocol: 6 } }],
    ['in tcp/8888', { direction: 'in', fields: { protocol: 6, destinationPort: 8888 } }],
    ['in udp on eth1', { direction: 'in', fields: { in: 'eth1', protocol: 17 } }],
    ['in icmp', { direction: 'in', fields: { family: 'ipv4', protocol: 1 } }],
    ['in icmpv6 type 128', { direction: 'in', fields: { family: 'ipv6', protocol: 58, icmpType: 128 } }],
    ['in icmp type 3/1', { direction: 'in', fields: { family: 'ipv4', protocol: 1, icmpType: 3, icmpCode: 1 } }],
    [
        'out tcp 10.0.0.5:8080 > 10.0.0.9',
        {
            direction: 'out',
            fields: { family: 'ipv4', protocol: 6, source: 0x0a000005, sourcePort: 8080, destination: 0x0a000009 },
        },
    ],
    [
        'out tcp > [2001:db8::1]:80 uid 1000 flags syn',
        {
            direction: 'out',
            fields: {
                family: 'ipv6',
                protocol: 6,
                destination: 0x20010db8000000000000000000000001n,
                destinationPort: 80,
                uid: 1000,
                tcpFlags: 2,
            },
        },
    ],
])('%s: nothing is assumed', (text, filter) => expect(parseFilter(text)).toEqual(filter));
test.each(['in tcp/80 state new', 'in tcp/80 ttl 5', 'in tcp/80 reply', 'in tcp/80 at 2026-11-23'])('%s cannot be told of a packet before the rules see it', (text) => expect(() => parseFilter(text)).toThrow(/cannot be told of a packet that passes/));
test.each(['', 'up tcp', 'in tpc', 'in tcp > '])('"%s" is refused with its place', (text) => expect(() => parseFilter(text)).toThrow(QuestionRefused));
