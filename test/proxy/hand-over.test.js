import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { closeDescriptor, connectAbstract, sendDescriptors } from '../../src/linux/socket/index.ts';
import { ENGINES, ending, openLoopback, received, serve } from './loopback.ts';
const PAIRS = ENGINES.flatMap((from) => ENGINES.map((to) => ({ from, to })));
describe.each(PAIRS)('from engine $from to engine $to', ({ from, to }) => {
    const open = [];
    let server;
    afterEach(async () => {
        for (const each of open.splice(0))
            await each.close();
        server?.close();
    });
    async function begin(engine, config = {}) {
        const loopback = await openLoopback(engine, () => server?.address(), config);
        open.push(loopback);
        return loopback;
    }
    /** A proxy, and how another one takes its place. */
    async function proxied(config = {}) {
        const app = await serve((socket) => {
            received(socket).then((said) => socket.end(`you said ${said}`), () => { });
        });
        server = app.server;
        const old = await begin(from, config);
        const { outboundPort, inboundPort } = old.proxy;
        return { old, next: (more = {}) => begin(to, { ...config, outboundPort, inboundPort, takeOver: true, ...more }) };
    }
    test('who connects without a pause is not refused once, and what is open goes on at the old one', async () => {
        const { old, next } = await proxied();
        const patient = old.dial();
        patient.write('before ');
        await expect.poll(() => old.proxy.statistics().open).toBe(1);
        let over = false;
        const answers = [];
        const knocking = (async () => {
            for (let count = 0; !over; count += 1) {
                const client = old.dial();
                client.end(String(count));
                answers.push(received(client));
                await sleep(1);
            }
        })();
        const served = (by, count) => expect.poll(() => by.proxy.statistics().ended, { timeout: 10_000 }).toBeGreaterThan(count);
        await served(old, 10);
        const fresh = await next();
        expect(fresh.proxy.tookOver).toBe(process.pid);
        expect(await old.proxy.draining).toBe(process.pid);
        await served(fresh, 10);
        over = true;
        await knocking;
        const said = await Promise.all(answers);
        expect(said).toEqual(said.map((_, count) => `you said ${count}`));
        patient.end('and after');
        expect(await received(patient)).toBe('you said before and after');
        expect(await old.proxy.ended).toMatchObject({ reset: 0 });
        const client = old.dial();
        client.end('alone');
        expect(await received(client)).toBe('you said alone');
    });
    test('the old one waits for what is open as long as it takes, until it is told not to', async () => {
        const { old, next } = await proxied({ drain: { notice: 0, timeout: 50 } });
        const stubborn = old.dial();
        await once(stubborn, 'connect');
        await expect.poll(() => old.proxy.statistics().open).toBe(1);
        await next();
        await sleep(150);
        expect(old.proxy.statistics().open).toBe(1);
        const end = ending(stubborn);
        expect(await old.proxy.drain()).toMatchObject({ ended: 0, reset: 1 });
        expect(await end).toBe('ECONNRESET');
    });
    test('the ports for those who ask go along', async () => {
        const { old, next } = await proxied({ readinessPort: 0, metricsPort: 0, adminPort: 0 });
        const { readinessPort, metricsPort, adminPort } = old.proxy;
        const ready = async () => (await fetch(`http://127.0.0.1:${readinessPort}/healthz/ready`)).status;
        expect(await ready()).toBe(200);
        const held = old.dial();
        await once(held, 'connect');
        await expect.poll(() => old.proxy.statistics().open).toBe(1);
        await next({ readinessPort: readinessPort, metricsPort: metricsPort, adminPort: adminPort });
        expect(await ready()).toBe(200);
        const stats = async () => (await (await fetch(`http://127.0.0.1:${adminPort}/stats`)).json());
        expect(await stats()).toMatchObject({ open: 0, ended: 0 });
        held.destroy();
        await old.proxy.ended;
        expect([await ready(), await stats()]).toMatchObject([200, { open: 0 }]);
    });
    test('one that does not come to serve leaves everything to the old one', async () => {
        const { old, next } = await proxied();
        let over = false;
        const answers = [];
        const knocking = (async () => {
            while (!over) {
                const client = old.dial();
                client.end('still');
                answers.push(received(client));
                await sleep(1);
            }
        })();
        const taken = await serve(() => { });
        const inUse = { name: 'PortUnavailable', code: 'EADDRINUSE' };
        for (const odd of [
            { readinessPort: taken.port },
            { adminPort: taken.port },
            // It is told who is in its way.
            { address: '0.0.0.0' },
            { inboundPort: taken.port },
        ])
            await expect(next(odd)).rejects.toMatchObject(inUse);
        over = true;
        await knocking;
        taken.server.close();
        expect(new Set(await Promise.all(answers))).toEqual(new Set(['you said still']));
        expect((await next()).proxy.tookOver).toBe(process.pid);
    });
    test('one that asks and is gone before it is answered leaves everything to the old one', async () => {
        const { old, next } = await proxied();
        const channel = connectAbstract(`sidestep/proxy/${old.proxy.outboundPort}`);
        sendDescriptors(channel, Buffer.from('sockets\n'), []);
        closeDescriptor(channel);
        await sleep(50);
        const client = old.dial();
        client.end('still');
        expect(await received(client)).toBe('you said still');
        expect((await next()).proxy.tookOver).toBe(process.pid);
    });
    test('again and again: no socket is left behind', async () => {
        const { old, next } = await proxied();
        const sockets = () => readdirSync('/proc/self/fd').length;
        let last = old;
        let before = 0;
        for (let round = 0; round < 4; round += 1) {
            const fresh = await next();
            await last.proxy.ended;
            last = fresh;
            await sleep(100);
            if (round === 0)
                before = sockets();
        }
        await expect.poll(sockets, { timeout: 10_000 }).toBeLessThanOrEqual(before);
        const client = last.dial();
        client.end('hello');
        expect(await received(client)).toBe('you said hello');
    });
});
test('where nobody is there to take over from, it starts as always', async () => {
    const { server, ...app } = await serve((socket) => socket.end('here'));
    const open = await openLoopback('epoll', () => app, { outboundPort: 0, takeOver: true });
    expect(open.proxy.tookOver).toBeUndefined();
    expect(await received(open.dial())).toBe('here');
    await open.close();
    expect(connectAbstract(`sidestep/proxy/${open.proxy.outboundPort}`)).toBeUndefined();
    server.close();
});
