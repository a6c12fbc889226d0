import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { ENGINES } from './loopback.ts';
/** Other tests may run beside this one. */
const PATIENT = { timeout: 10_000 };
const PROGRAM = fileURLToPath(new URL('./no-memory.js', import.meta.url));
let child;
const servers = [];
afterEach(() => {
    child?.kill('SIGKILL');
    for (const server of servers.splice(0))
        server.close();
});
async function echo(host) {
    const server = createServer((socket) => socket.on('error', () => { }).pipe(socket)).listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return server.address().port;
}
async function start(engine) {
    const args = [engine, await echo('::1'), await echo('127.0.0.1')].map(String);
    child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    const told = [];
    createInterface({ input: child.stdout }).on('line', (text) => told.push(JSON.parse(text)));
    await expect.poll(() => told[0]?.ports, PATIENT).toBeDefined();
    const [first, second] = told[0].ports;
    /** What comes back: the word, or the error. */
    const say = (port, patience = 5000) => new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
        socket.write('word');
        socket.once('data', (bytes) => resolve(String(bytes)));
        socket.once('error', ({ code }) => resolve(code));
        setTimeout(() => resolve('nothing'), patience);
    });
    const ask = async (what) => {
        child.stdin.write(`${what}\n`);
        await expect
            .poll(() => told.some(({ done, busy }) => done === what || (what === 'busy' && busy !== undefined)), PATIENT)
            .toBe(true);
    };
    return { told, first, second, say, ask };
}
test.each(ENGINES)('engine %s: no memory for a socket costs that connection, which is said; others are served', async (engine) => {
    const { told, first, second, say, ask } = await start(engine);
    expect(await say(first)).toBe('word');
    await ask('socket');
    expect(await say(first)).toBe('ECONNRESET');
    expect(await say(second)).toBe('word');
    const failure = () => told.find(({ flag }) => flag === 'UF,URX')?.failure ?? '';
    await expect.poll(failure, PATIENT).toMatch(/^socket:? ENOMEM.* \(the kernel has no memory for it\)$/);
    const troubles = () => told.map(({ trouble }) => trouble).join('\n');
    await expect.poll(troubles, PATIENT).toMatch(/could not be passed on: socket:? ENOMEM/);
});
// libuv tries again without a pause, so that this can be asked of our own loop alone.
test('no memory to accept with is said, tried again after a pause, and stops nothing else', async () => {
    const { told, first, second, say, ask } = await start('epoll');
    expect(await say(first)).toBe('word');
    await ask('accept');
    expect(await say(first, 300)).toBe('nothing');
    expect(await say(second)).toBe('word');
    const troubles = () => told.map(({ trouble }) => trouble).join('\n');
    await expect.poll(troubles, PATIENT).toContain('cannot be accepted (ENOMEM); tried again in 50 ms');
    await ask('busy');
    expect(told.find(({ busy }) => busy !== undefined)?.busy).toBeLessThan(200);
});
