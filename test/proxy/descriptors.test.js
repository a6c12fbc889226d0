import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { ENGINES, serve } from './loopback.ts';
const DIST = fileURLToPath(new URL('../../dist/proxy/', import.meta.url));
/** An engine without any limit of its own, as a process; each line it prints is what it tells: its port, records, trouble. */
const program = (engine, to) => `
  import { epollEngine, netEngine, settingsOf } from '${DIST}index.js';
  import { kernelSockets } from '${DIST}net-sockets.js';
  const to = { family: 'ipv4', ...${JSON.stringify(to)} };
  const engine = ${engine === 'epoll'}
    ? epollEngine({ workers: 2, original: () => to })
    : netEngine({ ...kernelSockets, originalDestination: () => to });
  const tell = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
  const listener = await engine.open(
    { takes: 'outbound', address: '127.0.0.1', port: 0, transparent: false, maxConnections: 100000 },
    settingsOf({}),
    { ended: ({ flag, details, failure }) => tell({ flag, details, failure }), trouble: (what) => tell({ trouble: what }) },
  );
  // A Worker that still has to start, and finds no descriptors left for itself, would end the others.
  await engine.ready();
  tell({ port: listener.port });
  process.on('SIGTERM', () => process.exit(7));
`;
let child;
afterEach(() => void child?.kill('SIGKILL'));
describe.each(ENGINES)('engine %s', (engine) => {
    test('out of descriptors, it refuses, says so, and serves again when there are some', async () => {
        const { server, ...to } = await serve((socket) => socket.pipe(socket));
        const limited = ['-c', 'ulimit -n 160; exec "$0" "$@"', process.execPath, '--input-type=module', '-e'];
        child = spawn('sh', [...limited, program(engine, to)], { stdio: ['ignore', 'pipe', 'inherit'] });
        const told = [];
        createInterface({ input: child.stdout }).on('line', (text) => told.push(JSON.parse(text)));
        await expect.poll(() => told[0]?.port, { timeout: 10_000 }).toBeDefined();
        const dial = () => connect({ port: told[0].port, host: '127.0.0.1', localAddress: '127.0.0.2' }).on('error', () => { });
        const served = (socket) => new Promise((resolve) => {
            socket.write('are you there?');
            socket.once('data', () => resolve(true));
            socket.once('close', () => resolve(false));
            setTimeout(() => resolve(false), 3000);
        });
        const many = Array.from({ length: 120 }, dial);
        const results = await Promise.all(many.map(served));
        const count = results.filter(Boolean).length;
        expect(count).toBeGreaterThan(20);
        expect(count).toBeLessThan(100);
        for (const socket of many)
            socket.destroy();
        const open = () => readdirSync(`/proc/${child.pid}/fd`).length;
        await expect.poll(open, { timeout: 10_000 }).toBeLessThan(90);
        if (engine === 'epoll') {
            const refused = () => told.filter(({ flag }) => flag === 'UO' || flag === 'UF,URX').length;
            await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThan(0);
            expect(JSON.stringify(told)).toMatch(/too many open files/);
            await expect.poll(() => told.some(({ trouble }) => trouble !== undefined)).toBe(true);
        }
        const again = Array.from({ length: 20 }, dial);
        expect(await Promise.all(again.map(served))).toEqual(new Array(20).fill(true));
        // A process whose threads wait in system calls ends nevertheless when it says so.
        child.kill('SIGTERM');
        expect((await once(child, 'exit'))[0]).toBe(7);
        for (const socket of again)
            socket.destroy();
        server.close();
    });
});
