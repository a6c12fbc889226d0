import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, closeSync, constants, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeSync, } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answerTo, questionOf } from '../../src/run/dns-message.ts';
import { GATEWAY } from '../../src/run/index.ts';
import { freePort } from '../support/free-port.ts';
import { CLIENT, openPair, POD, WAYS } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const APP = readFileSync(fileURLToPath(new URL('../support/run-app.cjs', import.meta.url)), 'utf8');
const ENVIRONMENT = { ...process.env, COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
/** The app on port 8080, at one address or at all: given as text, because an ordinary user may not read a checkout. */
const app = (...where) => ['--', process.execPath, '-e', APP, '--', ...where];
/** The words that run `sidestep`, as root or having given that up. */
const sidestep = (user, args) => user === undefined
    ? [process.execPath, [SIDESTEP, ...args]]
    : ['setpriv', [`--reuid=${user}`, `--regid=${user}`, '--clear-groups', process.execPath, SIDESTEP, ...args]];
let runs = [];
afterEach(async () => {
    for (const { child } of runs)
        child.kill('SIGKILL');
    await Promise.all(runs.map(({ status }) => status));
    runs = [];
});
function start(user, args, env = ENVIRONMENT, stderr = 'pipe') {
    const child = spawn(...sidestep(user, ['run', ...args]), { stdio: ['ignore', 'pipe', stderr], env });
    const heard = { out: '', said: '' };
    child.stdout?.setEncoding('utf8').on('data', (text) => {
        heard.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
        heard.said += text;
    });
    const run = {
        child,
        out: () => heard.out,
        said: () => heard.said,
        pid: () => /--pid (\d+)/.exec(heard.said)?.[1] ?? '',
        status: once(child, 'exit').then(([status]) => status),
    };
    runs.push(run);
    return run;
}
async function started(user, flags, command = app(), stderr = 'pipe') {
    const run = start(user, [...flags, ...command], ENVIRONMENT, stderr);
    await expect.poll(() => run.out() + run.said(), { timeout: 20_000 }).toContain('listening');
    return run;
}
/** A request over a connection of its own; rejects as the connection fails. */
async function ask(port, path, host = '127.0.0.1') {
    const { get } = await import('node:http');
    return await new Promise((resolve, reject) => {
        get({ host, port, path: `/${path}`, agent: false, timeout: 5000 }, (answer) => {
            let text = '';
            answer.setEncoding('utf8').on('data', (piece) => {
                text += piece;
            });
            answer.on('end', () => resolve(text));
        }).on('error', reject);
    });
}
/** Processes that carry a mark in their environment. */
const marked = (mark) => readdirSync('/proc').filter((name) => {
    try {
        return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(mark);
    }
    catch {
        return false;
    }
});
/** A name server that knows `db.test`, on UDP and TCP, and how often either was asked. */
async function nameServer() {
    const asked = { udp: 0, tcp: 0 };
    const answer = (query) => answerTo(query, questionOf(query), GATEWAY.ipv4);
    const udp = createSocket('udp4', (query, { port, address }) => {
        asked.udp += 1;
        udp.send(answer(query), port, address);
    });
    const tcp = createServer((socket) => {
        socket.once('data', (bytes) => {
            asked.tcp += 1;
            const message = answer(bytes.subarray(2));
            socket.write(Buffer.concat([Buffer.of(0, message.length), message]));
        });
        socket.on('error', () => { });
    }).listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address();
    udp.bind(port, '127.0.0.1');
    await once(udp, 'listening');
    return {
        ...{ asked, port },
        close() {
            udp.close();
            tcp.close();
        },
    };
}
describe.for(WAYS)('sidestep run $title', ({ options: { user } }) => {
    let port = 0;
    beforeAll(async () => {
        port = await freePort();
    });
    test('a published port leads to the app, through the sidecar, in both families', async () => {
        const folder = mkdtempSync(`${tmpdir()}/sidestep-run-`);
        chmodSync(folder, 0o777);
        const records = `${folder}/records`;
        const run = await started(user, ['--port', `${port}:8080`, '--log', '--access-log', records]);
        expect(run.said()).toContain(`127.0.0.1:${port} → app :8080`);
        expect(await ask(port, 'hello')).toBe('called by 127.0.0.6');
        expect(await ask(port, 'hello', '::1')).toBe('called by ::6');
        expect(await ask(port, 'user')).toBe(String(user ?? process.getuid()));
        const written = () => readFileSync(records, 'utf8').trim().split('\n');
        await expect.poll(() => written().length).toBe(3);
        expect(JSON.parse(written()[0])).toMatchObject({
            upstream_cluster: 'inbound|8080||',
            downstream_local_address: '10.77.0.2:8080',
            upstream_host: '10.77.0.2:8080',
            response_flags: '-',
        });
        rmSync(folder, { recursive: true });
        await expect.poll(run.said).toMatch(/in {3}app :8080 {2}HTTP\/1\.1 \d+ B → \d+ B ← {2}\d+ ms\n/);
    });
    test.for(['127.0.0.1', '::1'])('an app that listens on %s alone is reached all the same', async (address) => {
        await started(user, ['--port', `${port}:8080`], app(address));
        expect(await ask(port, 'hello')).toBe(`called by ${address}`);
        expect(await ask(port, 'hello', '::1')).toBe(`called by ${address}`);
    });
    test.for(['epoll', 'net'])('with the engine %s', async (engine) => {
        await started(user, ['--port', `${port}:8080`, '--engine', engine]);
        const answers = await Promise.all(Array.from({ length: 100 }, () => ask(port, 'hello')));
        expect(new Set(answers)).toEqual(new Set(['called by 127.0.0.6']));
    });
    test('what nobody listens on yet is refused, and reached once somebody does', async () => {
        const late = ['--', 'sh', '-c', 'sleep 1; exec "$@"', 'sh', ...app().slice(1)];
        const run = start(user, ['--port', `${port}:8080`, '--log', ...late]);
        await expect.poll(run.said, { timeout: 20_000 }).toContain('app :8080');
        await expect(ask(port, 'hello')).rejects.toThrow('ECONNRESET');
        await expect.poll(run.said).toContain('nobody listens there');
        await expect.poll(run.out, { timeout: 20_000 }).toContain('listening');
        expect(await ask(port, 'hello')).toBe('called by 127.0.0.6');
    });
    test.for([
        ['127.0.0.1', 'host.sidestep.internal'],
        ['::1', 'host.sidestep.internal'],
        ['::1', `[${GATEWAY.ipv6}]`],
    ])('the app calls %s of this host as %s, through the sidecar', async ([address, name]) => {
        const callers = [];
        const server = createHttp((request, response) => {
            callers.push(request.socket.remoteAddress);
            response.end('the host says hello');
        }).listen(0, address);
        await once(server, 'listening');
        const { port: there } = server.address();
        const run = await started(user, ['--port', `${port}:8080`, '--log']);
        const of = encodeURIComponent(`http://${name}:${there}/`);
        expect(await ask(port, `call?of=${of}`)).toBe('the host says hello');
        expect(callers).toEqual([address]);
        await expect.poll(run.said).toContain(`out  ${name}:${there}`);
        server.close();
    });
    test('questions for names go to the name server by UDP and by TCP, and connections are told by the names', async () => {
        const names = await nameServer();
        const run = await started(user, ['--port', `${port}:8080`, '--dns', `127.0.0.1:${names.port}`, '--log']);
        expect(await ask(port, 'udp?of=db.test')).toBe(GATEWAY.ipv4);
        expect(names.asked).toEqual({ udp: 1, tcp: 0 });
        expect(await ask(port, 'tcp?of=db.test')).toBe(GATEWAY.ipv4);
        expect(names.asked).toEqual({ udp: 1, tcp: 1 });
        expect(await ask(port, `call?of=${encodeURIComponent(`http://db.test:${names.port + 1}/`)}`)).toMatch(/^failed: /);
        await expect.poll(run.said).toContain(`dns  db.test is ${GATEWAY.ipv4}`);
        await expect.poll(run.said).toContain(`out  db.test:${names.port + 1} (${GATEWAY.ipv4})`);
        names.close();
    });
    test('an app on its loopback alone is not reached past the sidecar, and that is said', async () => {
        const run = await started(user, ['--port', `${port}:8080`, '--log'], app('127.0.0.1'));
        expect(await ask(port, 'hello')).toBe('called by 127.0.0.1');
        const done = spawnSync(...sidestep(user, ['bypass', '8080', '--apply', '--pid', run.pid()]), { env: ENVIRONMENT });
        expect(done.status).toBe(0);
        await expect(ask(port, 'hello')).rejects.toThrow('ECONNRESET');
        await expect.poll(run.said).toMatch(/past the sidecar {2}UF,URX connect ECONNREFUSED 10\.77\.0\.2:8080/);
        expect(run.said()).toContain('trouble: :8080 is bypassed, and nobody listens on 10.77.0.2:8080');
    });
    test('what is no business of the sidecar is refused at once', async () => {
        const run = await started(user, ['--port', `${port}:8080`, '--log']);
        expect(await ask(port, 'datagram?of=192.0.2.7')).toBe('failed: EHOSTUNREACH');
        await expect.poll(run.said, { timeout: 5000 }).toMatch(/out {2}\d packets? found no way: only TCP and questions/);
    });
    test('list, trace and bypass work on it by the pid that it says, and by the app’s own', async () => {
        const run = await started(user, ['--port', `${port}:8080`, '--log'], ['--', 'sh', '-c', 'echo "$$"; exec "$@"', 'sh', ...app().slice(1)]);
        const its = (args, pid = run.pid()) => {
            const done = spawnSync(...sidestep(user, [...args, '--pid', pid]), { encoding: 'utf8', env: ENVIRONMENT });
            expect(done.status, done.stderr).toBe(0);
            return done.stdout;
        };
        expect(its(['list'])).toMatch(/^inbound +tcp.* → proxy :15006/);
        expect(its(['list'], run.out().split('\n')[0])).toMatch(/^inbound +tcp.* → proxy :15006/);
        expect(its(['trace', 'in tcp/8080'])).toContain('PROXY  :15006 receives it');
        its(['bypass', '8080', '--apply']);
        expect(await ask(port, 'hello')).toBe(`called by ${GATEWAY.ipv4}`);
        const past = /in {3}app :8080 {2}HTTP\/1\.1 \d+ B → \d+ B ← {2}\d+ ms {2}past the sidecar\n/g;
        await expect.poll(run.said).toMatch(past);
        // It stays for longer than connections are waited for until they are told of.
        const lasting = connect(port, '127.0.0.1');
        await expect
            .poll(run.said, { timeout: 5000 })
            .toMatch(/in {3}app :8080 {2}0 B → 0 B ← {2}open {2}past the sidecar\n/);
        lasting.destroy();
        its(['bypass', '8080', '--undo']);
        expect(await ask(port, 'hello')).toBe('called by 127.0.0.6');
        await expect.poll(run.said).toMatch(/ms\n/);
        expect(run.said().match(past)).toHaveLength(1);
    });
    test('the exit status is the app’s', () => {
        const status = (...command) => spawnSync(...sidestep(user, ['run', '--', ...command]), { encoding: 'utf8', env: ENVIRONMENT });
        expect(status('true')).toMatchObject({ status: 0, stdout: '' });
        expect(status('sh', '-c', 'exit 7')).toMatchObject({ status: 7 });
        expect(status('sh', '-c', 'kill -USR1 $$')).toMatchObject({ status: 138 });
        const none = status('there-is-no-such-command');
        expect(none).toMatchObject({ status: 127, stdout: '' });
        expect(none.stderr).toMatch(/^sidestep: there-is-no-such-command: command not found\n/);
        expect(status('/etc/passwd')).toMatchObject({ status: 126 });
        expect(status('/tmp')).toMatchObject({
            status: 126,
            stderr: expect.stringMatching(/^sidestep: \/tmp: it is a folder\n/),
        });
    });
    test('standard input and output are the app’s', () => {
        const done = spawnSync(...sidestep(user, ['run', 'cat']), {
            encoding: 'utf8',
            env: ENVIRONMENT,
            input: 'a line\n',
        });
        expect(done).toMatchObject({ status: 0, stdout: 'a line\n' });
        expect(done.stderr.trim().split('\n')).toHaveLength(1);
    });
    test('so are other open files, and the limit of them that its caller has', () => {
        const shell = 'ulimit -S -n 300; "$@" 7<<END\ngiven\nEND\nexit $?';
        const words = sidestep(user, ['run', '--', 'sh', '-c', 'cat <&7; ulimit -S -n']);
        const done = spawnSync('sh', ['-c', shell, 'sh', words[0], ...words[1]], { encoding: 'utf8', env: ENVIRONMENT });
        expect(done, done.stderr).toMatchObject({ status: 0, stdout: 'given\n300\n' });
    });
    test('its network is up when it starts', () => {
        const words = sidestep(user, ['run', '--', 'ip', '-o', 'link', 'show', 'eth0']);
        const done = spawnSync(...words, { encoding: 'utf8', env: ENVIRONMENT });
        expect(done.stdout, done.stderr).toContain('LOWER_UP');
    });
    test('signals go on to the app', async () => {
        const run = await started(user, ['--port', `${port}:8080`]);
        run.child.kill('SIGUSR2');
        await expect.poll(run.out).toContain('heard SIGUSR2');
        run.child.kill('SIGTERM');
        expect(await run.status).toBe(42);
    });
    test.runIf(spawnSync('script', ['--version']).status === 0)('the terminal is the app’s, and Ctrl-C ends it', async () => {
        const words = sidestep(user, ['run', '--', 'sh', '-c', 'test -t 0 && test -t 1 && echo up; sleep 100']).flat();
        const quoted = words.map((word) => `'${word}'`).join(' ');
        const child = spawn('script', ['-qec', quoted, '/dev/null'], {
            stdio: ['pipe', 'pipe', 'inherit'],
            env: ENVIRONMENT,
        });
        let shown = '';
        child.stdout.setEncoding('utf8').on('data', (text) => {
            shown += text;
        });
        await expect.poll(() => shown, { timeout: 20_000 }).toContain('up');
        child.stdin.write('\x03');
        expect((await once(child, 'exit'))[0]).toBe(130);
    });
    test('a connection that stays is told of while it is open', async () => {
        const run = await started(user, ['--port', `${port}:8080`, '--log']);
        const client = connect(port, '127.0.0.1');
        await expect.poll(run.said, { timeout: 10_000 }).toMatch(/in {3}app :8080 {2}0 B → 0 B ← {2}open\n/);
        client.destroy();
        await expect.poll(run.said, { timeout: 10_000 }).toMatch(/in {3}app :8080 {2}0 B → 0 B ← {2}\d+ ms\n/);
    });
    test('what the app says last arrives, also when it ends at once', async () => {
        const size = 3_000_000;
        const saying = `
      const server = require('net').createServer((socket) => socket.end(Buffer.alloc(${size}), () => process.exit(3)));
      server.listen(8080, () => console.log('listening'));`;
        const run = await started(user, ['--port', `${port}:8080`], ['--', process.execPath, '-e', saying]);
        const client = connect(port, '127.0.0.1');
        let received = 0;
        client.on('data', (bytes) => {
            received += bytes.length;
        });
        await once(client, 'end');
        expect(received).toBe(size);
        expect(await run.status).toBe(3);
    });
    test('a port that is in use is said before the app starts', async () => {
        const server = createServer().listen(port, '127.0.0.1');
        await once(server, 'listening');
        const run = start(user, ['--port', `${port}:8080`, '--', 'echo', 'started']);
        expect(await run.status).toBe(2);
        expect(run.out()).toBe('');
        expect(run.said()).toMatch(new RegExp(`port ${port} \\(published\\) is in use`));
        server.close();
        await once(server, 'close');
    });
    test('nothing is left when it ends, nor when it is killed', async () => {
        const mark = `SIDESTEP_RUN_TEST=${process.pid}-${user ?? 0}`;
        const [key = '', value = ''] = mark.split('=');
        const daemon = 'setsid sleep 1000 >/dev/null 2>&1 & echo listening; wait';
        for (const end of ['SIGTERM', 'SIGKILL']) {
            const run = start(user, ['--port', `${port}:8080`, '--', 'sh', '-c', daemon], { ...ENVIRONMENT, [key]: value });
            await expect.poll(run.out, { timeout: 20_000 }).toContain('listening');
            expect(marked(mark).length).toBeGreaterThan(3);
            run.child.kill(end);
            await run.status;
            await expect.poll(() => marked(mark), { timeout: 5000 }).toEqual([]);
        }
    });
    test('a standard error that nobody reads any more keeps nobody waiting, and what was dropped is counted', async () => {
        const folder = mkdtempSync(`${tmpdir()}/sidestep-run-`);
        chmodSync(folder, 0o755);
        const path = `${folder}/unread`;
        execFileSync('mkfifo', ['-m', '666', path]);
        const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
        const unread = openSync(path, constants.O_WRONLY);
        const run = await started(user, ['--port', `${port}:8080`, '--log'], app(), unread);
        closeSync(unread);
        expect(() => {
            for (;;)
                writeSync(pipe, 'x'.repeat(4096));
        }).toThrow('EAGAIN');
        expect(await ask(port, 'call?of=http%3A%2F%2Fhost.sidestep.internal%3A1%2F')).toMatch(/^failed: /);
        run.child.kill('SIGUSR2');
        await expect.poll(run.out).toContain('heard SIGUSR2');
        const bytes = Buffer.alloc(1 << 20);
        let text = '';
        const read = () => {
            text += bytes.toString('utf8', 0, readSync(pipe, bytes));
            return text;
        };
        read();
        expect(await ask(port, 'hello')).toBe('called by 127.0.0.6');
        await expect
            .poll(read)
            .toMatch(/sidestep: \d+ lines were dropped here: nobody read them in time\n.* in {3}app :8080/s);
        run.child.kill('SIGTERM');
        expect(await run.status).toBe(42);
        closeSync(pipe);
        rmSync(folder, { recursive: true });
    });
    test('nothing is left either where the program inside was killed before', async () => {
        const value = `${process.pid}-${user ?? 0}-inside`;
        const mark = `SIDESTEP_RUN_TEST=${value}`;
        const command = ['--', 'sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & echo listening; sleep 1000'];
        const run = start(user, command, { ...ENVIRONMENT, SIDESTEP_RUN_TEST: value });
        await expect.poll(run.out, { timeout: 20_000 }).toContain('listening');
        const inside = marked(mark).filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('inside.js'));
        expect(inside).toHaveLength(1);
        process.kill(Number(inside[0]), 'SIGKILL');
        await expect.poll(run.said).toContain('the program that makes sockets in the pod has ended');
        run.child.kill('SIGTERM');
        await run.status;
        // The holder of the gateway may still be on its way out.
        await expect.poll(() => marked(mark), { timeout: 5000 }).toEqual([]);
    });
});
test.for([
    ['8080:80', '8080:81', '8080 is given twice'],
    ['28081:80', '127.0.0.1:28081:81', '28081 and 127.0.0.1:28081 are the same place'],
    ['[::1]:28081:80', '28081:81', '[::1]:28081 and 28081 are the same place'],
    ['0.0.0.0:28081:80', '10.0.0.1:28081:81', '0.0.0.0:28081 and 10.0.0.1:28081 are the same place'],
    ['10.0.0.1:28081:80', '[::]:28081:81', '10.0.0.1:28081 and [::]:28081 are the same place'],
])('-p %s -p %s: %s', ([first, second, why]) => {
    const words = ['run', '-p', first, '-p', second, '--', 'echo', 'started'];
    const done = spawnSync(...sidestep(undefined, words), { encoding: 'utf8', env: ENVIRONMENT });
    expect(done).toMatchObject({ status: 2, stdout: '' });
    expect(done.stderr).toContain(`--port: ${why}`);
});
test.for(WAYS)('who calls by a published port from another host is told, $title', async ({ options }) => {
    const { client: world, pod: host, close } = await openPair(options);
    try {
        const command = [process.execPath, SIDESTEP, 'run', '--log', '-p', '0.0.0.0:9000:8080', ...app()];
        const run = host.start(command, { env: { NO_COLOR: '1', COLUMNS: '200' } });
        let said = '';
        run.stderr.setEncoding('utf8').on('data', (text) => {
            said += text;
        });
        await once(run.stdout, 'data');
        const asking = `require('http').get('http://${POD.ipv4}:9000/hello', (answer) => answer.pipe(process.stdout))`;
        expect(world.must([process.execPath, '-e', asking])).toBe('called by 127.0.0.6');
        await expect.poll(() => said).toMatch(/in {3}10\.0\.0\.9 → app :8080 {2}HTTP\/1\.1/);
        run.kill('SIGTERM');
        await once(run, 'exit');
    }
    finally {
        close();
    }
});
test.for(WAYS)('the app calls other hosts as this host does, in both families, $title', async ({ options }) => {
    const { client: world, pod: host, close } = await openPair(options);
    try {
        const answering = `require('http').createServer((request, response) => response.end(request.socket.remoteAddress))
      .listen(8000, '::', () => console.log('listening'))`;
        const server = world.start([process.execPath, '-e', answering]);
        await once(server.stdout, 'data');
        const calling = `
      const call = (url) => new Promise((resolve) => require('http').get(url, { agent: false }, (answer) => {
        answer.setEncoding('utf8').on('data', resolve);
      }).on('error', ({ code }) => resolve(code)));
      Promise.all(process.argv.slice(1).map(call)).then((answers) => console.log(answers.join(' ')));`;
        const urls = [`http://${CLIENT.ipv4}:8000/`, `http://[${CLIENT.ipv6}]:8000/`, `http://${CLIENT.ipv4}:8001/`];
        const command = [process.execPath, SIDESTEP, 'run', '--log', '--', process.execPath, '-e', calling, ...urls];
        const done = host.run(command, { env: { NO_COLOR: '1' }, timeout: 30_000 });
        expect(done.stdout).toBe(`::ffff:${POD.ipv4} ${POD.ipv6} ECONNRESET\n`);
        expect(done.stderr).toMatch(/out {2}10\.0\.0\.9:8000 {2}HTTP\/1\.1/);
        expect(done.stderr).toMatch(/out {2}10\.0\.0\.9:8001 .* UF,URX connect ECONNREFUSED 10\.0\.0\.9:8001/);
    }
    finally {
        close();
    }
});
