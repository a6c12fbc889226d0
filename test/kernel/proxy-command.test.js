import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScratch } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
const AS_PROXY = ['setpriv', '--reuid=1337', '--regid=1337', '--clear-groups', '--'];
let pod;
beforeAll(async () => {
    pod = await openScratch();
    pod.must(['ip', 'link', 'set', 'lo', 'up']);
});
afterAll(() => pod?.close());
async function start(args, { before = [], stdout = 'ignore' } = {}) {
    const child = pod.start([...before, process.execPath, SIDESTEP, 'proxy', '--drain-notice', '0', ...args], {
        env: ENVIRONMENT,
        stdio: ['ignore', stdout, 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
        said += text;
    });
    await expect.poll(() => said, { timeout: 10_000 }).toContain('SIGTERM drains');
    return { child, said: () => said };
}
/** Ends it; resolves to its exit status once all that it said has come. */
async function stop({ child }) {
    const ended = Promise.all([once(child, 'exit'), once(child.stderr, 'end')]);
    child.kill('SIGTERM');
    const [[status]] = await ended;
    return status;
}
/** Connections that nothing redirected: each is a line of the log. */
const knock = (times) => {
    const program = `
    const { connect } = require('net');
    const next = (left) => left && connect(15001, '127.0.0.1').on('error', () => {}).on('close', () => next(left - 1)).resume();
    next(${times});`;
    pod.must([process.execPath, '-e', program]);
};
describe.runIf(process.getuid?.() === 0)('what is said at the start', () => {
    test('where it listens, what it does, what to do next', async () => {
        const proxy = await start(['--max-connections', '100', '--workers', '2'], { before: AS_PROXY });
        expect(await stop(proxy)).toBe(0);
        expect(proxy.said()).toMatchInlineSnapshot(`
      "ready  takes outbound connections on :15001, inbound ones on :15006 (REDIRECT)
             inbound goes on to the address that the client asked for; the app sees the proxy
             engine epoll, 2 workers
             readiness on :15021/healthz/ready, metrics on :15090/stats/prometheus, admin on 127.0.0.1:15000; SIGTERM drains
             what comes here is up to the rules: sidestep init makes them, sidestep list shows them
      SIGTERM: draining. Not ready from now on; accepting for another 0 s, then up to 20 s for what is open (0 now). Once more ends it at once.
      stopped: 0 connections ended while draining, 0 were reset.
      "
    `);
    });
    test('that rules do not leave its user alone, unless they are told of it or of a mark', async () => {
        const root = await start(['--readiness-port', 'none']);
        await stop(root);
        expect(root.said()).toContain("its own connections are uid 0's; rules leave those of 1337 alone: sidestep init --proxy-uid 0,");
        const marked = await start(['--mark', '0x539', '--address', '127.0.0.1', '--dialect', 'istio-2018']);
        await stop(marked);
        expect(marked.said()).toContain('its own connections carry mark 0x539');
        expect(marked.said()).not.toContain('uid 0');
        expect(marked.said()).toContain('takes inbound and outbound connections on 127.0.0.1:15001 (REDIRECT)');
    });
    test('that open files are limited', async () => {
        const proxy = await start([], { before: ['prlimit', '--nofile=256:256'] });
        await stop(proxy);
        expect(proxy.said()).toContain('at most 48 connections a port: open files (ulimit -n) are limited to no more');
    });
});
test.runIf(process.getuid?.() === 0)('where no Worker can be started it serves with net, and says why', async () => {
    const before = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', 'prlimit', '--nproc=16'];
    const proxy = await start(['--workers', '8'], { before });
    knock(1);
    expect(await stop(proxy)).toBe(0);
    expect(proxy.said()).toMatch(/engine net: epoll does not work here, a Worker cannot be started \(.*EAGAIN.*\)\n/);
    const asked = pod.run([...before, process.execPath, SIDESTEP, 'proxy', '--engine', 'epoll', '--workers', '8'], {
        env: ENVIRONMENT,
    });
    expect(asked.status).toBe(3);
    expect(asked.stderr).toContain('the engine epoll does not work here: a Worker cannot be started');
});
test('a drain that the admin port asks for is said, too', async () => {
    const proxy = await start([]);
    const ended = Promise.all([once(proxy.child, 'exit'), once(proxy.child.stderr, 'end')]);
    pod.must([process.execPath, '-e', "fetch('http://127.0.0.1:15000/drain', { method: 'POST' })"]);
    await ended;
    expect(proxy.said()).toContain('asked at the admin port: draining. Not ready from now on;');
});
test('metrics that cannot be loaded for want of descriptors are told once there are some', async () => {
    const proxy = await start([]);
    const asked = () => {
        const program = "fetch('http://127.0.0.1:15090/metrics').then(async (r) => console.log(r.status, (await r.text()).slice(0, 6)))";
        return pod.must([process.execPath, '-e', program]).trim();
    };
    const limit = (files) => pod.must(['prlimit', '--pid', `${proxy.child.pid}`, `--nofile=${files}:`]);
    // Room for the connection that asks, and for nothing else.
    const open = readdirSync(`/proc/${proxy.child.pid}/fd`).map(Number);
    const free = Array.from({ length: open.length + 1 }, (_, at) => at).find((at) => !open.includes(at));
    limit(free + 1);
    expect(asked()).toMatch(/^500 EMFILE/);
    limit(1000);
    expect(asked()).toMatch(/^200 # HELP/);
    await stop(proxy);
});
test('--take-over: one that connects without a pause is not refused, and each says what happens', async () => {
    const old = await start(['--workers', '2']);
    const ended = Promise.all([once(old.child, 'exit'), once(old.child.stderr, 'end')]);
    // Straight to the port: what is accepted is reset, what is not is ECONNREFUSED.
    const program = `
    const { connect } = require('net');
    const seen = {};
    let over = false;
    const next = () => {
      if (over) return;
      let connected = false;
      let code = '';
      connect(15001, '127.0.0.1')
        .on('connect', () => (connected = true))
        .on('error', (error) => (code = error.code))
        .on('close', () => {
          const what = code === 'ECONNREFUSED' ? code : connected ? 'accepted' : code;
          seen[what] = (seen[what] ?? 0) + 1;
          setImmediate(next);
        })
        .resume();
    };
    for (let at = 0; at < 8; at += 1) next();
    console.log('knocking');
    process.stdin.once('data', () => {
      over = true;
      setTimeout(() => {
        console.log(JSON.stringify(seen));
        process.exit();
      }, 300);
    });
  `;
    const knocking = pod.start([process.execPath, '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] });
    let seen = '';
    knocking.stdout.setEncoding('utf8').on('data', (text) => {
        seen += text;
    });
    await once(knocking.stdout, 'data');
    let last = old;
    for (let round = 0; round < 3; round += 1) {
        const fresh = await start(['--take-over', '--workers', String(1 + round)]);
        expect(fresh.said()).toContain(`takes the place of pid ${last.child.pid}, which finishes what it has and ends\n`);
        await expect.poll(() => last.said(), { timeout: 10_000 }).toContain('stopped: ');
        expect(last.said()).toContain(`pid ${fresh.child.pid} has taken over: accepting no more`);
        last = fresh;
    }
    expect((await ended)[0]).toEqual([0, null]);
    knocking.stdin.write('enough');
    await once(knocking, 'close');
    expect(seen).toMatch(/^knocking\n\{.*"accepted":\d+.*\}\n$/);
    expect(seen).not.toContain('REFUSED');
    await stop(last);
    const alone = await start(['--take-over']);
    expect(alone.said()).toContain('no proxy was there whose place to take');
    await stop(alone);
});
test.runIf(process.getuid?.() === 0)('--take-over: another user is given nothing', async () => {
    const proxy = await start([]);
    const stranger = ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', '--'];
    const refused = pod.run([...stranger, process.execPath, SIDESTEP, 'proxy', '--take-over'], { env: ENVIRONMENT });
    expect(refused.status).toBe(2);
    expect(refused.stderr).toBe(`sidestep: the proxy on port 15001 (pid ${proxy.child.pid}) cannot be taken over: it did not give its sockets (it is uid 0's)\n` +
        '  stop it and start this one without --take-over, or start this one as its user\n');
    expect(proxy.said()).not.toContain('taken over');
    await stop(proxy);
});
describe('an access log that cannot be written', () => {
    test('a full disk on standard output costs lines, and is said', async () => {
        const full = openSync('/dev/full', 'w');
        const proxy = await start([], { stdout: full });
        closeSync(full);
        knock(3);
        expect(await stop(proxy)).toBe(0);
        expect(proxy.said()).toContain('access log: standard output: no space left; lines get lost\n');
        expect(proxy.said()).toContain('3 lines of the access log were lost.');
    });
    test('so does a full disk behind a file', async () => {
        const proxy = await start(['--access-log', '/dev/full']);
        knock(3);
        expect(await stop(proxy)).toBe(0);
        expect(proxy.said()).toContain('access log: /dev/full: no space left; lines get lost\n');
        expect(proxy.said()).toContain('3 lines of the access log were lost.');
    });
    test('a reader that is gone', async () => {
        const proxy = await start([], { stdout: 'pipe' });
        proxy.child.stdout.destroy();
        knock(3);
        expect(await stop(proxy)).toBe(0);
        expect(proxy.said()).toContain('access log: standard output: nobody reads it any more; lines get lost\n');
        expect(proxy.said()).toContain('3 lines of the access log were lost.');
    });
    test('a reader that reads nothing: its lines are counted, and the end does not wait for it', async () => {
        const proxy = await start([], { stdout: 'pipe' });
        knock(1000);
        const begun = Date.now();
        expect(await stop(proxy)).toBe(0);
        expect(Date.now() - begun).toBeLessThan(5000);
        expect(proxy.said()).toMatch(/ \d+ lines of the access log were lost: its reader was too slow\./);
    });
});
test.runIf(spawnSync('script', ['--version']).status === 0)('a terminal that nobody reads any more keeps nobody waiting', async () => {
    const words = [process.execPath, SIDESTEP, 'proxy', '--drain-notice', '0', '--engine', 'net'];
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const child = pod.start(['script', '-qec', quoted, '/dev/null'], {
        env: ENVIRONMENT,
        stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
        said += text;
    });
    await expect.poll(() => said, { timeout: 10_000 }).toContain('SIGTERM drains');
    child.stdout.pause();
    knock(600);
    const asking = `fetch('http://127.0.0.1:15000/stats').then((answer) => answer.text()).then(console.log)`;
    const stats = JSON.parse(pod.must([process.execPath, '-e', asking], { timeout: 5000 }));
    expect(stats).toMatchObject({ ended: 600, logLinesDropped: expect.any(Number) });
    child.stdout.resume();
    // It is told with the next line that has room.
    const told = () => {
        knock(1);
        return said.includes('lines were dropped here');
    };
    await expect.poll(told, { timeout: 10_000 }).toBe(true);
    child.kill('SIGTERM');
    await ended;
});
describe('SIGHUP', () => {
    test('opens a log in a file anew, and the proxy goes on', async () => {
        const folder = mkdtempSync(join(tmpdir(), 'sidestep-hup-'));
        const [path, moved] = [join(folder, 'log'), join(folder, 'log.1')];
        const proxy = await start(['--access-log', path]);
        knock(1);
        await expect.poll(() => readFileSync(path, 'utf8').split('\n').length).toBe(2);
        renameSync(path, moved);
        proxy.child.kill('SIGHUP');
        await expect.poll(() => existsSync(path)).toBe(true);
        knock(2);
        expect(await stop(proxy)).toBe(0);
        expect(readFileSync(path, 'utf8').split('\n').length).toBe(3);
        expect(readFileSync(moved, 'utf8').split('\n').length).toBe(2);
        rmSync(folder, { recursive: true });
    });
    test('drains where the log is in no file: the terminal is gone', async () => {
        const proxy = await start([]);
        const ended = once(proxy.child, 'exit');
        proxy.child.kill('SIGHUP');
        expect((await ended)[0]).toBe(0);
        expect(proxy.said()).toContain('SIGHUP: draining');
    });
});
test('problems name the flags that were typed', () => {
    const refused = (...args) => pod.run([process.execPath, SIDESTEP, 'proxy', ...args], { env: ENVIRONMENT });
    const told = refused('--connect-timeout', '0', '--drain-timeout', '99d', '--readiness-port', '15006');
    expect(told.status).toBe(2);
    expect(told.stderr).toMatchInlineSnapshot(`
    "sidestep: --readiness-port: 15006 is also a port that the proxy takes connections on
      --connect-timeout: a time from 1 ms to 24 days expected, not 0 ms
      --drain-timeout: a time from 0 ms to 24 days expected, not 8553600000 ms
    "
  `);
    expect(refused('--inbound-source', 'client', '--inbound-upstream', 'loopback').stderr).toMatchInlineSnapshot(`
    "sidestep: --inbound-source: a client’s address cannot reach the loopback; use --inbound-upstream "original"
    "
  `);
    expect(refused('--address', 'localhost').stderr).toContain('--address: an IPv4 or IPv6 address expected');
});
