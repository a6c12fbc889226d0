import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readSnapshot } from '../../src/linux/index.ts';
import { actsOf, all, CTSTATE, compile, contextOf, makePacket, predicateOf, } from '../../src/netfilter/index.ts';
import { parseNft, parseRule } from '../../src/text/index.ts';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { startAgent } from '../support/agent.ts';
import { namespaceOf } from '../support/change.ts';
import { CLIENT, openPair, openScratch, POD } from '../support/namespace.ts';
// What native rules ask of lengths, and what only the kernel knows, against counters.
const notRoot = process.getuid?.() !== 0;
let pod;
beforeEach(async () => {
    pod = await openScratch();
    pod.must(['ip', 'link', 'set', 'lo', 'up']);
});
afterEach(() => pod.close());
const load = (hook, rules) => {
    const lines = rules.map((rule) => `\t\tudp dport 9 ${rule}\n`).join('');
    pod.must(['nft', '-f', '-'], { input: `table inet t {\n\tchain c {\n\t\t${hook}\n${lines}\t}\n}\n` });
};
const counts = () => [...pod.must(['nft', 'list', 'table', 'inet', 't']).matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
const follow = (snapshot, packet) => prepare(snapshot, [])(parseQuestion(packet, snapshot));
const answers = (snapshot, packet) => follow(snapshot, packet).steps.flatMap((step) => (step.kind === 'rule' ? [step.answer] : []));
/** Sends a datagram to port 9 of an address of its own. */
const send = (to, bytes = 0) => pod.must(['bash', '-c', `head -c ${bytes} /dev/zero | dd bs=65536 iflag=fullblock status=none > /dev/udp/${to}/9`]);
describe.skipIf(notRoot)('native rules', () => {
    const LENGTHS = ['1-8', '9-100', '108', '> 100', '<= 108', '>= 109', '!= 108', '{ 12, 108 }', '!= { 12, 108 }'];
    const rules = [...LENGTHS.map((of) => `udp length ${of}`), ...LENGTHS.map((of) => `ip6 length ${of}`)];
    test.for([
        ['127.0.0.1', 20],
        ['::1', 40],
    ])('udp length and ip6 length, to %s', async ([to, header]) => {
        for (const bytes of [4, 92, 93, 100, 101]) {
            load('type filter hook output priority 0;', rules.map((rule) => `${rule} counter`));
            send(to, bytes);
            const seen = counts();
            const end = to === '::1' ? '[::1]' : to;
            const told = answers(await readSnapshot(namespaceOf(pod)), `self udp ${to} > ${end}:9 length ${header + 8 + bytes}`);
            expect(rules.map((rule, index) => `${bytes}, ${rule}: ${told[index] === 'matched' ? 1 : 0}`)).toEqual(rules.map((rule, index) => `${bytes}, ${rule}: ${seen[index]}`));
            pod.must(['nft', 'delete', 'table', 'inet', 't']);
        }
    });
    test('what a connection has carried, and the processor: either may be', async () => {
        const open = [
            'ct bytes > 100',
            'ct original packets 1',
            'ct reply packets 0',
            'ct avgpkt < 100',
            'meta cpu 0',
            'meta cpu != 0',
        ];
        load('type filter hook output priority 0;', open.map((rule) => `${rule} counter`));
        send('127.0.0.1', 10);
        expect(counts().slice(0, 4)).toEqual([0, 1, 1, 1]);
        const snapshot = await readSnapshot(namespaceOf(pod));
        expect(answers(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9')).toEqual(open.map(() => 'undecided'));
    });
    test('dnat to numgen … map: each of the places may be, and the kernel takes each', async () => {
        for (const address of ['127.0.0.2', '127.0.0.3'])
            pod.must(['ip', 'address', 'add', `${address}/8`, 'dev', 'lo']);
        load('type nat hook output priority -100;', ['dnat ip to numgen inc mod 2 map { 0 : 127.0.0.2, 1 : 127.0.0.3 }']);
        const count = 'add table ip n; add chain ip n c { type filter hook input priority 0; }';
        const places = ['127.0.0.2', '127.0.0.3'].map((to) => `add rule ip n c udp dport 9 ip daddr ${to} counter drop`);
        pod.must(['nft', '-f', '-'], { input: `${count}\n${places.join('\n')}\n` });
        send('127.0.0.1', 1);
        send('127.0.0.1', 1);
        expect(pod.must(['nft', 'list', 'table', 'ip', 'n']).match(/packets 1/g)).toHaveLength(2);
        const snapshot = await readSnapshot(namespaceOf(pod));
        const { outcome, possible, steps } = follow(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9');
        expect(outcome.kind).toBe('dropped');
        const [mapping] = steps.filter((step) => step.kind === 'rule');
        expect(mapping).toMatchObject({ answer: 'undecided', decisive: { predicate: { kind: 'choice' } } });
        expect(possible).toEqual([]);
    });
    test('redirect to one of many ports: what does not ask for the port is decided', async () => {
        load('type nat hook output priority -100;', ['redirect to :8000-8020']);
        const count = 'add table ip n; add chain ip n c { type filter hook input priority 0; }';
        const rules = ['udp dport 8000-8020 counter', 'ip daddr 127.0.0.1 meta l4proto udp counter drop'];
        pod.must(['nft', '-f', '-'], { input: `${count}\n${rules.map((rule) => `add rule ip n c ${rule}`).join('\n')}\n` });
        send('127.0.0.1', 1);
        expect(pod.must(['nft', 'list', 'table', 'ip', 'n']).match(/packets 1/g)).toHaveLength(2);
        const snapshot = await readSnapshot(namespaceOf(pod));
        expect(follow(snapshot, 'self udp 127.0.0.1 > 127.0.0.1:9').outcome.kind).toBe('dropped');
        pod.must(['nft', 'delete', 'table', 'ip', 'n']);
        const { outcome } = follow(await readSnapshot(namespaceOf(pod)), 'self udp 127.0.0.1 > 127.0.0.1:9');
        expect(outcome).toMatchObject({ kind: 'unknown', because: expect.stringContaining('the kernel chooses the port') });
    });
});
const matches = (predicate) => compile(predicate)(makePacket({ family: 'ipv4', destination: 0x7f00_0001, protocol: 1, icmpType: 3, ctstate: CTSTATE.RELATED }));
test.skipIf(notRoot)('an ICMP error has the protocol of the connection that it belongs to', () => {
    const rules = ['udp', 'icmp', 'tcp'];
    const error = 'icmp type destination-unreachable';
    const native = rules.map((of) => `${error} ct protocol ${of} counter\n`).join('');
    pod.must(['nft', '-f', '-'], {
        input: `table ip t {\nchain c {\ntype filter hook input priority 0;\n${native}}\n}\n`,
    });
    const words = rules.map((of) => `-p icmp -m icmp --icmp-type 3 -m conntrack --ctproto ${of}`);
    pod.must(['iptables-legacy-restore'], {
        input: `*filter\n${words.map((rule) => `-A INPUT ${rule}\n`).join('')}COMMIT\n`,
    });
    pod.must(['bash', '-c', 'echo > /dev/udp/127.0.0.1/9']);
    expect([...pod.must(['nft', 'list', 'ruleset']).matchAll(/counter packets (\d+)/g)].map(([, of]) => of)).toEqual([
        '1',
        '0',
        '0',
    ]);
    expect(pod.must(['iptables-legacy-save', '-c']).match(/^\[\d+/gm)).toEqual(['[1', '[0', '[0']);
    const [table] = parseNft(pod.must(['nft', 'list', 'table', 'ip', 't']));
    for (const rule of table.chains[0].rules)
        expect(matches(all(...actsOf(rule, contextOf(table, 'ipv4')).map((act) => act.alternatives[0].when)))).toBe('undecided');
    for (const rule of words)
        expect(matches(predicateOf(parseRule(rule, { family: 'ipv4', table: 'filter' }), 'ipv4'))).toBe('undecided');
});
test.skipIf(notRoot)('a rule that asks for headers of IPv6 does nothing with packets of IPv4, before it asks either', async () => {
    load('type filter hook output priority 0;', ['meta mark set 7 exthdr frag missing counter', 'meta mark 0 counter']);
    pod.must(['nft', 'add rule inet t c udp dport vmap { 9 : accept } exthdr frag missing counter']);
    pod.must(['nft', 'add rule inet t c udp dport 9 counter']);
    send('127.0.0.1', 1);
    expect(counts()).toEqual([0, 1, 0, 1]);
    const told = answers(await readSnapshot(namespaceOf(pod)), 'self udp 127.0.0.1 > 127.0.0.1:9');
    expect(told).toEqual(['passed by', 'matched', 'passed by', 'matched']);
});
describe.skipIf(notRoot)('the owner of what comes in', () => {
    test.for(['ipv4', 'ipv6'])('%s: of an open connection the kernel knows it in INPUT, and of no other packet', async (family) => {
        const pair = await openPair();
        try {
            const rules = [
                'meta skuid 0',
                'meta skuid != 0',
                'tcp flags syn meta skuid 0',
                'ct state new udp dport 8099 meta skuid 0',
            ];
            const lines = rules.map((rule) => `th dport 8099 ${rule} counter\n`).join('');
            const table = `table inet t {\nchain c {\ntype filter hook input priority 0;\n${lines}}\n}\n`;
            pair.pod.must(['nft', '-f', '-'], { input: table });
            const server = startAgent(pair.pod);
            const client = startAgent(pair.client);
            for (const protocol of ['tcp', 'udp'])
                await server.listen({ protocol, name: protocol, address: POD[family], port: 8099 });
            for (const protocol of ['tcp', 'udp'])
                await client.send({ protocol, to: POD[family], port: 8099 }, 2000);
            const listed = pair.pod.must(['nft', 'list', 'table', 'inet', 't']);
            const seen = [...listed.matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
            expect(seen.map((count) => count > 0)).toEqual([true, false, false, false]);
            const snapshot = await readSnapshot(namespaceOf(pair.pod));
            const from = family === 'ipv4' ? CLIENT.ipv4 : `[${CLIENT.ipv6}]`;
            expect(answers(snapshot, `in tcp ${from} > :8099`).slice(0, 3)).toEqual(Array(3).fill('passed by'));
            expect(answers(snapshot, `in udp ${from} > :8099`)[3]).toBe('passed by');
            const open = answers(snapshot, `in tcp ${from} > :8099 state established`);
            expect(open.slice(0, 2)).toEqual(['undecided', 'undecided']);
        }
        finally {
            pair.close();
        }
    });
});
