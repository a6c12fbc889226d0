import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { CLIENT, openPair, POD, WAYS } from '../support/namespace.ts';
let pair;
afterEach(() => {
    pair?.close();
    pair = undefined;
});
const netOf = (pid) => {
    try {
        return readlinkSync(`/proc/${pid}/ns/net`);
    }
    catch {
        return undefined;
    }
};
const commandOf = (pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
test.for(WAYS)('client and pod reach each other in namespaces of their own, $title', async ({ options }) => {
    pair = await openPair(options);
    expect(pair.pod.run(['ip', '-br', 'address', 'show', 'eth0']).stdout).toContain(POD.ipv4);
    expect(pair.client.run(['ip', 'route', 'get', POD.ipv4]).stdout).toContain(CLIENT.ipv4);
    pair.pod.must(['iptables', '-t', 'nat', '-A', 'PREROUTING', '-p', 'tcp', '-j', 'REDIRECT', '--to-ports', '1']);
    expect(pair.pod.must(['iptables-save', '-t', 'nat'])).toContain('-j REDIRECT --to-ports 1');
    expect(pair.client.must(['iptables-save'])).toBe('');
});
test.for(WAYS)('a killed owner leaves no namespace and no process behind, $title', async ({ options }) => {
    const built = new URL('../../dist/linux/scratch.js', import.meta.url);
    const program = `
    import { openScratch } from ${JSON.stringify(built.href)};
    const scratch = await openScratch(${JSON.stringify(options)});
    const app = scratch.start(['sleep', '1000']);
    console.log(JSON.stringify([scratch.pid, app.pid]));
    setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pids = await new Promise((resolve) => owner.stdout.once('data', (data) => resolve(JSON.parse(String(data)))));
    const alive = () => pids.filter((pid) => netOf(pid) !== undefined);
    // Its death signal is set just before the command itself runs.
    for (let tries = 0; tries < 100 && !commandOf(pids[1]).startsWith('sleep'); tries += 1)
        await sleep(20);
    expect(alive()).toEqual(pids);
    expect(netOf(pids[0])).not.toBe(netOf(process.pid));
    owner.kill('SIGKILL');
    for (let tries = 0; tries < 100 && alive().length > 0; tries += 1)
        await sleep(20);
    expect(alive()).toEqual([]);
});
test.for(WAYS)('a process whose owner is killed as it starts does not begin, $title', async ({ options }) => {
    const built = new URL('../../dist/linux/scratch.js', import.meta.url);
    const program = `
    import { openScratch } from ${JSON.stringify(built.href)};
    const scratch = await openScratch(${JSON.stringify(options)});
    const app = scratch.start(['sleep', '1000']);
    process.stdout.write(app.pid + '\\n', () => process.kill(process.pid, 'SIGKILL'));`;
    for (let round = 0; round < 5; round += 1) {
        const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
            stdio: ['ignore', 'pipe', 'inherit'],
        });
        const pid = await new Promise((resolve) => owner.stdout.once('data', (data) => resolve(Number(data))));
        for (let tries = 0; tries < 100 && netOf(pid) !== undefined; tries += 1)
            await sleep(20);
        expect(netOf(pid)).toBeUndefined();
    }
});
