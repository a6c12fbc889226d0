import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { fileLog, formatRecord, formatText, openAccessLog, openLogFile, } from '../../src/proxy/index.ts';
const record = {
    start: Date.UTC(2018, 10, 19, 12, 0, 0, 7),
    duration: 12,
    direction: 'inbound',
    peer: { family: 'ipv4', address: '10.0.0.9', port: 40000 },
    destination: { family: 'ipv4', address: '10.0.0.5', port: 8080 },
    upstream: { family: 'ipv6', address: '::1', port: 8080 },
    upstreamLocal: { family: 'ipv6', address: '::1', port: 50000 },
    cluster: 'inbound|8080||',
    spoken: undefined,
    received: 5,
    sent: 66,
    flag: undefined,
    details: undefined,
    failure: undefined,
};
test('a line has the names, the order and the types of Istio’s JSON access log', () => {
    expect(formatRecord(record)).toMatchInlineSnapshot(`
    "{"authority":null,"bytes_received":5,"bytes_sent":66,"connection_termination_details":null,"downstream_local_address":"10.0.0.5:8080","downstream_remote_address":"10.0.0.9:40000","duration":12,"method":null,"path":null,"protocol":null,"request_id":null,"requested_application_protocols":null,"requested_server_name":null,"response_code":0,"response_code_details":null,"response_flags":"-","route_name":null,"start_time":"2018-11-19T12:00:00.007Z","upstream_cluster":"inbound|8080||","upstream_host":"[::1]:8080","upstream_local_address":"[::1]:50000","upstream_service_time":null,"upstream_transport_failure_reason":null,"user_agent":null,"x_forwarded_for":null}
    "
  `);
});
test('what the client speaks stands in it', () => {
    const spoken = { protocol: 'TLS', serverName: 'api.example.org', applicationProtocols: ['h2'] };
    expect(JSON.parse(formatRecord({ ...record, spoken }))).toMatchObject({
        protocol: 'TLS',
        requested_server_name: 'api.example.org',
        requested_application_protocols: ['h2'],
    });
    expect(JSON.parse(formatRecord({ ...record, spoken: { protocol: 'other' } }))).toMatchObject({ protocol: null });
});
test('a line of text has the order of Istio’s default format', () => {
    const spoken = { protocol: 'TLS', serverName: 'api.example.org' };
    expect(formatText({ ...record, spoken })).toMatchInlineSnapshot(`
    "[2018-11-19T12:00:00.007Z] "- - TLS" 0 - - - "-" 5 66 12 - "-" "-" "-" "-" "[::1]:8080" inbound|8080|| [::1]:50000 10.0.0.5:8080 10.0.0.9:40000 api.example.org -
    "
  `);
    const failed = { flag: 'UF,URX', failure: 'connect ECONNREFUSED 10.0.0.5:8080 (nobody listens there)' };
    expect(formatText({ ...record, ...failed, upstreamLocal: undefined })).toMatchInlineSnapshot(`
    "[2018-11-19T12:00:00.007Z] "- - -" 0 UF,URX - - "connect ECONNREFUSED 10.0.0.5:8080 (nobody listens there)" 5 66 12 - "-" "-" "-" "-" "[::1]:8080" inbound|8080|| - 10.0.0.5:8080 10.0.0.9:40000 - -
    "
  `);
    const gone = {
        flag: 'DC',
        details: 'the client reset the connection',
        peer: undefined,
        upstream: undefined,
    };
    expect(formatText({ ...record, ...gone })).toMatchInlineSnapshot(`
    "[2018-11-19T12:00:00.007Z] "- - -" 0 DC - the_client_reset_the_connection "-" 5 66 12 - "-" "-" "-" "-" "-" inbound|8080|| [::1]:50000 10.0.0.5:8080 - - -
    "
  `);
});
test('whatever stands in a record, its line of text is one line of so many words, and does nothing to a terminal', () => {
    const any = fc.string({ unit: 'binary' });
    fc.assert(fc.property(any, any, any, any, (details, failure, serverName, address) => {
        const upstream = { family: 'ipv6', address, port: 1 };
        const odd = { details, failure, upstream, destination: upstream, cluster: address };
        const line = formatText({ ...record, ...odd, spoken: { protocol: 'TLS', serverName } });
        expect(line).toMatch(/^[^\p{C}\p{Zl}\p{Zp}]*\n$/u);
        expect(line.trimEnd().match(/"[^"]*"|[^ "]+/g)).toHaveLength(22);
    }));
});
test('a log may be one of text', async () => {
    const stream = new PassThrough({ encoding: 'utf8' });
    openAccessLog(stream, 1 << 20, 'text').write(record);
    expect(stream.read()).toBe(formatText(record));
});
test('a failed connection says why', () => {
    const { peer: _, ...gone } = record;
    const line = JSON.parse(formatRecord({
        ...gone,
        peer: undefined,
        upstreamLocal: undefined,
        flag: 'UF,URX',
        failure: 'connect ECONNREFUSED',
    }));
    expect(line).toMatchObject({
        response_flags: 'UF,URX',
        upstream_transport_failure_reason: 'connect ECONNREFUSED',
        upstream_local_address: null,
        downstream_remote_address: null,
    });
});
test('a reader that is too slow loses lines, counted, and the writer never waits', async () => {
    const stuck = new Writable({ write() { } });
    const log = openAccessLog(stuck, 10_000);
    for (let at = 0; at < 1000; at += 1)
        log.write(record);
    const kept = Math.ceil(10_000 / formatRecord(record).length);
    expect(log.dropped).toBeGreaterThan(1000 - kept - 2);
    expect(stuck.writableLength).toBeLessThan(11_000);
    vi.useFakeTimers();
    let back = false;
    const flushed = log.flush(50).finally(() => {
        back = true;
    });
    try {
        await vi.advanceTimersByTimeAsync(49);
        expect(back).toBe(false);
        await vi.advanceTimersByTimeAsync(1);
        expect(back).toBe(true);
    }
    finally {
        vi.useRealTimers();
    }
    await flushed;
    // What never got out counts too.
    expect(log.dropped).toBe(1000);
});
test('a reader that goes away ends the log, not the proxy', async () => {
    const stream = new PassThrough();
    const log = openAccessLog(stream, 1 << 20);
    log.write(record);
    stream.destroy(new Error('EPIPE'));
    await new Promise((resolve) => setImmediate(resolve));
    log.write(record);
    expect(log.dropped).toBe(1);
    await log.flush(1000);
});
test('flush waits until the lines are out', async () => {
    const written = [];
    const slow = new Writable({
        write(piece, _, done) {
            setTimeout(() => {
                written.push(String(piece));
                done();
            }, 5);
        },
    });
    const log = openAccessLog(slow, 1 << 20);
    for (let at = 0; at < 3; at += 1)
        log.write(record);
    await log.flush(1000);
    expect(written.join('')).toBe(formatRecord(record).repeat(3));
});
test('lines that wait for a reader when it goes away are counted', async () => {
    const log = openAccessLog(new Writable({
        write(_, __, done) {
            setTimeout(() => done(new Error('EPIPE')), 5);
        },
    }), 1 << 20);
    for (let at = 0; at < 3; at += 1)
        log.write(record);
    await expect.poll(() => log.dropped).toBe(3);
});
test('a full disk loses lines, counted, and ends nothing', async () => {
    const fd = openSync('/dev/full', 'w');
    const log = openAccessLog(fileLog(() => fd), 1 << 20);
    for (let at = 1; at <= 2; at += 1) {
        log.write(record);
        await expect.poll(() => log.dropped).toBe(at);
    }
    // What only waits for the lines before it is none itself.
    log.write(record);
    await log.flush(1000);
    expect(log.dropped).toBe(3);
    closeSync(fd);
});
test('once there is space again the log goes on, on a line of its own', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sidestep-log-'));
    const path = join(folder, 'log');
    // A file that may not grow beyond a kilobyte takes a line and a half, like a full disk; then the limit is lifted.
    const program = `
    import { spawnSync } from 'node:child_process';
    import { fileLog } from ${JSON.stringify(new URL('../../dist/proxy/index.js', import.meta.url).href)};
    import { openSync } from 'node:fs';
    process.on('SIGXFSZ', () => {});
    const fd = openSync(${JSON.stringify(path)}, 'a');
    const log = fileLog(() => fd);
    let lost = 0;
    log.on('lost', () => (lost += 1));
    const write = (text) => new Promise((done) => log.write(text.repeat(600) + '\\n', done));
    await write('a');
    await write('b');
    spawnSync('prlimit', ['--pid', String(process.pid), '--fsize=100000']);
    await write('c');
    console.log(lost);`;
    const limited = ['--fsize=1000:100000', process.execPath, '--input-type=module', '-e', program];
    const { stdout, stderr } = spawnSync('prlimit', limited, { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual(['1\n', '']);
    const lines = ['a'.repeat(600), 'b'.repeat(399), 'c'.repeat(600), ''];
    expect(readFileSync(path, 'utf8')).toBe(lines.join('\n'));
    rmSync(folder, { recursive: true });
});
test('a file that was moved away is opened anew, and no line is lost on the way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sidestep-log-'));
    const [path, moved] = [join(folder, 'log'), join(folder, 'log.1')];
    const { stream, reopen } = await openLogFile(path);
    const write = (text) => new Promise((done) => stream.write(`${text}\n`, done));
    await write('one');
    renameSync(path, moved);
    await write('two');
    await reopen();
    await write('three');
    expect([readFileSync(moved, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\ntwo\n', 'three\n']);
    // Where it cannot be opened anew, the old one goes on.
    rmSync(path);
    mkdirSync(path);
    await expect(reopen()).rejects.toMatchObject({ code: 'EISDIR' });
    await write('four');
    rmSync(folder, { recursive: true });
});
test('a named pipe that nobody reads is refused, not waited for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sidestep-log-'));
    spawnSync('mkfifo', [join(folder, 'pipe')]);
    await expect(openLogFile(join(folder, 'pipe'))).rejects.toMatchObject({ code: 'ENXIO' });
    rmSync(folder, { recursive: true });
});
