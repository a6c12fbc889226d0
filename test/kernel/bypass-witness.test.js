import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as documents from '../../src/explain/schema/index.ts';
import { findTool } from '../../src/linux/tool.ts';
import { requestText } from '../../src/linux/witness/send.ts';
import { startAgent } from '../support/agent.ts';
import { openPair } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const ENVIRONMENT = { COLUMNS: '160', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
// What `bypass --apply` sees in the kernel of a pod, before and after; and what it leaves behind: nothing.
let pair;
const inside = (...args) => pair.pod.run([process.execPath, SIDESTEP, ...args], { env: ENVIRONMENT });
const saved = () => pair.pod
    .must(['iptables-save'])
    .replace(/^#.*\n/gm, '')
    .replace(/\[\d+:\d+\]/g, '[0:0]');
const applied = (...args) => documents.changeDocument.parse(JSON.parse(inside('bypass', ...args, '--apply', '-o', 'json').stdout));
/** What is there of the packets that were sent. */
const traces = () => [
    pair.pod
        .must(['ip', '-o', 'link'])
        .split('\n')
        .filter((line) => line.includes('sidestep')),
    pair.pod
        .must(['nft', 'list', 'tables'])
        .split('\n')
        .filter((line) => line.includes('sidestep')),
    pair.pod
        .must(['conntrack', '-L'])
        .split('\n')
        .filter((line) => line.includes('192.0.2.') || line.includes('sport=61')),
];
describe.runIf(process.getuid?.() === 0)('packets sent before and after a bypass', () => {
    beforeAll(async () => {
        pair = await openPair();
        const agent = startAgent(pair.pod);
        for (const port of [8080, 8888])
            await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'app', port });
        for (const port of [15001, 15006])
            await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'proxy', port, transparent: true });
    });
    afterAll(() => pair?.close());
    afterEach(() => {
        inside('clean');
        for (const table of ['nat', 'mangle', 'filter'])
            pair.pod.must(['iptables', '-t', table, '-F']);
        for (const table of ['nat', 'mangle', 'filter'])
            pair.pod.must(['iptables', '-t', table, '-X']);
    });
    test.for([
        ['REDIRECT', '-m', 'REDIRECT', '-b', '*', '-i', '*'],
        ['TPROXY', '-m', 'TPROXY', '-b', '*', '-i', '*'],
        ['the rules of 2018', '--dialect', 'istio-2018', '-b', '8080,8888', '-i', '*'],
        ['native tables', '--dialect', 'istio-nft', '-b', '*', '-i', '*'],
    ])('%s: the kernel does with each what was proved, and nothing is left of them', ([, ...flags]) => {
        expect(inside('init', '-u', '1337', '--family', 'ipv4', ...flags).status).toBe(0);
        const { sent } = applied('8888');
        expect(sent).toMatchObject({ asProved: true, notSent: [] });
        const moved = sent.packets.filter(({ moves }) => moves);
        expect(moved.map(({ packet }) => packet)).toContainEqual(expect.stringContaining('→ 10.0.0.5:8888'));
        for (const { before, after } of moved) {
            expect(before.kernel).toMatch(/:1500[16]\b/);
            expect(after.kernel).toMatch(/:8888\b/);
        }
        const stays = sent.packets.filter(({ moves }) => !moves);
        expect(stays.map(({ packet }) => packet)).toContainEqual(expect.stringContaining('→ 10.0.0.5:8887'));
        expect(stays.every(({ before, after }) => before.kernel === after.kernel)).toBe(true);
        expect(traces()).toEqual([[], [], []]);
    });
    test('legacy rules tell nothing of themselves, but where the packets come out is seen', () => {
        const legacy = { env: { ...ENVIRONMENT, SIDESTEP_BACKEND: 'legacy' } };
        const run = (...args) => pair.pod.run([process.execPath, SIDESTEP, ...args], legacy);
        expect(run('init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4').status).toBe(0);
        expect(run('bypass', '8888', '--apply').stdout).toMatch(/✓ Seen in the kernel: \d+ packets sent before and after/);
        expect(run('clean').status).toBe(0);
    });
    test('--no-witness sends none; a second run has nothing to show', () => {
        expect(inside('init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4').status).toBe(0);
        expect(applied('8888', '--no-witness').sent).toBeUndefined();
        expect(applied('8888')).toMatchObject({ changed: false });
        expect(applied('8888').sent).toBeUndefined();
    });
    test('a rule that would remember a packet is sent none', () => {
        expect(inside('init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4').status).toBe(0);
        pair.pod.must([
            'iptables',
            '-t',
            'mangle',
            '-A',
            'PREROUTING',
            '-p',
            'tcp',
            '-m',
            'recent',
            '--set',
            '--name',
            'seen',
        ]);
        const { sent } = applied('8888');
        expect(sent.notSent).toEqual(['mangle PREROUTING 1 (recent) would remember it']);
        expect(sent.packets.filter(({ packet, family }) => family === 'ipv4' && packet.startsWith('in tcp'))).toEqual([]);
        expect(pair.pod.run(['cat', '/proc/net/xt_recent/seen']).stdout).not.toContain('192.0.2');
    });
    /** Applies a bypass while somebody else runs a command in the very moment in which it is written. */
    const meddled = (command) => {
        const folder = mkdtempSync(join(tmpdir(), 'sidestep-'));
        const real = findTool('iptables-nft-restore');
        const once = `[ -e ${folder}/done ] || { : > ${folder}/done; ${command}; }`;
        writeFileSync(join(folder, 'iptables-nft-restore'), `#!/bin/sh\n${real} "$@" || exit\n${once}\n`);
        chmodSync(join(folder, 'iptables-nft-restore'), 0o755);
        const env = { ...ENVIRONMENT, PATH: `${folder}:${process.env.PATH}` };
        const done = pair.pod.run([process.execPath, SIDESTEP, 'bypass', '8888', '--apply'], { env });
        rmSync(folder, { recursive: true });
        return done;
    };
    test('where the kernel does something else, that is told, and the rules are put back', () => {
        expect(inside('init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4').status).toBe(0);
        const before = saved();
        const chain = `'{ type filter hook prerouting priority 0; }'`;
        const done = meddled(`nft add table ip other; nft add chain ip other pre ${chain}; nft add rule ip other pre tcp dport 8887 drop`);
        expect(done.status).toBe(1);
        expect(done.stdout).toMatch(/^✗ The kernel does something else than was proved/);
        expect(done.stdout).toMatch(/→ 10\.0\.0\.5:8887\s+after: proved was/);
        expect(done.stdout).toContain('The bypass has been taken back: the rules are as they were.');
        expect(saved()).toBe(before);
        pair.pod.must(['nft', 'delete', 'table', 'ip', 'other']);
    });
    test('rules that others have changed meanwhile are not put back: what takes the bypass back is said', () => {
        expect(inside('init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4').status).toBe(0);
        const done = meddled('iptables-nft -t mangle -A PREROUTING -p tcp --dport 8887 -j DROP');
        expect(done.status).toBe(1);
        expect(done.stdout).toMatch(/8887 +after: proved was “proxy :15006”, the kernel says dropped/);
        expect(done.stdout).toContain('Undo it: sidestep bypass 8888 --undo');
        expect(saved()).toContain('--dport 8887 -j DROP');
    });
    test('whoever sends them may be killed: the card and the table go with it', async () => {
        const packet = {
            family: 'ipv4',
            ...{ protocol: 6, ttl: 64, dscp: 0, ecn: 0, source: 0xc00002f2, destination: 0x0a000005 },
            ...{ sourcePort: 4000, destinationPort: 8080, tcpFlags: 2, icmpType: 0, icmpCode: 0, sender: undefined },
        };
        // Rules that drop without a word have it wait for each.
        const packets = Array.from({ length: 100 }, () => ({ ...packet, destination: 0x7f000001 }));
        const request = requestText({
            table: 'sidestep-trace-1-a',
            card: 'sidestep1',
            addresses: ['192.0.2.241/28'],
            packets,
        });
        const built = new URL('../../dist/linux/witness/send.js', import.meta.url).href;
        const program = 'const { requestIn, send } = await import(process.argv[1]); await send(requestIn(process.argv[2]));';
        const child = pair.pod.start([process.execPath, '--input-type=module', '-e', program, built, request]);
        for (let tries = 0; tries < 200 && traces()[1].length === 0; tries += 1)
            await sleep(20);
        expect(traces()[0]).toHaveLength(1);
        child.kill('SIGKILL');
        for (let tries = 0; tries < 200 && traces().some((left) => left.length > 0); tries += 1)
            await sleep(20);
        expect(traces()).toEqual([[], [], []]);
    });
});
