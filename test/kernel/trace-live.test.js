import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CLIENT, openPair, POD, WAYS } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
import { documentsIn, ENVIRONMENT, matchedIn, watching } from '../support/watching.ts';
const PATIENCE = 60_000;
const BUILT = new URL('../../dist/linux/index.js', import.meta.url).href;
const tables = (pair) => pair.pod.must(['nft', 'list', 'tables']);
describe.each(WAYS)('real packets as they pass, $title', ({ options }) => {
    let pair;
    const children = [];
    /** Somebody who accepts connections and says hi. */
    const listen = async (scratch, ...ports) => {
        const program = `let n=0;for (const p of [${ports}]) require('net').createServer((s)=>s.on('error',()=>{}).end('hi')).listen(p,'::',()=>{if(++n===${ports.length})console.log('ready')})`;
        const child = scratch.start([process.execPath, '-e', program]);
        children.push(child);
        await once(child.stdout, 'data');
    };
    /** A connection there and back, to its end. */
    const connect = (scratch, host, port) => {
        const program = `require('net').connect(${port},'${host}').on('error',()=>{}).on('close',()=>process.exit()).resume();setTimeout(()=>process.exit(),3000)`;
        scratch.must([process.execPath, '-e', program]);
    };
    const pod = async (...init) => {
        pair = await openPair(options);
        // An ordinary user's namespace knows no other uids: there the proxy's traffic is known by mark.
        const identity = pair.pod.manyUsers ? [] : ['--proxy-mark', '1337'];
        if (init.length > 0)
            pair.pod.must([process.execPath, SIDESTEP, 'init', ...init, ...identity], { env: ENVIRONMENT });
        await listen(pair.pod, 15001, 15006, 8080, 8888);
        await listen(pair.client, 80);
    };
    afterEach(() => {
        for (const child of children.splice(0))
            child.kill('SIGKILL');
        pair?.close();
    });
    test('a connection through Istio’s rules: the kernel and the simulator say the same of every packet', async () => {
        await pod('--inbound-ports', '*');
        const watched = watching(pair.pod, 'in tcp/8888', 'out tcp > :80', '--count', '8', '--for', '20s', '-o', 'json');
        await watched.begun;
        connect(pair.client, POD.ipv4, 8888);
        connect(pair.client, POD.ipv6, 8888);
        connect(pair.pod, CLIENT.ipv4, 80);
        const { status, stdout, stderr } = await watched.ended;
        const seen = documentsIn(stdout);
        expect(stderr).toContain('8 packets seen; the simulator says the same of all');
        expect({ status, count: seen.length }).toEqual({ status: 0, count: 8 });
        const [first] = seen;
        expect(first).toMatchObject({
            direction: 'in',
            packet: { destination: POD.ipv4, destinationPort: 8888, in: 'eth0', state: 'NEW' },
            outcome: { kind: 'proxy', port: 15006, original: { address: POD.ipv4, port: 8888 } },
        });
        const matched = matchedIn(first).map(({ chain, number }) => `${chain} ${number}`);
        expect(matched).toEqual(['PREROUTING 1', 'ISTIO_INBOUND 2', 'ISTIO_IN_REDIRECT 1']);
        expect(tables(pair)).not.toContain('sidestep');
    }, PATIENCE);
    test('datagrams that nobody answers: nat is asked about the first alone', async () => {
        await pod();
        pair.pod.must([
            'iptables',
            '-t',
            'nat',
            '-A',
            'PREROUTING',
            '-p',
            'udp',
            '--dport',
            '7001',
            '-j',
            'REDIRECT',
            '--to-ports',
            '7002',
        ]);
        const watched = watching(pair.pod, 'in udp/7001', 'in udp/7003', '--count', '6', '--for', '20s', '-o', 'json');
        await watched.begun;
        const program = `const s=require('dgram').createSocket('udp4');let n=0;s.on('error',()=>{});setInterval(()=>{if(n++===3)process.exit();for(const p of [7001,7003])s.send('x',p,'${POD.ipv4}')},100)`;
        pair.client.must([process.execPath, '-e', program]);
        const { stdout, stderr } = await watched.ended;
        expect(stderr).toContain('6 packets seen; the simulator says the same of all');
        const asked = documentsIn(stdout).map(({ steps }) => steps.some((step) => step.kind === 'rule'));
        expect(asked.filter(Boolean)).toHaveLength(2);
    }, PATIENCE);
    test('what the kernel has chosen for a connection is so for all its packets; nat is asked about a reset, too', async () => {
        await pod();
        pair.pod.must(['iptables-restore'], {
            input: `*nat
-A PREROUTING -p tcp --dport 7000 -m statistic --mode random --probability 0.5 -j REDIRECT --to-ports 8080
-A PREROUTING -p tcp --dport 7000 -j REDIRECT --to-ports 8888
-A PREROUTING -p tcp --dport 7001 -j REDIRECT --to-ports 8086-8089
-A POSTROUTING -p tcp --sport 7002 -j SNAT --to-source ${POD.ipv4}
-A POSTROUTING -p tcp --dport 80 -j MASQUERADE --random-fully
COMMIT
*filter
-A INPUT -p tcp --dport 7002 -j REJECT --reject-with tcp-reset
COMMIT
`,
        });
        const watched = watching(pair.pod, 'in tcp', 'out tcp', '--count', '60', '--for', '15s', '-o', 'json');
        await watched.begun;
        for (let round = 0; round < 5; round += 1)
            connect(pair.client, POD.ipv4, 7000);
        for (const port of [7001, 7001, 7002])
            connect(pair.client, POD.ipv4, port);
        connect(pair.pod, CLIENT.ipv4, 80);
        const { stdout, stderr } = await watched.ended;
        expect(stderr).toMatch(/packets seen; the simulator says the same of all/);
        const matched = documentsIn(stdout).flatMap((document) => matchedIn(document).map(({ chain, number }) => `${chain} ${number}`));
        expect(matched).toEqual(expect.arrayContaining(['POSTROUTING 1', 'POSTROUTING 2', 'INPUT 1', 'PREROUTING 3']));
    }, PATIENCE);
    test('what an app sends over loopback to the proxy, with the owner of its socket', async () => {
        await pod('--inbound-ports', '*', '--outbound-cidrs', '*');
        const watched = watching(pair.pod, 'out tcp > :80', '--count', '2', '--for', '20s', '-o', 'json');
        await watched.begun;
        connect(pair.pod, '10.9.9.9', 80);
        const { status, stdout } = await watched.ended;
        const [syn] = documentsIn(stdout);
        expect(syn).toMatchObject({ packet: { uid: 0, gid: 0 }, outcome: { kind: 'proxy', port: 15001 } });
        expect(syn.simulator).toEqual({ says: 'the same' });
        // Out, and in again over lo.
        expect(syn.steps.flatMap((step) => (step.kind === 'hook' ? [`${step.hook} ${step.pass}`] : []))).toEqual([
            'OUTPUT 1',
            'POSTROUTING 1',
            'PREROUTING 2',
            'INPUT 2',
        ]);
        expect(status).toBe(0);
    }, PATIENCE);
    test('a filter leaves the others out; the time ends it', async () => {
        await pod('--inbound-ports', '*');
        const watched = watching(pair.pod, 'in tcp/8080 flags syn', '--for', '4s', '--brief');
        await watched.begun;
        connect(pair.client, POD.ipv4, 8888);
        connect(pair.client, POD.ipv4, 8080);
        const { status, stdout, stderr } = await watched.ended;
        expect(stdout).toMatch(/in tcp 10\.0\.0\.9:\d+ → 10\.0\.0\.5:8080 on eth0, a new connection/);
        expect(stdout).not.toContain('8888');
        expect(stdout).toContain('= the simulator says the same');
        expect(stderr).toContain('1 packet seen; the simulator says the same of it');
        expect(status).toBe(0);
    }, PATIENCE);
    test('rules of a file that are not the kernel’s any more: where they part is said', async () => {
        await pod('--inbound-ports', '*');
        const folder = mkdtempSync(join(tmpdir(), 'sidestep-live-'));
        chmodSync(folder, 0o755);
        try {
            const file = join(folder, 'before.rules');
            writeFileSync(file, pair.pod.must(['iptables-save']));
            pair.pod.must(['iptables', '-t', 'nat', '-I', 'PREROUTING', '-p', 'tcp', '--dport', '8888', '-j', 'RETURN']);
            const args = ['in tcp/8888 flags syn', '--count', '1', '--for', '20s', '--from', file];
            const watched = watching(pair.pod, ...args);
            await watched.begun;
            connect(pair.client, POD.ipv4, 8888);
            const { status, stdout, stderr } = await watched.ended;
            expect(stdout).toContain('→ APP');
            expect(stdout).toMatch(/≠ here the kernel says: nat PREROUTING 1 matches: return/);
            expect(stdout).toMatch(/≠ and the simulator: nat PREROUTING 1 matches|≠ and the simulator: .*ISTIO_INBOUND/);
            expect(stderr).toContain('1 packet seen; something else of 1');
            expect(status).toBe(1);
        }
        finally {
            rmSync(folder, { recursive: true });
        }
    }, PATIENCE);
    test('a rule that comes while it watches is no rule that it knows', async () => {
        await pod('--inbound-ports', '*');
        const watched = watching(pair.pod, 'in tcp/8888 flags syn', '--count', '1', '--for', '20s', '-o', 'json');
        await watched.begun;
        pair.pod.must(['iptables', '-t', 'nat', '-I', 'PREROUTING', '-p', 'tcp', '--dport', '8888', '-j', 'RETURN']);
        connect(pair.client, POD.ipv4, 8888);
        const { status, stdout } = await watched.ended;
        expect(documentsIn(stdout)[0].simulator).toMatchObject({
            says: 'something else',
            kernel: 'a rule of nat PREROUTING that was not read matches: return',
            outcome: { kind: 'proxy', port: 15006 },
        });
        expect(status).toBe(1);
    }, PATIENCE);
    test.each(['SIGINT', 'SIGTERM', 'SIGKILL'])('%s: the table goes with it', async (signal) => {
        await pod();
        const watched = watching(pair.pod, 'in tcp/8888', '--count', '1000');
        await watched.begun;
        expect(tables(pair)).toContain('inet sidestep-trace-');
        connect(pair.client, POD.ipv4, 8888);
        watched.child.kill(signal);
        const { status, stdout, stderr } = await watched.ended;
        if (signal !== 'SIGKILL') {
            expect(status).toBe(0);
            expect(stdout).toContain(`→ ${POD.ipv4}:8888`);
            expect(stderr).toMatch(/\d packets seen/);
        }
        await expect.poll(() => tables(pair), { timeout: 5000 }).not.toContain('sidestep');
    }, PATIENCE);
    test('from outside, the pod is named by a process in it', async () => {
        await pod('--inbound-ports', '*');
        const args = ['in tcp/8888 flags syn', '--count', '1', '--for', '20s', '--pid', String(pair.pod.pid)];
        const watched = watching(pair.client, ...args);
        await watched.begun;
        connect(pair.client, POD.ipv4, 8888);
        const { status, stdout } = await watched.ended;
        expect(stdout).toContain('→ PROXY');
        expect(status).toBe(0);
    }, PATIENCE);
    test('nft’s own rules and chains in tables of iptables', async () => {
        await pod();
        pair.pod.must(['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT']);
        const rules = `table ip filter {
        chain INPUT { tcp dport { 8080, 9090 } counter drop; }
        chain input { type filter hook input priority 1; policy accept; tcp dport { 8888, 9999 } accept; }
      }`;
        pair.pod.must(['nft', '-f', '-'], { input: rules });
        const watched = watching(pair.pod, 'in tcp flags syn', '--count', '2', '--for', '20s', '-o', 'json');
        await watched.begun;
        connect(pair.client, POD.ipv4, 8888);
        connect(pair.client, POD.ipv4, 8080);
        const { stdout, status } = await watched.ended;
        const [through, lost] = documentsIn(stdout);
        expect(through).toMatchObject({ simulator: { says: 'the same' }, outcome: { kind: 'app', port: 8888 } });
        expect(lost).toMatchObject({ simulator: { says: 'the same' }, outcome: { kind: 'dropped' } });
        const matched = [through, lost]
            .flatMap(matchedIn)
            .map(({ hook, table, chain, number }) => `${hook} ${table} ${chain} ${number}`);
        expect(matched).toEqual(['INPUT ip filter input 1', 'INPUT filter INPUT 2']);
        expect(status).toBe(0);
    }, PATIENCE);
    test('native tables: rules that go on, rules that decide, and a policy', async () => {
        await pod();
        const rules = `table inet mine {
        chain more { tcp dport 8888 meta mark set 7 counter; return; }
        chain input {
          type filter hook input priority 0; policy drop;
          ct state established,related accept
          tcp dport { 8080, 8888 } jump more
          meta mark 7 accept
          meta l4proto icmpv6 accept
        }
      }`;
        pair.pod.must(['nft', '-f', '-'], { input: rules });
        const watched = watching(pair.pod, 'in tcp flags syn', '--count', '2', '--for', '20s', '-o', 'json');
        await watched.begun;
        connect(pair.client, POD.ipv4, 8888);
        connect(pair.client, POD.ipv6, 8080);
        const { status, stdout } = await watched.ended;
        const [through, lost] = documentsIn(stdout);
        expect(through).toMatchObject({ simulator: { says: 'the same' }, outcome: { kind: 'app', port: 8888 } });
        expect(lost).toMatchObject({ simulator: { says: 'the same' }, outcome: { kind: 'dropped' } });
        const matched = matchedIn(through).map(({ table, chain, number }) => `${table} ${chain} ${number}`);
        expect(matched).toEqual(['inet mine input 2', 'inet mine more 1', 'inet mine more 2', 'inet mine input 3']);
        expect(status).toBe(0);
    }, PATIENCE);
});
describe.runIf(process.getuid?.() === 0)('where the kernel tells less, or nothing', () => {
    let pair;
    afterEach(() => pair?.close());
    test('rules of the legacy back end: what is said of them is not confirmed', async () => {
        pair = await openPair();
        const redirect = [
            '-t',
            'nat',
            '-A',
            'PREROUTING',
            '-p',
            'udp',
            '--dport',
            '99',
            '-j',
            'REDIRECT',
            '--to-ports',
            '7',
        ];
        pair.pod.must(['iptables-legacy', ...redirect]);
        const watched = watching(pair.pod, 'in udp', '--count', '1', '--for', '20s', '-o', 'json');
        await watched.begun;
        const datagram = `const s=require('dgram').createSocket('udp4');s.send('x',99,'${POD.ipv4}',()=>s.close())`;
        pair.client.must([process.execPath, '-e', datagram]);
        const { stdout, stderr } = await watched.ended;
        expect(stderr).toContain('the legacy back end holds rules, and the kernel tells nothing of them');
        expect(documentsIn(stdout)[0]).toMatchObject({
            unconfirmed: ['nat PREROUTING'],
            outcome: { kind: 'nobody listens', port: 7 },
            simulator: { says: 'the same' },
        });
    }, PATIENCE);
    test('a table that no process owns is taken away at the end; what is left behind, clean takes away', async () => {
        pair = await openPair();
        const program = `const { openTraceTable } = await import('${BUILT}');
      const { execFileSync } = await import('node:child_process');
      const table = openTraceTable('unowned', [{ name: 'in', hook: 'PREROUTING', priority: -350 }], { owned: false });
      console.log(execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }));
      table.close();`;
        const node = [process.execPath, '--input-type=module', '-e', program];
        expect(pair.pod.must(node)).toContain('table inet unowned');
        expect(tables(pair)).toBe('');
        // No process has the highest number there is; this one lives.
        for (const pid of [4_194_304, process.pid])
            pair.pod.must(['nft', 'add', 'table', 'inet', `sidestep-trace-${pid}-0a`]);
        const clean = pair.pod.run([process.execPath, SIDESTEP, 'clean'], { env: ENVIRONMENT });
        expect(clean.stderr).toContain('the table sidestep-trace-4194304-0a, left by trace --live, is taken away');
        expect(tables(pair).trim()).toBe(`table inet sidestep-trace-${process.pid}-0a`);
    });
    test('without CAP_NET_ADMIN: status 3, and the way out', async () => {
        pair = await openPair();
        const without = ['setpriv', '--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'];
        const ran = pair.pod.run([...without, process.execPath, SIDESTEP, 'trace', '--live'], { env: ENVIRONMENT });
        expect(ran.status).toBe(3);
        expect(ran.stderr).toMatch(/needs CAP_NET_ADMIN, which this process does not have/);
    });
    test.each([
        [['--live', 'in tcp/80 state new'], /state cannot be told of a packet that passes/],
        [['--live', '-'], /reads no packets from standard input/],
        [['--live', '--connection'], /exclude each other/],
        [['in tcp/80', '--count', '3'], /--count goes with --live/],
        [[], /missing required argument 'packet'/],
    ])('trace %j is refused', async (args, complaint) => {
        pair = await openPair();
        const ran = pair.pod.run([process.execPath, SIDESTEP, 'trace', ...args], { env: ENVIRONMENT });
        expect(ran.status).toBe(2);
        expect(ran.stderr).toMatch(complaint);
    });
});
