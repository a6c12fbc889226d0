import { describe, expect, test } from 'vitest';
import { ROOT, sidestep } from '../support/sidestep.ts';
// What people see, whole: each screen lies in test/cases/screens/NAME.txt. Read a changed one before it is accepted with
// `npx vitest run test/cli/screens.test.ts -u`.
const FOLDER = `${ROOT}test/cases/screens/`;
const POST = '../../../docs/examples/post-2018.rules';
const SCREENS = [
    ['list-2018', ['list', '--from', POST], 0],
    ['list-2018-narrow', ['list', '--from', POST], 0, 64],
    ['list-tproxy', ['list', '--from', 'tproxy.rules'], 0, 140],
    ['list-one-family', ['list', '--family', 'ipv6', '--table', 'mangle', '--from', 'tproxy.rules'], 0],
    ['list-drifted', ['list', '--from', 'drifted.rules'], 0],
    ['list-counters', ['list', '--counters', '--from', 'undecided.rules'], 0],
    ['list-both-back-ends', ['list', '--from', 'both-back-ends.json'], 0],
    ['list-native', ['list', '--counters', '--from', 'native.nft'], 0],
    ['trace-2018', ['trace', 'in tcp 10.0.0.9:40000 > 10.0.0.5:8888', '--from', POST], 0],
    ['trace-2018-narrow', ['trace', 'in tcp 10.0.0.9:40000 > 10.0.0.5:8888', '--from', POST], 0, 60],
    ['trace-out', ['trace', 'out tcp 10.0.0.5:40000 > 192.0.2.1:80 uid 1000', '--from', POST], 0],
    ['trace-out-proxy', ['trace', 'out tcp 10.0.0.5:40000 > 192.0.2.1:80 uid 1337', '--from', POST], 0],
    ['trace-brief', ['trace', 'in tcp/8888', '--brief', '--family', 'ipv6', '--from', 'tproxy.rules'], 0],
    ['trace-undecided', ['trace', 'in tcp/8080', '--from', 'undecided.rules'], 0],
    ['trace-dropped', ['trace', 'in udp/53', '--from', 'undecided.rules'], 1],
    ['trace-several', ['trace', 'in tcp/8080', 'in tcp/22', 'in udp/53', '--from', POST], 0],
    ['trace-dot', ['trace', 'in tcp/8888', '-o', 'dot', '--from', POST], 0],
    ['trace-snapshot', ['trace', 'in tcp/8888', '--from', 'pod.json'], 0],
    ['trace-reply', ['trace', 'in tcp/8888 reply', '--from', POST], 0],
    ['trace-connection', ['trace', '--connection', 'in tcp/8888', '--from', POST], 0],
    ['trace-connection-out', ['trace', '--connection', 'out tcp > 192.0.2.1:80', '--from', POST], 0],
    ['trace-connection-lost', ['trace', '--connection', 'in tcp/8080', 'in udp/53', '--from', 'undecided.rules'], 1],
    ['bypass-plan', ['bypass', '8888', '--from', 'pod.json'], 0],
    ['bypass-range', ['bypass', '8000-9000', '9999', '--self', '--from', POST], 0],
    ['bypass-nothing', ['bypass', '22', '--from', POST], 0],
    ['bypass-edit', ['bypass', '8888', '--edit', '--from', POST], 0],
    ['diff-2018', ['diff', POST, 'bypassed.rules'], 1],
    ['diff-written', ['diff', "init --dialect istio-2018 -b 8080,8888 -i '*'", POST], 0],
    ['diff-dialects', ['diff', "init -b '*' -i '*'", "init -b '*' -i '*' --dialect istio-nft", '--family', 'ipv4'], 1],
    ['diff-nothing', ['diff', POST, POST], 0],
    ['diff-machine', ['diff', 'pod.json', 'bypassed.rules', '--family', 'ipv4'], 1],
    ['audit-2018', ['audit', '--from', POST], 0],
    ['audit-pod', ['audit', '--from', 'pod.json'], 0, 100],
    ['audit-drifted', ['audit', '--from', 'drifted.rules'], 1],
    ['audit-tproxy', ['audit', '--family', 'ipv4', '--from', 'tproxy.rules', '--fail-on', 'high'], 0],
    ['verify-drifted', ['verify', '--from', 'drifted.rules'], 1],
    ['verify-given', ['verify', '-b', '*', '-i', '*', '-d', '15090,15021', '--from', 'drifted.rules'], 1],
    ['verify-faithful', ['verify', '--from', POST], 0],
    [
        'init-dry-run',
        ['init', '--dialect', 'istio-2018', '-i', '*', '-b', '8080,8888', '--family', 'ipv4', '--dry-run'],
        0,
    ],
    ['init-tproxy', ['init', '-m', 'TPROXY', '-b', '8080', '-d', '9', '--family', 'ipv4', '--dry-run'], 0],
];
describe('what people see', () => {
    test.for(SCREENS)('%s', async ([name, args, status, columns = 120]) => {
        const done = sidestep(args, { cwd: FOLDER, env: { COLUMNS: String(columns) } });
        const shown = `$ sidestep ${args.map(quoted).join(' ')}\n${done.stdout}${done.stderr === '' ? '' : `--- on the way ---\n${done.stderr}`}`;
        await expect(shown).toMatchFileSnapshot(`${FOLDER}${name}.txt`);
        expect(done.status).toBe(status);
        // A command to be copied is not broken, wherever it ends.
        const lines = done.stdout.split('\n').filter((line) => !line.startsWith('sidestep '));
        const widest = Math.max(...lines.map((line) => [...line].length));
        if (!args.includes('dot'))
            expect(widest).toBeLessThanOrEqual(columns);
    });
});
const quoted = (word) => (/^[\w./-]+$/.test(word) ? word : `'${word}'`);
