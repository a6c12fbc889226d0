import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { closeDescriptor, openListeners } from '../../src/linux/socket/index.ts';
import { epollEngine, netEngine, startProxy, } from '../../src/proxy/index.ts';
import { kernelSockets } from '../../src/proxy/net-sockets.ts';
/** The engines that every contract test runs against. */
export const ENGINES = ['net', 'epoll'];
/** `target` says, for the proxy's own port, where connections to it are meant to go. */
export async function openLoopback(engine, target, config = {}, pipes) {
    const log = new PassThrough({ encoding: 'utf8' });
    const lines = [];
    const waiting = [];
    let rest = '';
    log.on('data', (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        for (const part of parts) {
            const line = JSON.parse(part);
            const taker = waiting.shift();
            if (taker)
                taker(line);
            else
                lines.push(line);
        }
    });
    const proxy = await startProxy({
        address: '127.0.0.1',
        outboundPort: 0,
        inboundPort: 0,
        readinessPort: 'none',
        metricsPort: 'none',
        adminPort: 'none',
        accessLog: log,
        drain: { notice: 0, timeout: 100 },
        ...config,
    }, engineTo(engine, target, pipes));
    const clients = [];
    return {
        proxy,
        dial() {
            // Not from the address that the proxy leaves from: the kernel gives a port twice, where the ends differ. Here they would not,
            // because nothing redirects, and the connection would be taken for the proxy's own.
            const from = { localAddress: '127.0.0.2' };
            const client = connect({ port: proxy.outboundPort, host: '127.0.0.1', allowHalfOpen: true, ...from });
            client.on('error', () => { });
            clients.push(client);
            return client;
        },
        line: () => {
            const line = lines.shift();
            return line ? Promise.resolve(line) : new Promise((resolve) => waiting.push(resolve));
        },
        async close() {
            for (const client of clients)
                client.destroy();
            await proxy.close();
        },
    };
}
function engineTo(engine, target, pipes) {
    const original = (port) => {
        const to = target(port);
        return to && { family: 'ipv4', address: to.address, port: to.port };
    };
    if (engine === 'epoll')
        return epollEngine({ workers: 2, pipes, original: (port) => original(port) ?? 'none' });
    return netEngine({
        ...kernelSockets,
        originalDestination: (socket) => original(socket.localPort),
    });
}
export async function busyPort() {
    const { descriptors, port } = openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, 1, 0, () => { });
    const [fd] = descriptors;
    const first = connect(port, '127.0.0.1').on('error', () => { });
    await once(first, 'connect');
    let close = () => closeDescriptor(fd);
    return {
        address: '127.0.0.1',
        port,
        answer(each) {
            const server = createServer({ allowHalfOpen: true }, (socket) => {
                socket.on('error', () => { });
                if (socket.remotePort === first.localPort)
                    socket.destroy();
                else
                    each(socket);
            });
            close = () => server.close();
            return server.listen({ fd });
        },
        close() {
            first.destroy();
            close();
        },
    };
}
/** A server on loopback that treats every connection as told. */
export async function serve(each) {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => { });
        each(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, address: '127.0.0.1', port: server.address().port };
}
/** All that a socket receives until the peer's FIN; rejects on a RST. The socket stays open for its own half. */
export function received(socket) {
    return new Promise((resolve, reject) => {
        const pieces = [];
        socket.on('data', (piece) => pieces.push(piece));
        socket.on('end', () => resolve(Buffer.concat(pieces).toString()));
        socket.on('error', reject);
    });
}
/**
 * How a connection ends: with a FIN, or with the error that a RST gives. libuv reports an end where bytes and a RST wait
 * together, so that the socket itself is asked.
 */
export function ending(socket) {
    return new Promise((resolve) => {
        socket.on('error', (error) => resolve(error.code ?? error.message));
        socket.on('end', () => resolve(kernelSockets.takeReset(socket) ?? 'FIN'));
        socket.on('close', () => resolve('closed'));
        socket.resume();
    });
}
