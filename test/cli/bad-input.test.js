import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { POST, sidestep } from '../support/sidestep.ts';
let folder = '';
const path = (name) => join(folder, name);
beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sidestep-input-'));
    writeFileSync(path('empty'), '');
    writeFileSync(path('binary'), Buffer.from('*nat\n\0\x01\x02', 'latin1'));
    writeFileSync(path('gzip'), gzipSync('*nat\nCOMMIT\n'));
    writeFileSync(path('utf16'), Buffer.from('\ufeff*nat\nCOMMIT\n', 'utf16le'));
    writeFileSync(path('latin1'), Buffer.from('*nat\n-A INPUT -m comment --comment "caf\xe9" -j ACCEPT\nCOMMIT\n', 'latin1'));
    writeFileSync(path('huge'), '');
    // As long as it is, it takes no room on the disk.
    truncateSync(path('huge'), 100 * 1024 * 1024);
    writeFileSync(path('not-rules'), 'hello, world\n');
    writeFileSync(path('broken.json'), '{ "schema": "sidestep/snapshot/1", ');
    writeFileSync(path('misspelt.rules'), '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dports 80 -j RETURN\nCOMMIT\n');
    writeFileSync(path('two-faults.rules'), '*nat\n-A PREROUTING -p tpc -j RETURN\n-A PREROUTING -p tcp --dport 99999 -j RETURN\nCOMMIT\n');
    writeFileSync(path('ipv6.rules'), '*filter\n-A INPUT -s 2001:db8::/32 -j DROP\nCOMMIT\n');
    writeFileSync(path('hostile.rules'), '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m comment --comment "\x1b[2Jgone\x9b31m" -j ACCEPT\nCOMMIT\n');
    symlinkSync('/dev/zero', path('endless'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Arguments with files of the folder written as @NAME; the exit status; what standard error has to say. */
const CASES = [
    [
        "istio-iptables' own flag, misspelt",
        ['init', '--istio-inbound-port', '80'],
        2,
        ['Did you mean --istio-inbound-ports?'],
    ],
    ['a packet without quotes', ['trace', 'in', 'tcp/80', '--from', POST], 2, ["sidestep trace 'in tcp/80'"]],
    ['a live probe of a file', ['verify', '--run-validation', '--from', POST], 2, ['exclude each other']],
    [
        'a folder that is not there',
        ['snapshot', '--from', POST, '--out', '@no/x.json'],
        2,
        ['@no/x.json: cannot be written: the folder it is to be in is not there\n'],
    ],
    [
        'an end beyond time',
        ['bypass', '80', '--for', '9000000d', '--from', POST],
        2,
        ['expiry: expected is a time before 2038'],
    ],
    ['a missing file', ['list', '--from', '@nowhere'], 2, ['@nowhere: no such file', 'iptables-save |']],
    ['a folder', ['list', '--from', '@'], 2, ['is a folder']],
    ['an empty file', ['list', '--from', '@empty'], 2, ['@empty: is empty', 'sudo iptables-save', 'Without root']],
    ['a binary file', ['list', '--from', '@binary'], 2, ['@binary: is not text: byte 6 is zero', 'iptables-save']],
    ['a compressed file', ['trace', 'in tcp/80', '--from', '@gzip'], 2, ['is gzip-compressed', 'gunzip -c']],
    ['UTF-16, as PowerShell writes it', ['list', '--from', '@utf16'], 2, ['is UTF-16 text', 'UTF-8']],
    [
        'bytes that are not UTF-8',
        ['list', '--from', '@latin1'],
        2,
        ['@latin1:2: holds bytes that are not UTF-8', 'iconv'],
    ],
    ['100 MB', ['list', '--from', '@huge'], 2, ['@huge: is 100 MB, too big for rules (the limit is 64 MB)']],
    ['a device that never ends', ['list', '--from', '@endless'], 2, ['is more than 64 MB, too big for rules']],
    ['text that is no rules', ['list', '--from', '@not-rules'], 2, [/@not-rules:1:1: /, 'hello, world', '^']],
    ['a snapshot cut off', ['list', '--from', '@broken.json'], 2, [/@broken\.json:\d+:\d+: /]],
    [
        'a misspelt option',
        ['list', '--from', '@misspelt.rules'],
        2,
        [/@misspelt\.rules:3:\d+: .*--dports/, '^^^', 'multiport'],
    ],
    ['two faults, both told', ['list', '--from', '@two-faults.rules'], 2, [/:2:\d+: .*tpc/, /:3:\d+: .*99999/]],
    [
        'rules of the wrong family',
        ['list', '--from', '@ipv6.rules', '--family', 'ipv4'],
        2,
        [/@ipv6\.rules:2:\d+: /, '2001:db8::/32'],
    ],
    ['an unknown command', ['lsit'], 2, ["unknown command 'lsit'", 'Did you mean list?']],
    ['an unknown command after help', ['help', 'lsit'], 2, ["unknown command 'lsit'", 'Did you mean list?']],
    ['an unknown flag', ['list', '--form', 'x'], 2, ["unknown option '--form'", 'Did you mean --from?']],
    ['a file by its name alone', ['list', 'rules.txt'], 2, ['too many arguments', 'read by --from FILE']],
    [
        'a * without quotes',
        ['verify', '-b', 'a', 'b', '-i', 'a', 'b'],
        2,
        ['too many arguments', "A * needs quotes ('*')"],
    ],
    ['a * for the only file', ['init', '-b', 'a.txt', '-i', 'a.txt', '-n'], 2, ['No service is called', "quotes ('*')"]],
    [
        'one side of a difference',
        ['diff', POST],
        2,
        ["missing required argument 'after'", 'sidestep diff before.txt here'],
    ],
    ['three sides', ['diff', POST, POST, POST], 2, ['too many arguments', 'Two are compared', 'in one word']],
    ['a flag without its value', ['list', '--from'], 2, ["'--from <file>' argument missing"]],
    ['an output that does not exist', ['list', '-o', 'xml', '--from', POST], 2, ["'xml' is invalid", 'text, json, save']],
    [
        'a table that does not exist',
        ['list', '--table', 'nta', '--from', POST],
        2,
        ["'nta' is invalid", 'raw, mangle, nat'],
    ],
    ['two places at once', ['list', '--from', POST, '--pid', '1'], 2, ['--from and --pid exclude each other']],
    ['two namespaces at once', ['list', '--netns', 'a', '--pid', '1'], 2, ['--netns and --pid exclude each other']],
    ['a pid that is none', ['list', '--pid', 'abc'], 2, ['a process id from 1']],
    [
        'a packet that is none',
        ['trace', 'in tpc/80', '--from', POST],
        2,
        ['packet:1:4: "tpc" is no protocol', 'in tpc/80', '^^^', 'tcp'],
    ],
    [
        'an impossible port in a packet',
        ['trace', 'in tcp/99999', '--from', POST],
        2,
        ['packet:1:8: "99999" is no port', '65535'],
    ],
    [
        'a packet of the wrong family',
        ['trace', 'in tcp > [::1]:80', '--family', 'ipv4', '--from', POST],
        2,
        ['IPv6', 'IPv4'],
    ],
    ['no packet', ['trace', '--from', POST], 2, ["missing required argument 'packet'"]],
    ['packets and rules from one input', ['trace', '-', '--from', '-'], 2, ['cannot both come from standard input']],
    [
        'an impossible port to bypass',
        ['bypass', '88888', '--from', POST],
        2,
        ['88888', 'a port from 1 to 65535', 'The highest port is 65535'],
    ],
    ['a range from high to low', ['bypass', '9010-9000', '--from', POST], 2, ['9000-9010']],
    ['a service name to bypass', ['bypass', 'http', '--from', POST], 2, ['give the number']],
    ['no port to bypass', ['bypass', '--from', POST], 2, ['no port is named', 'sidestep bypass 8888']],
    ['a bypass of a file', ['bypass', '8888', '--apply', '--from', POST], 2, ['a file cannot be changed']],
    ['a time that is none', ['bypass', '8888', '--for', 'soon', '--from', POST], 2, ["'soon' is invalid", '30m']],
    [
        'a date that is over',
        ['bypass', '8888', '--until', '2020-01-01T00:00', '--from', POST],
        2,
        ['2020-01-01 00:00:00 UTC', 'still to come'],
    ],
    [
        'two ends of a bypass',
        ['bypass', '8888', '--for', '1h', '--until', '19:30', '--from', POST],
        2,
        ['--for and --until exclude each other'],
    ],
    [
        'a date that does not exist',
        ['bypass', '8888', '--until', '2027-02-31T00:00', '--from', POST],
        2,
        ['There is no 2027-02-31 in the calendar'],
    ],
    ['an hour that does not', ['bypass', '8888', '--until', '2027-02-28T24:00', '--from', POST], 2, ['a time in UTC']],
    ['nothing but a comma', ['bypass', ',', '--from', POST], 2, [/^sidestep: ports ,: .* There is none in it\.\n$/]],
    [
        'a comma too many',
        ['bypass', '80,,81,', '--from', POST],
        2,
        [/^sidestep: ports 80,,81,: .* a comma too many\.\n$/],
    ],
    [
        'an annotation with an end',
        ['bypass', '8888', '--manifest', 'annotation', '--for', '1h'],
        2,
        ["the mesh's annotation cannot say --for", '--manifest init-container can'],
    ],
    [
        'an annotation for own calls, at a time, by the list, in one family',
        ['bypass', '8', '--manifest', 'annotation', '--self', '--edit', '--until', '19:30', '--family', 'ipv4'],
        2,
        ['--until, --self, --edit, --family'],
    ],
    ['YAML as JSON', ['bypass', '8', '--manifest', 'patch', '-o', 'json'], 2, ['--manifest prints YAML', 'Leave out -o']],
    ['YAML as rules', ['bypass', '8', '--manifest', 'annotation', '-o', 'save'], 2, ['--manifest prints YAML']],
    ['an image for nobody', ['bypass', '8', '--image', 'x', '--from', POST], 2, ['--image belongs to --manifest']],
    [
        "a list to change before the mesh's coming",
        ['bypass', '8', '--ahead', 'TPROXY', '--edit', '--from', POST],
        2,
        ['--ahead and --edit exclude each other'],
    ],
    [
        'an end for an undo',
        ['bypass', '8', '--undo', '--for', '1h'],
        2,
        ['--undo and --for exclude each other', 'at once'],
    ],
    ['an impossible port to intercept', ['init', '-b', '80801', '--dry-run'], 2, ['-b 80801', 'a port']],
    ['the same under its readable name', ['init', '--inbound-ports', '80801', '--dry-run'], 2, ['--inbound-ports 80801']],
    [
        'two names of one flag',
        ['init', '-b', '80', '--istio-inbound-ports', '81', '--dry-run'],
        2,
        ['say different things'],
    ],
    [
        'several faults of a configuration',
        ['init', '-b', 'x y', '-i', '10.0.0.0/99', '--dry-run'],
        2,
        ['-b', '10.0.0.0/99'],
    ],
    [
        'an unknown flag of init',
        ['init', '--inbound-port', '80', '--dry-run'],
        2,
        ["unknown option '--inbound-port'", '--inbound-ports'],
    ],
    [
        'an unknown dialect',
        ['init', '--dialect', 'isto', '--dry-run'],
        2,
        ["'isto' is invalid", 'istio, istio-nft, istio-2018'],
    ],
    ['a mark that is none', ['init', '--proxy-mark', 'x', '--dry-run'], 2, ['--proxy-mark x']],
    ['a proxy on one port twice', ['proxy', '--readiness-port', '15001'], 2, ['15001', '--readiness-port']],
    ['a shell without completion', ['completion', 'ksh'], 2, ["'ksh' is invalid", 'bash, zsh, fish']],
];
describe('input that cannot be used is refused with its place, the likely cause and the way out', () => {
    test.for(CASES)('%s', ([, args, status, says]) => {
        const named = (word) => word.replace('@', `${folder}/`);
        const done = sidestep(args.map(named));
        expect(done.stderr).not.toMatch(/defect|\n {4}at /);
        for (const words of says) {
            if (typeof words === 'string')
                expect(done.stderr).toContain(named(words));
            else
                expect(done.stderr.replaceAll(`${folder}/`, '@')).toMatch(words);
        }
        expect(done.stdout).toBe('');
        expect(done.status).toBe(status);
    });
});
test('--keep-going reads the rest, says what it passed over, and answers "unknown" where that matters', () => {
    writeFileSync(path('unread.rules'), '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dports 80 -j DROP\nCOMMIT\n');
    const done = sidestep(['trace', 'in tcp/80', '--keep-going', '--from', path('unread.rules')]);
    expect(done.stderr).toMatch(/unread\.rules:3:\d+: .*--dports/);
    expect(done.stderr).toContain('passed over');
    expect(done.stdout).toContain('? UNKNOWN');
    expect(done.status).toBe(0);
});
test('an escape sequence in a comment never reaches the terminal, the json or the diagnostics', () => {
    for (const args of [['list'], ['list', '-o', 'json'], ['trace', 'in tcp/80'], ['trace', 'in tcp/80', '-o', 'dot']]) {
        const { stdout, stderr, status } = sidestep([...args, '--from', path('hostile.rules')]);
        expect(status).toBeLessThan(2);
        expect(stdout).toMatch(/gone/);
        expect(stdout + stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
});
test('-o save keeps every byte of it in a pipe', () => {
    const { stdout } = sidestep(['list', '-o', 'save', '--from', path('hostile.rules')]);
    expect(stdout).toContain('--comment "\x1b[2Jgone\x9b31m"');
});
test('a command in a hint is one line, however narrow the terminal', () => {
    const { stderr } = sidestep(['trace', 'in', 'tcp/8888', '--from', POST], { env: { COLUMNS: '30' } });
    expect(stderr).toMatch(/^ *sidestep trace 'in tcp\/8888'$/m);
});
test('a defect says that it is one, and shows the stack only on demand', () => {
    // A command line that makes node's own loader fail in a way nobody planned for.
    const env = {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent('JSON.parse = () => { throw new RangeError("planned by a test"); }')}`,
    };
    const plain = sidestep(['--version'], { env });
    expect(plain.status).toBe(70);
    expect(plain.stderr).toContain('this is a defect of Sidestep, not of your input: RangeError: planned by a test');
    expect(plain.stderr).not.toContain('    at ');
    expect(sidestep(['--version'], { env: { ...env, SIDESTEP_LOG: 'debug' } }).stderr).toContain('    at ');
});
