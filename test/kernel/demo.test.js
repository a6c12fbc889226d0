import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { WAYS } from '../support/namespace.ts';
const SIDESTEP = fileURLToPath(new URL('../../bin/sidestep.js', import.meta.url));
/** The command that runs the demo, as root or having given that up. */
const argv = (user, args) => user === undefined
    ? [process.execPath, [SIDESTEP, 'demo', ...args]]
    : [
        'setpriv',
        [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', process.execPath, SIDESTEP, 'demo', ...args],
    ];
/** Processes that carry a mark in their environment: a demo and all that it started. */
function leftovers(mark) {
    return readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
        try {
            const line = readFileSync(`/proc/${pid}/environ`, 'utf8');
            return line.split('\0').includes(mark) ? [pid] : [];
        }
        catch {
            return [];
        }
    });
}
describe.for(WAYS)('the demo $title', ({ options: { user } }) => {
    test.for(['istio-2018', 'istio'])('tells the story with %s rules, and every claim holds', (dialect) => {
        const [file, args] = argv(user, ['--dialect', dialect, '-o', 'json']);
        const done = spawnSync(file, args, { encoding: 'utf8' });
        expect(done.stderr).toBe('');
        const story = JSON.parse(done.stdout);
        const broken = story.steps.flatMap((step) => step.claims.filter((c) => !c.holds));
        expect(broken).toEqual([]);
        expect(story).toMatchObject({ schema: 'sidestep/demo/1', dialect, holds: true });
        expect(story.steps).toHaveLength(9);
        expect(done.status).toBe(0);
    });
    test('shows each step, the command a user would type, and what happened', () => {
        const [file, args] = argv(user, []);
        const done = spawnSync(file, args, { encoding: 'utf8', env: { ...process.env, COLUMNS: '100', NO_COLOR: '1' } });
        expect(done.status, done.stdout + done.stderr).toBe(0);
        expect(done.stdout).toContain('$ sidestep bypass 8888 --apply');
        expect(done.stdout).toMatch(/✓ the app on :8888 was called by the client itself, 10\.0\.0\.9/);
        expect(done.stdout).toMatch(/All \d+ claims held/);
        expect(done.stdout).not.toContain('✗ the');
    });
    test('with --pause goes on where nobody is there to press Enter', () => {
        const [file, args] = argv(user, ['--pause', '--dialect', 'istio']);
        for (const path of ['/dev/null', '/dev/zero']) {
            const input = openSync(path, 'r');
            const done = spawnSync(file, args, { encoding: 'utf8', stdio: [input, 'pipe', 'pipe'], timeout: 30_000 });
            closeSync(input);
            expect(done.status, done.stderr).toBe(0);
            expect(done.stdout).toMatch(/All \d+ claims held/);
        }
    });
    test.for(['SIGINT', 'SIGTERM', 'SIGKILL'])('leaves nothing behind when %s ends it', async (signal) => {
        const mark = `SIDESTEP_DEMO_TEST=${process.pid}-${signal}-${user ?? 0}`;
        const [file, args] = argv(user, ['--pause']);
        const demo = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment(mark) } });
        let said = '';
        demo.stdout.setEncoding('utf8').on('data', (text) => {
            said += text;
        });
        demo.stdin.on('error', () => { });
        // Two steps on, the app runs and the rules are in place.
        for (let tries = 0; tries < 500 && !said.includes('\n3  '); tries += 1) {
            demo.stdin.write('\n');
            await sleep(20);
        }
        expect(said).toContain('\n2  ');
        expect(leftovers(mark).length).toBeGreaterThan(1);
        demo.kill(signal);
        await once(demo, 'exit');
        for (let tries = 0; tries < 200 && leftovers(mark).length > 0; tries += 1)
            await sleep(20);
        expect(leftovers(mark)).toEqual([]);
        // A namespace lives by its processes, and none is left.
    });
    test('ends with 130 when Ctrl-C reaches every program of the story at once, whatever it was doing', async () => {
        for (const wait of [300, 700, 1100, 1500, 1900]) {
            const mark = `SIDESTEP_DEMO_TEST=${process.pid}-${wait}-${user ?? 0}`;
            const [file, args] = argv(user, []);
            // Detached: it leads a process group, as what is started from a terminal does.
            const demo = spawn(file, args, {
                stdio: ['ignore', 'ignore', 'pipe'],
                detached: true,
                env: { ...process.env, ...environment(mark) },
            });
            let complaint = '';
            demo.stderr.setEncoding('utf8').on('data', (text) => {
                complaint += text;
            });
            const ended = once(demo, 'exit');
            await sleep(wait);
            process.kill(-demo.pid, 'SIGINT');
            const [status, signal] = await ended;
            // Before the first step the signal itself ends it.
            expect(signal ?? status, `${wait} ms: ${complaint}`).toBe(signal === null ? 130 : 'SIGINT');
            expect(complaint).toBe('');
            for (let tries = 0; tries < 200 && leftovers(mark).length > 0; tries += 1)
                await sleep(20);
            expect(leftovers(mark)).toEqual([]);
        }
    });
});
/** Where the demo cannot be: each way in, and what is said there. */
const ELSEWHERE = [
    {
        title: 'iptables is not installed',
        enter: ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /usr/sbin && exec "$@"', 'sh'],
        says: ['iptables-save, ', 'are not installed', 'install', 'iptables'],
    },
    {
        title: 'iptables is not installed, and the user is an ordinary one',
        enter: [
            ...['unshare', '--user', '--map-root-user', '--mount'],
            ...['sh', '-c', 'mount -t tmpfs tmpfs /usr/sbin && exec "$@"', 'sh'],
        ],
        says: ['iptables-save, ', 'are not installed'],
    },
    {
        // The limit counts in each user namespace by itself, so it can be set to 0 in one of ours.
        title: 'user namespaces are switched off',
        enter: [
            ...['unshare', '--user', '--map-user=1000', '--keep-caps'],
            ...['sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"', 'sh'],
        ],
        says: [
            'user namespaces are switched off: user.max_user_namespaces = 0',
            'sudo sysctl -w user.max_user_namespaces=',
        ],
    },
    {
        title: 'root lacks CAP_SYS_ADMIN',
        enter: ['unshare', '--user', '--map-root-user', 'setpriv', '--bounding-set=-sys_admin', '--inh-caps=-sys_admin'],
        says: ['making a network namespace needs CAP_SYS_ADMIN', 'SYS_ADMIN'],
    },
];
describe('the demo says what it lacks, with exit status 3 and before anything is made, where', () => {
    // Root alone may cover a folder without a user namespace of its own.
    const here = ELSEWHERE.filter(({ enter }) => process.getuid?.() === 0 || enter.join(' ').includes('--user'));
    test.for(here)('$title', ({ enter: [file, ...args], says }) => {
        const done = spawnSync(file, [...args, process.execPath, SIDESTEP, 'demo'], { encoding: 'utf8' });
        expect([done.status, done.stdout], done.stderr).toEqual([3, '']);
        for (const words of says)
            expect(done.stderr).toContain(words);
    });
});
const environment = (mark) => {
    const [name = '', value = ''] = mark.split('=');
    return { [name]: value };
};
