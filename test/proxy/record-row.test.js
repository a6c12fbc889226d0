import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addRow, recordsIn } from '../../src/proxy/epoll/record-row.ts';
const maybe = (of) => fc.option(of, { nil: undefined });
const end = fc.oneof(fc.record({ family: fc.constant('ipv4'), address: fc.ipV4(), port: fc.nat(65535) }), fc.record({ family: fc.constant('ipv6'), address: fc.constant('fe80::1%eth0'), port: fc.nat(65535) }));
const record = fc.record({
    start: fc.nat(),
    duration: fc.nat(),
    direction: maybe(fc.constantFrom('inbound', 'outbound')),
    peer: maybe(end),
    destination: maybe(end),
    upstream: maybe(end),
    upstreamLocal: maybe(end),
    cluster: maybe(fc.string()),
    spoken: maybe(fc.oneof(fc.constant({ protocol: 'HTTP/1.1' }), fc.record({
        protocol: fc.constant('TLS'),
        serverName: fc.string({ minLength: 1 }),
        applicationProtocols: fc.array(fc.string()),
    }))),
    received: fc.nat(),
    sent: fc.nat(),
    flag: maybe(fc.constantFrom('UC', 'UF,URX')),
    details: maybe(fc.string()),
    failure: maybe(fc.string()),
});
test('records arrive in another thread as they were', () => {
    fc.assert(fc.property(fc.array(record, { maxLength: 5 }), (records) => {
        const rows = [];
        for (const each of records)
            addRow(rows, each);
        expect(recordsIn(structuredClone(rows))).toEqual(records);
    }));
});
