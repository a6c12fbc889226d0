import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { kernelSockets } from '../../src/proxy/net-sockets.ts';
import { busyPort, ENGINES, ending, openLoopback, received, serve } from './loopback.ts';
describe.each(ENGINES)('engine %s', (engine) => {
    let open;
    let server;
    let busy;
    afterEach(async () => {
        await open?.close();
        server?.close();
        busy?.close();
        open = undefined;
        busy = undefined;
    });
    /** A proxy whose every connection was meant for a server that does `each`. */
    async function inFrontOf(each, config = {}) {
        const app = await serve(each);
        server = app.server;
        open = await openLoopback(engine, () => app, config);
        return open;
    }
    const answer = (socket) => {
        received(socket).then((said) => socket.end(`you said ${said}`), () => { });
    };
    test('a client that ends its half first still gets the whole answer', async () => {
        const { dial, line } = await inFrontOf(answer);
        const client = dial();
        client.end('ping');
        expect(await received(client)).toBe('you said ping');
        expect(await line()).toMatchObject({
            response_flags: '-',
            bytes_received: 4,
            bytes_sent: 13,
            upstream_cluster: 'PassthroughCluster',
            connection_termination_details: null,
        });
    });
    test('a server that ends its half first still gets what the client sends', async () => {
        let heard;
        const { dial, line } = await inFrontOf((socket) => {
            socket.end('that is all');
            heard = received(socket);
        });
        const client = dial();
        expect(await received(client)).toBe('that is all');
        client.write('one ');
        await sleep(20);
        client.end('two');
        expect(await heard).toBe('one two');
        expect(await line()).toMatchObject({ response_flags: '-', bytes_received: 7, bytes_sent: 11 });
    });
    test('a server may speak first', async () => {
        const { dial } = await inFrontOf((socket) => {
            socket.write('220 ready\r\n');
            socket.on('end', () => socket.end());
            socket.resume();
        });
        const client = dial();
        const [greeting] = await once(client, 'data');
        expect(String(greeting)).toBe('220 ready\r\n');
        client.end();
    });
    test('what a client speaks is seen as it passes, and nobody waits for it', async () => {
        const { dial, line } = await inFrontOf((socket) => {
            socket.end('220 I speak first');
            socket.resume();
        });
        const say = async (...pieces) => {
            const client = dial();
            // The server has spoken before the client has said a word.
            expect(await received(client)).toBe('220 I speak first');
            for (const piece of pieces) {
                client.write(piece, 'latin1');
                await sleep(20);
            }
            client.end();
            const { protocol, requested_server_name, requested_application_protocols } = await line();
            return [protocol, requested_server_name, requested_application_protocols];
        };
        expect(await say('GET / HTTP/1.1\r\n')).toEqual(['HTTP/1.1', null, null]);
        expect(await say('G', 'ET / HT', 'TP/1.0\r\n')).toEqual(['HTTP/1.0', null, null]);
        expect(await say('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '\0\0')).toEqual(['HTTP/2', null, null]);
        expect(await say('EHLO example.org\r\n')).toEqual([null, null, null]);
        expect(await say('GET')).toEqual([null, null, null]);
        expect(await say()).toEqual([null, null, null]);
    });
    test('bytes that come before the upstream is connected are not lost', async () => {
        busy = await busyPort();
        open = await openLoopback(engine, () => busy);
        const client = open.dial();
        client.end('early words');
        await sleep(100);
        server = busy.answer(answer);
        expect(await received(client)).toBe('you said early words');
    });
    test('a client’s RST reaches the server as a RST', async () => {
        let end;
        const { dial, line } = await inFrontOf((socket) => {
            end = ending(socket);
            socket.write('hello');
        });
        const client = dial();
        await once(client, 'data');
        client.resetAndDestroy();
        expect(await line()).toMatchObject({ response_flags: 'DC' });
        expect(await end).toBe('ECONNRESET');
    });
    test('a server’s RST reaches the client as a RST, after the bytes that came before it', async () => {
        const { dial, line } = await inFrontOf((socket) => {
            socket.write('half an ans');
            setTimeout(() => socket.resetAndDestroy(), 50);
        });
        const client = dial();
        const [bytes] = await once(client, 'data');
        expect(String(bytes)).toBe('half an ans');
        expect(await ending(client)).toBe('ECONNRESET');
        expect(await line()).toMatchObject({ response_flags: 'UC', bytes_sent: 11 });
    });
    test('a RST is noticed even from a client that is not being read, because the server is stalled', async () => {
        let stalled;
        const { dial, line } = await inFrontOf((socket) => {
            stalled = socket.pause();
        });
        const client = dial();
        const piece = Buffer.alloc(1 << 20);
        // Until nothing fits any more, neither here nor in the proxy nor at the server.
        while (client.writableLength < 8 << 20) {
            client.write(piece);
            await sleep(1);
        }
        client.resetAndDestroy();
        expect(await line()).toMatchObject({ response_flags: 'DC' });
        expect(await ending(stalled)).toBe('ECONNRESET');
    });
    test('a RST after the client’s own FIN is noticed too', async () => {
        let app;
        const { dial, line } = await inFrontOf((socket) => {
            app = socket.resume();
        });
        const client = dial();
        client.end('that was my half');
        await once(client, 'finish');
        await sleep(50);
        kernelSockets.reset(client);
        expect(await line()).toMatchObject({
            response_flags: 'DC',
            connection_termination_details: 'the client reset the connection',
        });
        await sleep(20);
        expect(kernelSockets.takeReset(app)).toBe('EPIPE');
        app.destroy();
    });
    test('bytes and a RST that come together stay bytes and a RST', async () => {
        // Both are there before the proxy looks: libuv then reports an ordinary end.
        let end;
        const app = await serve((socket) => {
            end = ending(socket);
        });
        server = app.server;
        let bytes = 0;
        open = await openLoopback(engine, () => app);
        app.server.on('connection', (socket) => socket.on('data', (piece) => (bytes += piece.length)));
        const client = open.dial();
        await once(client, 'connect');
        client.write('x'.repeat(1000), () => kernelSockets.reset(client));
        expect(await open.line()).toMatchObject({ response_flags: 'DC', bytes_received: 1000 });
        expect(await end).toBe('ECONNRESET');
        expect(bytes).toBe(1000);
    });
    test('an upstream that refuses is a RST for the client, and the log says why', async () => {
        const app = await serve(() => { });
        app.server.close();
        open = await openLoopback(engine, () => app);
        const client = open.dial();
        expect(await ending(client)).toBe('ECONNRESET');
        const line = await open.line();
        expect(line).toMatchObject({ response_flags: 'UF,URX', upstream_host: `127.0.0.1:${app.port}` });
        expect(line.upstream_transport_failure_reason).toBe(`connect ECONNREFUSED 127.0.0.1:${app.port} (nobody listens there)`);
    });
    test('an upstream that does not answer is given up after the connect timeout', async () => {
        busy = await busyPort();
        open = await openLoopback(engine, () => busy, { connectTimeout: 80 });
        expect(await ending(open.dial())).toBe('ECONNRESET');
        expect((await open.line()).upstream_transport_failure_reason).toBe('no answer within 80 ms');
    });
    test('a connection that nothing redirected is reset, and the log says so', async () => {
        open = await openLoopback(engine, () => undefined);
        expect(await ending(open.dial())).toBe('ECONNRESET');
        const line = await open.line();
        expect(line.response_flags).toBe('NR');
        expect(line.connection_termination_details).toContain('no original destination');
        expect(line.downstream_local_address).toBe(`127.0.0.1:${open.proxy.outboundPort}`);
    });
    test('a connection straight to the proxy’s own port is reset, not passed on to itself', async () => {
        open = await openLoopback(engine, (port) => ({ address: '127.0.0.1', port }));
        expect(await ending(open.dial())).toBe('ECONNRESET');
        const line = await open.line();
        expect(line.connection_termination_details).toBe(`no original destination: made straight to the proxy’s own port ${open.proxy.outboundPort}`);
        expect(open.proxy.statistics()).toMatchObject({ open: 0, ended: 1, refused: 1 });
    });
    test('a connection over the limit is reset, and counts again once another has ended', async () => {
        const { dial, line } = await inFrontOf(answer, { maxConnections: 2 });
        const [first, second] = [dial(), dial()];
        await Promise.all([once(first, 'connect'), once(second, 'connect')]);
        await sleep(30);
        expect(await ending(dial())).toBe('ECONNRESET');
        const refused = await line();
        expect(refused).toMatchObject({ response_flags: 'UO', upstream_host: null });
        expect(refused.connection_termination_details).toContain('the limit of 2 connections');
        first.end('a');
        expect(await received(first)).toBe('you said a');
        // It is told whom the refused one had called: the same.
        expect((await line()).downstream_local_address).toBe(refused.downstream_local_address);
        const third = dial();
        third.end('c');
        expect(await received(third)).toBe('you said c');
    });
    test.each([1, 5000, 2_000_000_000])('the kernel asks a silent peer: keep-alive after %i ms, a second at least', async (keepAlive) => {
        const { dial } = await inFrontOf(answer, { keepAlive });
        const client = dial();
        await once(client, 'connect');
        // The timer of the proxy's end, in hundredths of a second: 02 is keep-alive. Source: proc(5), /proc/net/tcp.
        const end = `:${client.localPort.toString(16).toUpperCase().padStart(4, '0')} 01 `;
        const timer = () => {
            const line = readFileSync('/proc/net/tcp', 'utf8')
                .split('\n')
                .find((entry) => entry.includes(end));
            const [, kind, left] = / (\d\d):([0-9A-F]{8}) /.exec(line ?? '') ?? [];
            return { kind, left: Number.parseInt(left ?? '', 16) };
        };
        await expect.poll(() => timer().kind).toBe('02');
        expect(timer().left).toBeLessThanOrEqual(Math.max(100, keepAlive / 10));
        client.end();
    });
    test('a connection that moves no byte for the idle timeout is closed', async () => {
        let end;
        const { dial, line } = await inFrontOf((socket) => {
            end = ending(socket);
        }, { idleTimeout: 200 });
        expect(await ending(dial())).toBe('FIN');
        expect(await line()).toMatchObject({ response_flags: 'SI' });
        expect(await end).toBe('FIN');
    });
    test('a stalled reader stops its sender: what waits in the proxy stays bounded', async () => {
        let stalled;
        const { dial } = await inFrontOf((socket) => {
            stalled = socket.pause();
        });
        const client = dial();
        await once(client, 'connect');
        const before_ = process.memoryUsage().arrayBuffers;
        const piece = Buffer.alloc(1 << 20, 'x');
        let accepted = 0;
        // 256 MB are offered; the kernel's buffers take a few.
        for (let at = 0; at < 256; at += 1) {
            accepted += 1;
            if (!client.write(piece)) {
                const drained = await Promise.race([once(client, 'drain').then(() => true), sleep(500).then(() => false)]);
                if (!drained)
                    break;
            }
        }
        expect(accepted).toBeLessThan(64);
        expect(process.memoryUsage().arrayBuffers - before_).toBeLessThan(16 << 20);
        let arrived = 0;
        stalled.on('data', (bytes) => {
            arrived += bytes.length;
        });
        stalled.resume();
        client.end();
        await once(stalled, 'end');
        expect(arrived).toBe(accepted << 20);
    });
    test('drain lets open connections end, close resets them', async () => {
        const { dial, line, proxy } = await inFrontOf(answer, { drain: { notice: 0, timeout: 5000 } });
        const [patient, stubborn] = [dial(), dial()];
        await Promise.all([once(patient, 'connect'), once(stubborn, 'connect')]);
        await expect.poll(() => proxy.statistics().open, { timeout: 10_000 }).toBe(2);
        const drained = proxy.drain();
        await sleep(30);
        expect(await ending(dial())).toBe('ECONNREFUSED');
        patient.end('last words');
        expect(await received(patient)).toBe('you said last words');
        expect(await line()).toMatchObject({ response_flags: '-' });
        const end = ending(stubborn);
        void proxy.close();
        expect(await end).toBe('ECONNRESET');
        expect(await line()).toMatchObject({
            response_flags: 'LR',
            connection_termination_details: 'the proxy was stopped',
        });
        expect(await drained).toEqual({ ended: 1, reset: 1, logLinesDropped: 0 });
    });
    test('200 connections whose FIN comes at once are all served', async () => {
        const { dial, proxy } = await inFrontOf(answer);
        const answers = await Promise.all(Array.from({ length: 200 }, (_, index) => {
            const client = dial();
            client.end(String(index));
            return received(client);
        }));
        expect(answers).toEqual(Array.from({ length: 200 }, (_, index) => `you said ${index}`));
        await expect.poll(() => proxy.statistics().open).toBe(0);
    });
});
