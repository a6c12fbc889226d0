import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { AF_INET } from '../../src/linux/socket/address.ts';
import { openSocket } from '../../src/linux/socket/calls.ts';
import { closeDescriptor, endpointOf, openChannel, openListeners, sendDescriptors, } from '../../src/linux/socket/index.ts';
import { freePort } from '../support/free-port.ts';
import { ENGINES, openLoopback, received, serve } from './loopback.ts';
/** As many as the engines of these tests have workers. */
const WORKERS = { net: 1, epoll: 2 };
/** A source of a few sockets, as a process in another namespace would send them; it ends with the last of them. */
function sourceOf(count) {
    const [near, far] = openChannel();
    for (let made = 0; made < count; made += 1) {
        const fd = openSocket(AF_INET);
        sendDescriptors(near, Buffer.of(0), [fd]);
        closeDescriptor(fd);
    }
    closeDescriptor(near);
    return { ipv4: far, ipv6: undefined };
}
describe.each(ENGINES)('an app elsewhere, engine %s', (engine) => {
    let open;
    let server;
    let sources = [];
    afterEach(async () => {
        await open?.close();
        server?.close();
        for (const fd of sources)
            closeDescriptor(fd);
        sources = [];
    });
    const listeners = () => openListeners({ family: 'ipv4', address: '127.0.0.1', port: 0 }, false, WORKERS[engine], 16, () => { });
    async function podOf(pod, sockets = 0, gateway = 0) {
        const [outbound, inbound] = [listeners(), listeners()];
        const made = { sockets: sourceOf(sockets), gateway: sourceOf(gateway) };
        sources = [made.sockets.ipv4, made.gateway.ipv4];
        const app = await serve((socket) => {
            const from = socket.remoteAddress;
            received(socket).then((said) => socket.end(`${said} from ${from}`));
        });
        server = app.server;
        const config = {
            ...{ outboundPort: outbound.port, inboundPort: inbound.port },
            pod: {
                ...{ outbound: outbound.descriptors, inbound: inbound.descriptors, addresses: ['127.0.0.9'] },
                ...{ published: [], aliases: {}, ...made, ...pod },
            },
        };
        return { app, config };
    }
    async function ask(port) {
        const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2', allowHalfOpen: true });
        client.end('hello');
        return received(client);
    }
    test('is reached on a listening socket that was made there, from a socket that was made there', async () => {
        const { app, config } = await podOf({}, 1);
        open = await openLoopback(engine, () => ({ address: '127.0.0.1', port: app.port }), config);
        expect(await ask(config.inboundPort)).toBe('hello from 127.0.0.6');
        expect(await open.line()).toMatchObject({ upstream_host: `127.0.0.1:${app.port}`, response_flags: '-' });
    });
    test('is reached where it listens on the loopback alone', async () => {
        const { app, config } = await podOf({}, 2);
        open = await openLoopback(engine, () => ({ address: '127.0.0.9', port: app.port }), config);
        expect(await ask(config.inboundPort)).toBe('hello from 127.0.0.1');
        expect(await open.line()).toMatchObject({ upstream_host: `127.0.0.1:${app.port}` });
    });
    test('is said to be out of reach where no socket comes any more', async () => {
        const { app, config } = await podOf({}, 0);
        open = await openLoopback(engine, () => ({ address: '127.0.0.1', port: app.port }), config);
        await expect(ask(config.inboundPort)).rejects.toThrow('ECONNRESET');
        expect(await open.line()).toMatchObject({ response_flags: 'UF,URX' });
    });
    test('calls out by a name for an address of the proxy’s host', async () => {
        const { app, config } = await podOf({ aliases: { '192.0.2.1': '127.0.0.1' } });
        open = await openLoopback(engine, () => ({ address: '192.0.2.1', port: app.port }), config);
        expect(await ask(config.outboundPort)).toBe('hello from 127.0.0.1');
        expect(await open.line()).toMatchObject({
            downstream_local_address: `192.0.2.1:${app.port}`,
            upstream_host: `127.0.0.1:${app.port}`,
        });
    });
    test('has a published port, which leads to it from the other end of its link', async () => {
        const port = await freePort();
        const { app, config } = await podOf({}, 0, 1);
        const published = [{ address: '127.0.0.1', port, to: endpointOf('127.0.0.1', app.port) }];
        open = await openLoopback(engine, () => undefined, { ...config, pod: { ...config.pod, published } });
        expect(await ask(port)).toBe('hello from 127.0.0.1');
        await expect.poll(() => open.proxy.statistics()).toMatchObject({ open: 0, ended: 0 });
    });
});
