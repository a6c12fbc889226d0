import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { POST, ROOT, SIDESTEP, sidestep } from '../support/sidestep.ts';
describe('help', () => {
    test('lists every command, what it is for, and the exit statuses', () => {
        const { stdout, status } = sidestep(['--help']);
        for (const name of [
            'list',
            'snapshot',
            'trace',
            'bypass',
            'init',
            'proxy',
            'run',
            'clean',
            'verify',
            'demo',
            'completion',
        ])
            expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
        expect(stdout).toContain('Exit status: 0 done');
        expect(status).toBe(0);
    });
    test.for(['list', 'snapshot', 'trace', 'bypass', 'init', 'proxy', 'run', 'clean', 'verify', 'demo', 'completion'])('%s: examples stand before the options, by either way of asking', (name) => {
        const { stdout, status } = sidestep(['help', name]);
        expect(status).toBe(0);
        expect(stdout.indexOf(`  sidestep ${name}`)).toBeLessThan(stdout.indexOf('Usage: sidestep'));
        expect(stdout.split('\n').filter((line) => line.includes(`sidestep ${name}`)).length).toBeGreaterThan(2);
        expect(sidestep([name, '--help']).stdout).toBe(stdout);
    });
    test.for(['', 'list', 'trace', 'bypass', 'diff', 'init', 'run', 'verify'])('%s: nothing but a command is wider than 80', (name) => {
        const wide = sidestep(['help', ...(name === '' ? [] : [name])])
            .stdout.split('\n')
            .filter((line) => line.length > 80);
        expect(wide.filter((line) => !/^ {2}sidestep \S+ [^ ]+( \S+)*$/.test(line))).toEqual([]);
    });
    test('the packets of its examples can be followed as they are printed', () => {
        const help = sidestep(['help', 'trace']).stdout.split('Usage:')[0] ?? '';
        // With --live a packet may say less.
        const examples = help.replace(/^.*--live.*$/gm, '');
        const packets = [...examples.matchAll(/'((?:in|out|self) [^']*)'/g)].map(([, packet = '']) => packet);
        expect(packets.length).toBeGreaterThan(8);
        const { stdout, stderr, status } = sidestep(['trace', '-', '--brief', '--from', POST], {
            input: packets.join('\n'),
        });
        expect([status, stderr]).toEqual([0, '']);
        expect(stdout.split('\n')).toHaveLength(packets.length + 1);
    });
    test('without a command it goes to standard error, and nothing was done', () => {
        const { stdout, stderr, status } = sidestep([]);
        expect([stdout, status]).toEqual(['', 2]);
        expect(stderr).toContain('Usage: sidestep COMMAND');
    });
    test('as a plugin of kubectl it calls itself as it was called', () => {
        const done = spawnSync(process.execPath, [`${ROOT}bin/kubectl-sidestep.js`, 'help', 'list'], { encoding: 'utf8' });
        expect(done.stdout).toContain('  kubectl sidestep list --pid 4711');
        expect(done.stdout).not.toMatch(/^ {2}sidestep /m);
    });
    test('the version is the package’s', () => {
        const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
        expect(sidestep(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
    });
});
describe('pipes', () => {
    test.for([
        ['list', '--from', POST],
        ['trace', 'in tcp/8888', '--from', POST],
        ['list', '-o', 'json', '--from', POST],
    ])('a reader that goes away at once is no error: %s', async (args) => {
        const child = spawn(process.execPath, [SIDESTEP, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
        child.stdout.destroy();
        let said = '';
        child.stderr.setEncoding('utf8').on('data', (text) => {
            said += text;
        });
        const [status] = await once(child, 'close');
        expect([status, said]).toEqual([0, '']);
    });
    test('a disk that is full is said, not thrown', () => {
        const done = spawnSync('sh', ['-c', `"${process.execPath}" "${SIDESTEP}" list --from "${POST}" > /dev/full`], {
            encoding: 'utf8',
        });
        expect(done.status).toBe(2);
        expect(done.stderr).toContain('standard output: no space left');
        expect(done.stderr).not.toContain('    at ');
    });
    test('rules and packets can come through a pipe', () => {
        const rules = readFileSync(POST, 'utf8');
        expect(sidestep(['list', '--from', '-'], { input: rules }).stdout).toContain('proxy :15001');
        const packets = '# two packets\nin tcp/8888\n\nin tcp/80\n';
        const { stdout } = sidestep(['trace', '-', '-o', 'json', '--from', POST], { input: packets });
        const outcomes = stdout
            .trimEnd()
            .split('\n')
            .map((line) => JSON.parse(line).outcome.kind);
        expect(outcomes).toEqual(['proxy', 'app']);
    });
});
describe('colour and width', () => {
    const args = ['list', '--from', POST];
    const colored = (env, ...flags) => sidestep([...args, ...flags], { env }).stdout.includes('\x1b[');
    test('a pipe gets none unless it is asked for', () => {
        expect(colored({ NO_COLOR: '' })).toBe(false);
        expect(colored({ NO_COLOR: '' }, '--color')).toBe(true);
        expect(colored({ FORCE_COLOR: '1', NO_COLOR: '' })).toBe(true);
        expect(colored({}, '--color', '--no-color')).toBe(false);
    });
    test('a terminal gets it, and NO_COLOR turns it off', () => {
        // script(1) gives the command a terminal of its own.
        const onTerminal = (env) => spawnSync('script', ['-qec', `"${process.execPath}" "${SIDESTEP}" ${args.join(' ')}`, '/dev/null'], {
            encoding: 'utf8',
            env: { PATH: process.env.PATH, TERM: 'xterm', ...env },
        }).stdout;
        expect(onTerminal({})).toContain('\x1b[');
        expect(onTerminal({ NO_COLOR: '1' })).not.toContain('\x1b[');
    });
    test('colour never carries: without it the words are the same', () => {
        const plain = sidestep(args).stdout;
        expect(sidestep([...args, '--color']).stdout.replace(/\x1b\[\d+m/g, '')).toBe(plain);
    });
    test('COLUMNS sets the width, in which nothing is lost', () => {
        const words = (text) => text.split(/\s+/).join(' ').trim();
        const wide = sidestep(['trace', 'in tcp/8888', '--from', POST], { env: { COLUMNS: '500' } }).stdout;
        const narrow = sidestep(['trace', 'in tcp/8888', '--from', POST], { env: { COLUMNS: '60' } }).stdout;
        const lines = narrow.split('\n').filter((line) => !line.startsWith('sidestep '));
        expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(60);
        expect(narrow).toContain(`\nsidestep bypass 8888 --from ${POST}\n`);
        expect(words(narrow)).toBe(words(wide));
    });
});
describe('what is not needed is not loaded', () => {
    /** The environment in which whatever matches cannot be loaded. */
    const without = (pattern) => ({
        NODE_OPTIONS: `--require=${ROOT}test/support/refuse-loading.cjs`,
        REFUSE: pattern,
    });
    test.for([
        ['list', '--from', POST],
        ['list', '-o', 'json', '--from', POST],
        ['list', '-o', 'save', '--from', POST],
        ['snapshot', '--from', POST],
        ['trace', 'in tcp/8888', '--from', POST],
        ['bypass', '8888', '--from', POST],
        ['verify', '--from', POST],
        ['init', '-b', '8080', '--dry-run'],
    ])('from a file, nothing of Linux, no koffi, zod or yaml: %s', (args) => {
        const env = { ...without('/program/(linux|proxy|socket)-|^(koffi|zod|yaml)$'), PATH: '' };
        const { stderr, stdout } = sidestep(args, { env });
        expect(stderr).not.toContain('must not be loaded');
        expect(stdout).not.toBe('');
    });
    test('the hook that this rests on does stop an import', () => {
        for (const pattern of ['/program/program-', '/program/explain-'])
            expect(sidestep(['list', '--from', POST], { env: without(pattern) }).stderr).toContain('must not be loaded');
    });
    test('the version needs no layer at all', () => {
        const env = without('/program/(address|netfilter|text|trace|interception|explain|linux|proxy|program|command)-');
        expect(sidestep(['--version'], { env }).status).toBe(0);
    });
});
test('list --table says of which table it shows no rules', () => {
    const { stdout } = sidestep(['list', '--table', 'filter', '--from', POST]);
    expect(stdout).toContain('inbound   tcp :8080 :8888');
    expect(stdout).toContain('IPv4: no rules in the table filter\n');
});
describe('completion', () => {
    test.for(['bash', 'zsh', 'fish'])('%s knows every command and its flags', (shell) => {
        const { stdout, status } = sidestep(['completion', shell]);
        expect(status).toBe(0);
        for (const word of ['trace', 'bypass', 'exclude-inbound-ports', 'keep-going', 'init-container'])
            expect(stdout).toContain(word);
    });
    /** What bash offers for a line. */
    const offered = (...words) => {
        const script = `source <("${process.execPath}" "${SIDESTEP}" completion bash)
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
      _sidestep; printf '%s\\n' "\${COMPREPLY[@]}"`;
        return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
    };
    test('bash completes commands, flags and values', () => {
        expect(offered('sidestep', 'tr')).toEqual(['trace']);
        expect(offered('sidestep', 'list', '--fa')).toEqual(['--family']);
        expect(offered('sidestep', 'list', '--family', '')).toEqual(['ipv4', 'ipv6']);
        expect(offered('sidestep', 'completion', 'z')).toEqual(['zsh']);
        expect(offered('sidestep', 'help', 'by')).toEqual(['bypass']);
        expect(offered('sidestep', 'init', '--dry-run', '--recon')).toEqual(['--reconcile']);
    });
    test('bash offers files where one is wanted, and nothing where only the user knows', () => {
        const here = ['list', '--from', `${ROOT}docs/examples/post`];
        expect(offered('sidestep', ...here)).toEqual([POST]);
        expect(offered('sidestep', 'diff', `${ROOT}docs/examples/post`)).toEqual([POST]);
        expect(offered('sidestep', 'list', '--netns', '/proc/self/ns/ne')).toEqual(['/proc/self/ns/net']);
        expect(offered('sidestep', 'list', '--pid', '')).toEqual([]);
        expect(offered('sidestep', 'trace', '--count', '')).toEqual([]);
    });
});
describe('init, shown', () => {
    const shown = (args, env = {}) => sidestep(['init', '--dry-run', '-o', 'save', '--family', 'ipv4', ...args], { env });
    test('says that nothing is intercepted where that is so, and only there', () => {
        const NOTHING = 'nothing is intercepted: neither inbound ports nor outbound CIDRs are given';
        expect(shown(['-p', '15001', '-u', '1337']).stderr).toContain(NOTHING);
        expect(shown(['-b', '80']).stderr).not.toContain(NOTHING);
        expect(shown([], { ISTIO_INBOUND_PORTS: '*' }).stderr).not.toContain(NOTHING);
        expect(shown([], { ISTIO_SERVICE_CIDR: '*' }).stderr).not.toContain(NOTHING);
    });
    test('-m NONE is istio-iptables’ own, which redirects all the same; --mode NONE catches nothing inbound', () => {
        const redirected = shown(['-b', '*', '-m', 'REDIRECT']).stdout;
        const theirs = shown(['-b', '*', '-m', 'NONE']);
        expect(theirs.stdout).toBe(redirected);
        expect(theirs.stderr).toContain('-m: "NONE" acts as REDIRECT');
        expect(shown(['-b', '*'], { ISTIO_INBOUND_INTERCEPTION_MODE: 'NONE' }).stdout).toBe(redirected);
        expect(shown(['-b', '*', '--mode', 'NONE']).stdout).not.toContain('-A PREROUTING');
    });
    test('short flags may stand together, as Go reads them', () => {
        const together = sidestep(['init', '-nb', '80', '-o', 'save', '--family', 'ipv4']);
        expect(together.stdout).toBe(shown(['-b', '80']).stdout);
        expect(together.stdout).toContain('--dport 80 ');
    });
    test('is what legacy would list: the table that was made last comes first', () => {
        const tables = (backend) => shown(['-m', 'TPROXY', '-b', '*', '--backend', backend]).stdout.match(/^\*\w+/gm);
        expect(tables('nft')).toEqual(['*mangle', '*nat']);
        expect(tables('legacy')).toEqual(['*nat', '*mangle']);
    });
});
