import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { openReadiness } from '../../src/proxy/readiness.ts';
test('200 until it fails, then 503; nothing else is answered', async () => {
    const readiness = await openReadiness('127.0.0.1', 0);
    const ask = async (path, method = 'GET') => (await fetch(`http://127.0.0.1:${readiness.port}${path}`, { method })).status;
    expect(await ask('/healthz/ready')).toBe(200);
    expect(await ask('/healthz/ready?full', 'HEAD')).toBe(200);
    expect(await ask('/healthz/ready', 'POST')).toBe(404);
    expect(await ask('/')).toBe(404);
    readiness.fail();
    expect(await ask('/healthz/ready')).toBe(503);
    await readiness.close();
    await expect(ask('/healthz/ready')).rejects.toThrow();
});
test('who holds connections open without asking gets no more than a few, and keeps nobody from an answer', async () => {
    const readiness = await openReadiness('127.0.0.1', 0);
    let gone = 0;
    const holding = Array.from({ length: 100 }, () => connect(readiness.port, '127.0.0.1')
        .on('error', () => { })
        .on('close', () => {
        gone += 1;
    }));
    await Promise.all(holding.map((socket) => once(socket, 'connect')));
    await expect.poll(() => gone).toBe(84);
    expect((await fetch(`http://127.0.0.1:${readiness.port}/healthz/ready`)).status).toBe(200);
    for (const socket of holding)
        socket.destroy();
    await readiness.close();
});
