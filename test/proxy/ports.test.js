import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { ENGINES, openLoopback, received, serve } from './loopback.ts';
const ports = { readinessPort: 0, metricsPort: 0, adminPort: 0 };
describe.each(ENGINES)('engine %s: what the proxy tells of itself', (engine) => {
    let open;
    let stop = () => { };
    afterEach(async () => {
        await open?.close();
        stop();
    });
    /** A proxy in front of a server that answers each client once its half has ended. */
    async function proxied(drain = { notice: 0, timeout: 100 }) {
        const app = await serve((socket) => {
            received(socket).then((said) => socket.end(said.toUpperCase()), () => { });
        });
        stop = () => app.server.close();
        open = await openLoopback(engine, () => app, { ...ports, drain });
        return open;
    }
    const admin = (path, options = {}) => fetch(`http://127.0.0.1:${open.proxy.adminPort}${path}`, options);
    const metrics = async () => await (await fetch(`http://127.0.0.1:${open.proxy.metricsPort}/stats/prometheus`)).text();
    const connections = async () => (await (await admin('/connections')).text())
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    test('which connections are open, and how many have ended how', async () => {
        const { dial, line } = await proxied();
        const client = dial();
        await once(client, 'connect');
        client.write('hello');
        await expect.poll(connections).toMatchObject([{ bytes_received: 5, upstream_cluster: 'PassthroughCluster' }]);
        expect(await metrics()).toMatch(/^sidestep_connections_active\{direction="outbound",destination="127\.0\.0\.1:\d+"\} 1$/m);
        client.end();
        expect(await received(client)).toBe('HELLO');
        await line();
        expect(await connections()).toEqual([]);
        const told = await metrics();
        const group = String.raw `direction="outbound",destination="127\.0\.0\.1:\d+"`;
        expect(told).toMatch(new RegExp(`^sidestep_connections_closed_total\\{${group},response_flags="-"\\} 1$`, 'm'));
        expect(told).toMatch(new RegExp(`^sidestep_received_bytes_total\\{${group}\\} 5$`, 'm'));
        expect(told).toMatch(new RegExp(`^sidestep_sent_bytes_total\\{${group}\\} 5$`, 'm'));
        expect(told).toMatch(/^sidestep_connections_by_protocol_total\{direction="outbound",protocol="other"\} 1$/m);
        expect(told).toMatch(/^sidestep_connection_duration_seconds_bucket\{le="\+Inf",direction="outbound"\} 1$/m);
        expect(told).toMatch(/^sidestep_connection_duration_seconds_count\{direction="outbound"\} 1$/m);
        expect(told).not.toMatch(/^sidestep_connections_active\{/m);
        expect(told).toMatch(/^process_resident_memory_bytes \d+$/m);
        expect(await (await admin('/stats')).json()).toMatchObject({ open: 0, ended: 1, refused: 0 });
    });
    test('what it was told, and nothing to a page in a browser', async () => {
        await proxied();
        expect(await (await admin('/config')).json()).toMatchObject({ address: '127.0.0.1', adminPort: 0 });
        expect((await admin('/config', { headers: { origin: 'http://example.com' } })).status).toBe(403);
        expect((await admin('/drain')).status).toBe(404);
        expect((await admin('/log?level=loud', { method: 'POST' })).status).toBe(400);
    });
    test('which connections are logged, from now on', async () => {
        const { dial, line } = await proxied();
        expect((await admin('/log?level=errors', { method: 'POST' })).status).toBe(200);
        const quiet = dial();
        quiet.end('ordinary');
        await received(quiet);
        await expect.poll(async () => (await (await admin('/stats')).json()).ended).toBe(1);
        const broken = dial();
        broken.write('broken');
        await expect.poll(connections).toHaveLength(1);
        broken.resetAndDestroy();
        expect((await line()).response_flags).toBe('DC');
    });
    test('asked to drain it is alive, and no longer ready, until it ends', async () => {
        await proxied({ notice: 500, timeout: 100 });
        const health = async (path) => (await fetch(`http://127.0.0.1:${open.proxy.readinessPort}/healthz/${path}`)).status;
        expect([await health('ready'), await health('live')]).toEqual([200, 200]);
        expect((await admin('/drain', { method: 'POST' })).status).toBe(202);
        expect([await health('ready'), await health('live')]).toEqual([503, 200]);
        await open.proxy.drain();
        await expect(health('live')).rejects.toThrow();
    });
});
