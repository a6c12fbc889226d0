import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as documents from '../../src/explain/schema/index.ts';
import { CLIENT, ORDINARY_USER, openPair, POD, WAYS } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
describe.each(WAYS)('the story of a bypass, command by command, $title', ({ options }) => {
    let pair;
    let folder = '';
    const children = [];
    const log = [];
    /** Where other users than root do not exist, the proxy's traffic is known by mark. */
    let identity = [];
    let init = [];
    /** Runs the command in the pod, as somebody in it would. */
    const inside = (...args) => pair.pod.run([process.execPath, SIDESTEP, ...args], { env: ENVIRONMENT });
    /** Runs it elsewhere and names the pod by a process in it. */
    const outside = (...args) => pair.client.run([process.execPath, SIDESTEP, ...args, '--pid', String(pair.pod.pid)], { env: ENVIRONMENT });
    const saved = () => pair.pod
        .must(['iptables-save'])
        .replace(/^#.*\n/gm, '')
        .replace(/\[\d+:\d+\]/g, '[0:0]');
    const begin = async (argv, ready, uid) => {
        const child = pair.pod.start([process.execPath, ...argv], { env: ENVIRONMENT, ...(uid ? { uid } : {}) });
        children.push(child);
        child.stdout?.setEncoding('utf8').on('data', (text) => log.push(...text.split('\n').filter(Boolean)));
        await new Promise((resolve, reject) => {
            let said = '';
            for (const stream of [child.stdout, child.stderr]) {
                stream?.on('data', (text) => {
                    said += text;
                    if (ready.test(said))
                        resolve();
                });
            }
            child.once('exit', () => reject(new Error(`ended: ${said}`)));
        });
        return child;
    };
    /** A connection from the client; whether the proxy recorded it. */
    const proxied = async (port) => {
        const before = log.length;
        const program = `const s=require('net').connect(${port},'${POD.ipv4}');s.on('data',(d)=>{process.stdout.write(d);s.end()});s.on('error',(e)=>{console.error(e.message);process.exit(1)})`;
        expect(pair.client.must([process.execPath, '-e', program])).toBe('app');
        for (let tries = 0; tries < 30 && log.length === before; tries += 1)
            await new Promise((resolve) => setTimeout(resolve, 20));
        return log.slice(before).some((line) => line.includes(`"${POD.ipv4}:${port}"`));
    };
    beforeAll(async () => {
        pair = await openPair(options);
        folder = mkdtempSync(join(tmpdir(), 'sidestep-cli-'));
        identity = pair.pod.manyUsers ? ['-u', '1337'] : ['--proxy-mark', '1337'];
        init = [
            'init',
            '--dialect',
            'istio-2018',
            '-p',
            '15001',
            ...identity,
            '-m',
            'REDIRECT',
            '-i',
            '*',
            '-b',
            '8080,8888',
        ];
        const app = `let n=0;for(const p of [8080,8888])require('net').createServer((s)=>{s.on('error',()=>{});s.end('app')}).listen(p,'::',()=>{if(++n===2)console.error('up')})`;
        await begin(['-e', app], /up/);
    });
    afterAll(() => {
        for (const child of children)
            child.kill('SIGKILL');
        pair.close();
        rmSync(folder, { recursive: true, force: true });
    });
    test('init programs exactly what its dry run prints, and a second run changes nothing', () => {
        const dry = inside(...init, '--dry-run', '-o', 'save', '--family', 'ipv4');
        expect(saved()).toBe('');
        const done = inside(...init);
        expect([done.status, done.stdout]).toEqual([
            0,
            expect.stringMatching(/^nat [\s\S]*\+[\s\S]*✓ istio-2018 .*: done in/),
        ]);
        expect(done.stderr).not.toContain('defect');
        expect(saved()).toBe(dry.stdout);
        const again = outside(...init);
        expect([again.status, again.stdout]).toEqual([0, expect.stringContaining('Nothing to do')]);
        expect(saved()).toBe(dry.stdout);
    });
    test('a flag of Istio’s that takes a value switches a dry run off again', () => {
        const done = inside(...init, '--dry-run=false', '-o', 'json');
        const document = JSON.parse(done.stdout);
        expect(documents.changeDocument.parse(document)).toEqual(document);
        expect(document).toMatchObject({ changed: false, dryRun: false });
    });
    test('the sidecar starts, and says what it does', async () => {
        const { dialect, mark } = {
            dialect: ['--dialect', 'istio-2018'],
            mark: pair.pod.manyUsers ? [] : ['--mark', '1337'],
        };
        await begin([SIDESTEP, 'proxy', ...dialect, ...mark], /ready/, pair.pod.manyUsers ? 1337 : undefined);
        expect(await proxied(8888)).toBe(true);
        expect(await proxied(8080)).toBe(true);
    });
    test('a second sidecar on the same port says who holds it', () => {
        const done = inside('proxy', '--dialect', 'istio-2018', '--readiness-port', 'none');
        expect([done.status, done.stderr]).toEqual([2, expect.stringMatching(/15001.*(sidestep|node)/s)]);
    });
    test('list says who is intercepted, from inside and from outside', () => {
        for (const done of [inside('list'), outside('list')]) {
            expect(done.status).toBe(0);
            expect(done.stdout).toMatch(/^inbound +tcp :8080 :8888 +→ proxy :15001/m);
            expect(done.stdout).toContain('written by Istio (2018 form)');
            expect(done.stdout).toMatch(/ISTIO_OUTPUT +1 +out lo, not to 127.0.0.1/);
        }
        expect(outside('list').stdout).toContain(`(pid ${pair.pod.pid})`);
        const document = JSON.parse(inside('list', '-o', 'json').stdout);
        expect(documents.listingDocument.parse(document)).toEqual(document);
        expect(inside('list', '-o', 'save', '--family', 'ipv4').stdout).toBe(saved());
    });
    test('trace tells what really happened: the proxy’s own socket', () => {
        const packet = `in tcp ${CLIENT.ipv4}:40000 > ${POD.ipv4}:8888`;
        const { stdout, status } = outside('trace', packet);
        expect(status).toBe(0);
        expect(stdout).toContain(`→ PROXY  :15001 receives it and sees ${POD.ipv4}:8888 as the original destination.`);
        expect(stdout).toMatch(/^socket +(0\.0\.0\.0|\[::\]):15001/m);
        expect(stdout).toContain(`sidestep bypass 8888 --pid ${pair.pod.pid}`);
        const document = JSON.parse(inside('trace', packet, '-o', 'json').stdout);
        expect(documents.traceDocument.parse(document)).toEqual(document);
    });
    test('a snapshot followed elsewhere tells the same', () => {
        const file = join(folder, 'pod.json');
        const snapshot = outside('snapshot');
        const document = JSON.parse(snapshot.stdout);
        expect(documents.snapshotDocument.parse(document)).toEqual(document);
        // The ordinary user's namespace cannot write everywhere; the shell's redirection can.
        const packet = `in tcp ${CLIENT.ipv4}:40000 > ${POD.ipv4}:8888`;
        const followed = spawnSync(process.execPath, [SIDESTEP, 'trace', packet, '--from', '-', '-o', 'json'], {
            input: snapshot.stdout,
            encoding: 'utf8',
        });
        const live = JSON.parse(inside('trace', packet, '-o', 'json').stdout);
        expect(JSON.parse(followed.stdout).outcome).toEqual(live.outcome);
        expect(file).toContain(folder);
    });
    test('verify finds no difference, and its own connection redirected', () => {
        const { stdout, status } = inside('verify', ...init.slice(1));
        expect(stdout).toMatch(/^✓ no difference/m);
        expect(stdout).toMatch(/^✓ live probe: /m);
        expect(status).toBe(0);
        expect(outside('verify').status).toBe(0);
    });
    test('a plan changes nothing and says what it would change', () => {
        const before = saved();
        const { stdout, status } = inside('bypass', '8888');
        expect(status).toBe(0);
        expect(stdout).toMatch(/^nat PREROUTING +\+ 1 +-p tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN/m);
        expect(stdout).toMatch(/Proved, over all packets: exactly these change/);
        expect(stdout).toMatch(/inbound IPv4 +tcp to port 8888.* the proxy on :15001 → the app/);
        expect(stdout).toContain('Nothing has been changed.');
        expect(saved()).toBe(before);
    });
    test('applied, 8888 goes to the app and 8080 to the proxy; verify finds it; a second run changes nothing; undone, all is as before', async () => {
        const before = saved();
        const done = outside('bypass', '8888', '--apply');
        expect([done.status, done.stderr]).toEqual([0, '']);
        expect(done.stdout).toMatch(/inbound IPv4 +tcp to port 8888.* the proxy on :15001 → the app/);
        const applied = saved();
        expect(applied).toContain('-A PREROUTING -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN\n');
        expect(await proxied(8888)).toBe(false);
        expect(await proxied(8080)).toBe(true);
        expect(inside('trace', 'in tcp/8888').stdout).toContain('→ APP  :8888 receives it.');
        expect(inside('list').stdout).toMatch(/1 +tcp :8888 +↩ RETURN +bypass/);
        const found = inside('verify', '--no-probe');
        expect(found.status).toBe(1);
        expect(found.stdout).toMatch(/nat PREROUTING 1 +extra .* a bypass of Sidestep's; in tcp\/8888 goes to the app on :8888, not to the proxy on :15001/);
        expect(found.stdout).toContain('Mend it: sidestep bypass :8888 --undo'.replace(':8888', '8888'));
        expect(inside('bypass', '8888', '--apply').stdout).toContain('Nothing to do: IPv4: ');
        expect(saved()).toBe(applied);
        const undone = inside('bypass', '8888', '--undo', '-o', 'json');
        const document = JSON.parse(undone.stdout);
        expect(documents.changeDocument.parse(document)).toEqual(document);
        expect(saved()).toBe(before);
        expect(await proxied(8888)).toBe(true);
        expect(inside('bypass', '--undo').stdout).toContain('Nothing to do');
    });
    test('the kernel ends a bypass by itself, and clean --expired takes the rule away', () => {
        expect(inside('bypass', '8888', '--apply', '--for', '30m').status).toBe(0);
        expect(saved()).toMatch(/--datestop \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);
        expect(inside('list').stdout).toMatch(/bypass until (?:\d{4}-\d\d-\d\d )?\d\d:\d\d(:\d\d)? UTC, (30|29) min/);
        expect(inside('clean', '--expired').stdout).toContain('Nothing to do: no bypass has expired.');
        // The same rule with a time that is over.
        const ended = saved().match(/-A PREROUTING (.*--datestop) \S+ (.*)/);
        pair.pod.must(['iptables', '-t', 'nat', '-D', 'PREROUTING', '1']);
        pair.pod.must(['sh', '-c', `iptables -t nat -I PREROUTING ${ended?.[1]} 2026-01-01T00:00:00 ${ended?.[2]}`]);
        expect(inside('list').stdout).toContain('bypass expired at 2026-01-01 00:00 UTC: clean --expired removes it');
        expect(inside('trace', 'in tcp/8888').stdout).toContain('→ PROXY');
        expect(inside('clean', '--expired').stdout).toMatch(/^nat PREROUTING +- 1 /m);
        expect(saved()).not.toContain('sidestep bypass');
    });
    test('validation fails with Istio’s own status where nothing is redirected', () => {
        const before = saved();
        expect(inside(...init, '--run-validation', '--skip-rule-apply').status).toBe(0);
        pair.pod.must(['iptables', '-t', 'nat', '-F', 'ISTIO_OUTPUT']);
        const broken = inside(...init, '--run-validation', '--skip-rule-apply');
        expect([broken.status, broken.stderr]).toEqual([126, expect.stringMatching(/✗ live probe/)]);
        const found = inside('verify', ...init.slice(1));
        expect([found.status, found.stdout]).toEqual([
            1,
            expect.stringMatching(/✗ \d+ differences[\s\S]*missing[\s\S]*✗ live probe/),
        ]);
        expect(inside(...init).status).toBe(0);
        expect(saved()).toBe(before);
    });
    test('another configuration replaces the first; clean leaves nothing of any', () => {
        const other = ['init', ...identity, '-b', '*', '-d', '15090', '-i', '*', '--family', 'both', '--reconcile'];
        expect(inside(...other).status).toBe(0);
        expect(saved()).toContain('--to-ports 15006');
        expect(inside('verify', ...other.slice(1, -1), '--no-probe').status).toBe(0);
        const planned = inside('clean', '--dry-run');
        expect(planned.stdout).toContain('this is a dry run');
        expect(saved()).not.toBe('');
        expect(inside('clean').status).toBe(0);
        expect(saved()).toBe('');
        expect(pair.pod.must(['ip6tables-save'])).toBe('');
        expect(inside('clean').stdout).toContain('Nothing to do');
        expect(inside('verify').status).toBe(1);
    });
    test('a change that is stopped says that it is whole, and is', async () => {
        const holding = ['flock', '--no-fork', '/proc/self/ns/net', 'sh', '-c', 'echo locked; exec sleep 1000'];
        const holder = pair.pod.start(holding);
        await once(holder.stdout, 'data');
        const child = pair.pod.start([process.execPath, SIDESTEP, ...init], { env: ENVIRONMENT });
        let said = '';
        child.stderr?.on('data', (text) => {
            said += text;
        });
        // Its shell waits for the lock; by then it listens.
        await expect.poll(() => childrenOf(child.pid), { timeout: 20_000 }).not.toBe('');
        child.kill('SIGINT');
        const [status] = await once(child, 'exit');
        expect([status, said]).toEqual([130, expect.stringContaining('stopped (SIGINT). The rules are as they were or')]);
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        expect(['', inside(...init, '--dry-run', '-o', 'save', '--family', 'ipv4').stdout]).toContain(saved());
        expect(inside('clean').status).toBe(0);
    });
    test('SIGTERM drains the sidecar', async () => {
        const proxy = await begin([
            SIDESTEP,
            'proxy',
            '--outbound-port',
            '15101',
            '--inbound-port',
            '15106',
            ...['--readiness-port', 'none', '--metrics-port', 'none', '--admin-port', 'none'],
            '--drain-notice',
            '0',
            '--access-log',
            'none',
        ], /ready/);
        let said = '';
        proxy.stderr?.on('data', (text) => {
            said += text;
        });
        // nsenter and setpriv have become the proxy: the process is its own.
        proxy.kill('SIGTERM');
        const [status] = await once(proxy, 'exit');
        expect([status, said]).toEqual([0, expect.stringContaining('stopped: 0 connections ended while draining')]);
    });
});
const childrenOf = (pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
describe.runIf(process.getuid?.() === 0)('without the right to do it', () => {
    const ordinary = (...args) => spawnSync('setpriv', [
        `--reuid=${ORDINARY_USER}`,
        `--regid=${ORDINARY_USER}`,
        '--clear-groups',
        '--',
        process.execPath,
        SIDESTEP,
        ...args,
    ], { encoding: 'utf8', env: { ...process.env, ...ENVIRONMENT } });
    test.for([
        ['list'],
        ['trace', 'in tcp/80'],
        ['bypass', '80', '--apply'],
        ['init', '-b', '80'],
        ['clean'],
        ['list', '--pid', '1'],
    ])('%s: exit 3, which capability, and how to grant it', (args) => {
        const { status, stdout, stderr } = ordinary(...args);
        expect(stderr).toMatch(/CAP_[A-Z_]+/);
        expect(stderr).toMatch(/sudo/);
        expect(stderr).not.toContain('defect');
        expect([status, stdout]).toEqual([3, '']);
    });
    test('a dry run needs none', () => {
        expect(ordinary('init', '-b', '80', '--dry-run').status).toBe(0);
    });
});
test('a namespace that is gone is said', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    const { status, stderr } = spawnSync(process.execPath, [SIDESTEP, 'list', '--pid', String(child.pid)], {
        encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining(`no process ${child.pid}`)]);
});
