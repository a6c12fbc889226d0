import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenedTable, tableFor } from '../../src/proxy/epoll/opened-table.ts';
import { openedHere } from '../../src/proxy/opened.ts';
const ipv4 = (address, port) => ({ family: 'ipv4', address, port });
const to = ipv4('192.0.2.1', 80);
/** Two Workers' views of the same memory. */
function pair(connections) {
    const tables = [tableFor(connections), tableFor(connections)];
    const connecting = new Int32Array(new SharedArrayBuffer(8));
    return [new OpenedTable(tables, connecting, 0), new OpenedTable(tables, connecting, 1)];
}
test('a Worker finds what another one has opened, by both ends', () => {
    const [one, other] = pair(10);
    one.add(ipv4('10.0.0.5', 50000), to, 'outbound');
    other.add(ipv4('127.0.0.6', 50000), to, 'inbound');
    expect(other.find(ipv4('10.0.0.5', 50000), to)).toBe('outbound');
    expect(one.find(ipv4('127.0.0.6', 50000), to)).toBe('inbound');
    expect(one.find(ipv4('10.0.0.5', 50000), ipv4('192.0.2.1', 81))).toBeUndefined();
    expect(one.find(ipv4('10.0.0.5', 50001), to)).toBeUndefined();
    one.remove(ipv4('10.0.0.5', 50000), to);
    expect(other.find(ipv4('10.0.0.5', 50000), to)).toBeUndefined();
});
test('in whatever order entries come and go, it knows what a map knows', () => {
    const step = fc.record({ port: fc.nat(40), add: fc.boolean() });
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [one, other] = pair(12);
        const known = openedHere();
        for (const { port, add } of steps) {
            const from = ipv4('10.0.0.5', port);
            if (!add) {
                one.remove(from, to);
                known.remove(from, to);
            }
            else if (!known.find(from, to)) {
                one.add(from, to, 'outbound');
                known.add(from, to, 'outbound');
            }
        }
        for (let port = 0; port <= 40; port += 1) {
            const from = ipv4('10.0.0.5', port);
            expect(other.find(from, to)).toBe(known.find(from, to));
        }
    }));
});
test('what has gone leaves no trace that would make searches longer', () => {
    const table = tableFor(100);
    const [one] = [new OpenedTable([table], new Int32Array(new SharedArrayBuffer(4)), 0)];
    for (let port = 0; port < 60_000; port += 1) {
        one.add(ipv4('10.0.0.5', port), to, 'outbound');
        if (port >= 100)
            one.remove(ipv4('10.0.0.5', port - 100), to);
    }
    for (let port = 59_900; port < 60_000; port += 1)
        one.remove(ipv4('10.0.0.5', port), to);
    expect(table.filter((_, index) => index % 2 === 1).every((word) => word === 0)).toBe(true);
});
