import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { kernelSockets } from '../../src/proxy/net-sockets.ts';
import { ENGINES, openLoopback, serve } from './loopback.ts';
/** Numbers from 0 to 1 that look random, the same for the same seed. */
function randomFrom(seed) {
    let state = seed;
    return () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 32;
    };
}
const POOL = Buffer.alloc(1 << 22);
const fill = randomFrom(7);
for (let at = 0; at < POOL.length; at += 4)
    POOL.writeUInt32LE((fill() * 2 ** 32) >>> 0, at);
const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
/** Reads all until the FIN, with stalls in between. Undefined where it does not come to that. */
function readAll(socket, random) {
    return new Promise((resolve) => {
        const pieces = [];
        socket.on('data', (piece) => {
            pieces.push(piece);
            if (random() > 0.05)
                return;
            socket.pause();
            setTimeout(() => socket.resume(), random() * 40);
        });
        // libuv makes an end of bytes and a RST that come together, so the socket itself is asked.
        socket.on('end', () => resolve(kernelSockets.takeReset(socket) ? undefined : Buffer.concat(pieces)));
        socket.on('close', () => resolve(undefined));
    });
}
const SECONDS = Number(process.env.CHURN_SECONDS ?? 2);
const EACH = [...ENGINES.map((engine) => ({ engine, pipes: undefined })), { engine: 'epoll', pipes: 1 }];
describe.each(EACH)('engine $engine, pipes $pipes', ({ engine, pipes }) => {
    test('stalls, resets and half-closes at random: every byte is right, and nothing is left open', async () => {
        const random = randomFrom(Number(process.env.CHURN_SEED ?? 1));
        // A server gives back what it gets, at once or when it has all; sometimes it gives up.
        const app = await serve((socket) => {
            if (random() < 0.1)
                setTimeout(() => kernelSockets.reset(socket), random() * 30);
            if (random() < 0.5)
                socket.pipe(socket);
            else {
                void readAll(socket, random).then((all) => {
                    if (all && !socket.destroyed)
                        socket.end(all);
                });
            }
        });
        const open = await openLoopback(engine, () => app, { accessLogBuffer: 0 }, pipes);
        const descriptors = () => readdirSync('/proc/self/fd').length;
        const before = descriptors();
        const tally = { right: 0, wrong: 0, reset: 0 };
        const one = async () => {
            const client = open.dial();
            const size = random() < 0.3 ? Math.floor(random() * POOL.length) : Math.floor(random() * 5000);
            const at = Math.floor(random() * (POOL.length - size));
            const sent = POOL.subarray(at, at + size);
            if (random() < 0.1)
                setTimeout(() => kernelSockets.reset(client), random() * 30);
            const answer = readAll(client, random);
            client.end(sent);
            const all = await answer;
            if (!all)
                tally.reset += 1;
            else if (digest(all) === digest(sent))
                tally.right += 1;
            else
                tally.wrong += 1;
            client.destroy();
        };
        const end = Date.now() + SECONDS * 1000;
        const worker = async () => {
            while (Date.now() < end)
                await one();
        };
        await Promise.all(Array.from({ length: 40 }, worker));
        if (process.env.SHOW)
            console.log(engine, tally);
        expect(tally.wrong).toBe(0);
        expect(tally.right).toBeGreaterThan(50);
        expect(tally.reset).toBeGreaterThan(5);
        // A server that was never told of an end would keep its connection, and so would the proxy.
        await expect.poll(() => open.proxy.statistics().open, { timeout: 5000 }).toBe(0);
        await sleep(50);
        // Pipes are kept for the next bulk; two descriptors each.
        expect(descriptors() - before).toBeLessThan(engine === 'epoll' ? 2 * 2 * 40 : 10);
        await open.close();
        app.server.close();
    });
});
