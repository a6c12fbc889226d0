import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { endpointOf, openListeners, openUdpSocket } from '../../src/linux/index.ts';
import { addressesIn, answerTo, questionOf } from '../../src/run/dns-message.ts';
import { byTcp, byUdp } from '../../src/run/dns-transport.ts';
import { openNames } from '../../src/run/names.ts';
/** A question for the address of www.example.test. */
const QUERY = Buffer.from('00070100000100000000000003777777076578616d706c6504746573740000010001', 'hex');
const questionFor = (name) => {
    const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
    return Buffer.from([...QUERY.subarray(0, 12), ...labels, 0, 0, 1, 0, 1]);
};
const open = [];
afterEach(() => {
    for (const one of open.splice(0))
        one.close();
});
/** A name service on the loopback, that asks these servers. */
function service(servers) {
    const { descriptors, port } = openListeners(endpointOf('127.0.0.1', 0), false, 1, 8, () => { });
    const answered = [];
    const names = openNames({
        udp: [{ fd: openUdpSocket(endpointOf('127.0.0.1', port)), family: 'ipv4' }],
        tcp: descriptors,
        own: { 'host.sidestep.internal': '10.77.0.1' },
        servers,
        answered: (answer) => answered.push(answer),
    });
    open.push(names);
    return { names, port, answered };
}
/** A server on UDP that gives one address for every name, after so many milliseconds. */
async function server(address, delay = 0) {
    const socket = createSocket('udp4', async (query, { port, address: peer }) => {
        if (delay > 0)
            await pause(delay);
        socket.send(answerTo(query, questionOf(query), address), port, peer);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    open.push(socket);
    return { address: '127.0.0.1', port: socket.address().port };
}
/** A port of the loopback that refuses. */
const NOBODY = { address: '127.0.0.1', port: 1 };
test('where one server refuses, the next is asked; what it found is remembered by its name', async () => {
    const { names, port, answered } = service([NOBODY, await server('192.0.2.80')]);
    expect(addressesIn(await byUdp(QUERY, '127.0.0.1', port))).toEqual(['192.0.2.80']);
    expect(names.nameOf('192.0.2.80')).toBe('www.example.test');
    expect(names.nameOf('192.0.2.81')).toBeUndefined();
    expect(answered).toEqual([{ name: 'www.example.test', addresses: ['192.0.2.80'], failure: undefined }]);
});
test('an address that names share is known, at any time, by the one that was found last before', async () => {
    const { names, port } = service([await server('192.0.2.80')]);
    const before = Date.now();
    await pause(2);
    await byUdp(questionFor('a.test'), '127.0.0.1', port);
    const between = Date.now();
    await pause(2);
    await byUdp(questionFor('b.test'), '127.0.0.1', port);
    const at = (time) => names.nameOf('192.0.2.80', time);
    expect([at(before), at(between), at()]).toEqual([undefined, 'a.test', 'b.test']);
});
test('an answer that comes when nobody is served any more is nobody’s', async () => {
    const { names, port, answered } = service([await server('192.0.2.80', 20)]);
    const asking = createSocket('udp4');
    asking.send(QUERY, port, '127.0.0.1');
    await pause(10);
    names.close();
    open.splice(open.indexOf(names), 1);
    await expect.poll(() => answered).toHaveLength(1);
    // What is thrown here is thrown at nobody, and the test run fails by it.
    await pause(10);
    asking.close();
});
test('who has asked, and shuts down its sending side, is answered by TCP, and then the connection ends', async () => {
    const framed = (message) => Buffer.concat([Buffer.of(0, message.length), message]);
    const slow = createServer((client) => {
        client.once('data', async (bytes) => {
            await pause(20);
            const query = bytes.subarray(2);
            client.write(framed(answerTo(query, questionOf(query), '192.0.2.80')));
        });
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    open.push(slow);
    const { port } = service([{ address: '127.0.0.1', port: slow.address().port }]);
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.end(framed(QUERY));
    const pieces = await socket.toArray();
    expect(addressesIn(Buffer.concat(pieces).subarray(2))).toEqual(['192.0.2.80']);
});
test('where no server answers, that is said, by UDP and by TCP', async () => {
    const { port, answered } = service([NOBODY]);
    for (const carry of [byUdp, byTcp]) {
        const answer = await carry(QUERY, '127.0.0.1', port);
        expect([answer[3] & 15, addressesIn(answer)]).toEqual([2, []]);
    }
    const failed = { name: 'www.example.test', addresses: [], failure: 'no answer' };
    expect(answered).toEqual([failed, failed]);
});
test('a name of its own is known without asking', async () => {
    const { port } = service([NOBODY]);
    const query = questionFor('host.sidestep.internal');
    for (const carry of [byUdp, byTcp])
        expect(addressesIn(await carry(query, '127.0.0.1', port))).toEqual(['10.77.0.1']);
});
test('what is no question gets no answer, and costs nobody else theirs', async () => {
    const { port } = service([await server('192.0.2.80')]);
    const socket = createSocket('udp4');
    open.push(socket);
    for (const odd of ['', 'no question', '\0'.repeat(12)])
        socket.send(odd, port, '127.0.0.1');
    expect(addressesIn(await byUdp(QUERY, '127.0.0.1', port))).toEqual(['192.0.2.80']);
});
test.for(['constructor', '__proto__', 'toString'])('%s is a name like any', async (name) => {
    const { names, port } = service([await server('192.0.2.80')]);
    expect(addressesIn(await byUdp(questionFor(name), '127.0.0.1', port))).toEqual(['192.0.2.80']);
    expect(names.nameOf('192.0.2.80')).toBe(name.toLowerCase());
});
