import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from '../../src/proxy/client-hello.ts';
import { FirstBytes, LOOKED_AT, recognise } from '../../src/proxy/first-bytes.ts';
const said = (text) => recognise(Buffer.from(text, 'latin1'))?.protocol;
/** The first bytes that a client of Node's sends to a server that says nothing. */
async function sentBy(dial) {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = dial(server.address().port);
    const [socket] = (await once(server, 'connection'));
    const [bytes] = (await once(socket, 'data'));
    socket.destroy();
    client.destroy();
    server.close();
    return bytes;
}
const hello = (servername, ALPNProtocols) => sentBy((port) => connectTls({
    port,
    host: '127.0.0.1',
    servername: servername ?? '',
    ...(ALPNProtocols ? { ALPNProtocols } : {}),
}).on('error', () => { }));
test.each([
    ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'HTTP/1.1'],
    ['POST /a?b=c HTTP/1.0\r\n', 'HTTP/1.0'],
    ['M-SEARCH * HTTP/1.1\r\n', 'HTTP/1.1'],
    ['\r\nGET / HTTP/1.1\r\n', 'HTTP/1.1'],
    ['GET / HTTP/1.1\n', 'HTTP/1.1'],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0', 'HTTP/2'],
    ['OPTIONS rtsp://a/b RTSP/1.0\r\n', 'other'],
    ['INVITE sip:bob@example.org SIP/2.0\r\n', 'other'],
    ['EHLO mail.example.org\r\n', 'other'],
    ['PING\r\n', 'other'],
    ['*1\r\n$4\r\nPING\r\n', 'other'],
    ['SSH-2.0-OpenSSH_9.2\r\n', 'other'],
    ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n', 'other'],
    ['GET / HTTP/9.9\r\n', 'other'],
    ['\0\0\0\x08\x04\xd2\x16/', 'other'],
    ['\x16\x03\x01\0\x05\x02', 'other'],
    ['GET /still-com', undefined],
    ['PRI * HTTP/2.0\r\n', undefined],
    ['\x16\x03', undefined],
    ['', undefined],
])('%j is %s', (text, protocol) => {
    expect(said(text)).toBe(protocol);
});
test('a ClientHello of Node’s: the name and the protocols that it asks for', async () => {
    expect(recognise(await hello('api.example.org', ['h2', 'http/1.1']))).toEqual({
        protocol: 'TLS',
        serverName: 'api.example.org',
        applicationProtocols: ['h2', 'http/1.1'],
    });
    expect(recognise(await hello(undefined))).toEqual({ protocol: 'TLS' });
});
test('what Node’s HTTP/2 client says first', async () => {
    const server = createHttp2Server();
    const bytes = await sentBy((port) => connectHttp2(`http://127.0.0.1:${port}`).on('error', () => { }));
    expect(recognise(bytes)).toEqual({ protocol: 'HTTP/2' });
    server.close();
});
test('a ClientHello in several records, and in pieces of any size, is the same', async () => {
    const whole = await hello('api.example.org', ['h2']);
    const body = whole.subarray(5);
    const records = (size) => Buffer.concat(Array.from({ length: Math.ceil(body.length / size) }, (_, at) => {
        const piece = body.subarray(at * size, (at + 1) * size);
        return Buffer.concat([Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece]);
    }));
    for (const size of [1, 3, 100])
        expect(recognise(records(size))).toEqual(recognise(whole));
    for (const size of [1, 7, 64]) {
        const first = new FirstBytes();
        const buffer = Buffer.alloc(size);
        for (let at = 0; at < whole.length; at += size) {
            expect(first.spoken).toBeUndefined();
            // The engine reads into the same buffer again and again.
            const length = whole.copy(buffer, 0, at, at + size);
            first.passed(buffer.subarray(0, length));
        }
        expect(first.spoken).toEqual(recognise(whole));
    }
});
test('a name that is made to do something to a terminal, or to a log, is one harmless word', async () => {
    const name = 'api.example.org';
    const evil = '\x1b[2J\x9b"\\ \n\r\x7f\0abc';
    const bytes = await hello(name);
    bytes.write(evil, bytes.indexOf(name), 'latin1');
    const { serverName } = recognise(bytes) ?? {};
    expect(serverName).toBe('\\x1b[2J\\x9b\\x22\\x5c\\x20\\x0a\\x0d\\x7f\\x00abc');
});
/** Bytes of any kind, and the beginnings of what would be recognised, with anything behind or changed in them. */
const beginnings = [
    'GET / HTTP/1.1\r\n',
    '\r\nPUT ',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '\x16\x03\x01\0\x40\x01\0\0\x3c',
];
const anyBytes = fc
    .tuple(fc.constantFrom('', ...beginnings), fc.uint8Array({ maxLength: 300 }), fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }))
    .map(([beginning, rest, changes]) => {
    const bytes = Buffer.concat([Buffer.from(beginning, 'latin1'), rest]);
    for (const [at, value] of changes)
        if (at < bytes.length)
            bytes[at] = value;
    return bytes;
});
test('whatever comes, it never throws, and what was said of the beginning holds for the rest', () => {
    fc.assert(fc.property(anyBytes, fc.nat(400), (bytes, cut) => {
        const part = recognise(bytes.subarray(0, cut));
        if (part !== undefined)
            expect(recognise(bytes)).toEqual(part);
    }), { numRuns: 3000 });
});
test('a ClientHello with any bytes changed or missing is read as far as it goes', async () => {
    const whole = await hello('api.example.org', ['h2', 'http/1.1']);
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 5 }), fc.nat(whole.length), (changes, cut) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes)
            bytes[at] = value;
        const all = recognise(bytes);
        expect(all?.serverName ?? '').toMatch(/^[\x21-\x7e]*$/);
        const part = recognise(bytes.subarray(0, cut));
        if (part !== undefined)
            expect(all).toEqual(part);
    }), { numRuns: 3000 });
});
test('it looks at so many bytes and no more, however they come', () => {
    expect(recognise(Buffer.alloc(LOOKED_AT + 1, 'GET /'))).toEqual({ protocol: 'other' });
    const line = `GET /${'a'.repeat(LOOKED_AT)} HTTP/1.1\r\n`;
    const first = new FirstBytes();
    for (const letter of line)
        first.passed(Buffer.from(letter));
    expect(first.spoken).toEqual({ protocol: 'other' });
    const cut = Buffer.alloc(LOOKED_AT);
    cut.set([22, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc]);
    expect(recognise(cut)).toEqual({ protocol: 'TLS' });
});
test('printable text is what it was', () => {
    fc.assert(fc.property(fc.domain(), (name) => {
        expect(printable(Buffer.from(name))).toBe(name);
    }));
});
