import { expect, test } from 'vitest';
import { formatAddress } from '../../../src/address/index.ts';
import { formatField } from '../../../src/netfilter/index.ts';
import { parseQuestion, prepare } from '../../../src/trace/index.ts';
import { matchedIn, packetCounts, since } from '../../support/counters.ts';
import { parseCase } from '../../support/kernel-case.ts';
import { CLIENT, POD } from '../../support/namespace.ts';
import { foretold, observed, openLaboratory } from '../../support/observe.ts';
import { segmentBytes } from '../../support/segment.ts';
// Facts of netfilter that one packet per rule set does not show, each against the kernel.
async function inLaboratory(text, work) {
    const from = parseCase('inline', text);
    const laboratory = await openLaboratory(from);
    try {
        await work(laboratory, from);
    }
    finally {
        laboratory.close();
    }
}
const traceIn = (laboratory, expression) => prepare(laboratory.snapshot, [])(parseQuestion(expression, laboratory.snapshot));
const redirectTo = (port) => `*nat\n-A PREROUTING -p tcp -m tcp --dport 7000 -j REDIRECT --to-ports ${port}\nCOMMIT\n`;
test.runIf(process.getuid?.() === 0).for([
    ['nft', 'legacy'],
    ['legacy', 'nft'],
])('fact 2: of two nat tables the one registered later decides: first %s, then %s', async ([first, second]) => {
    await inLaboratory('title: both back ends\n', async (laboratory) => {
        laboratory.pod.must([`iptables-${first}-restore`], { input: redirectTo(8080) });
        laboratory.pod.must([`iptables-${second}-restore`], { input: redirectTo(8888) });
        const read = await laboratory.read();
        const held = [second, first].flatMap((backend) => read.held.filter((rules) => rules.backend === backend));
        const { orderUnknown: _unknown, ...rest } = read;
        const ordered = { ...rest, held };
        const told = prepare(ordered, [])(parseQuestion('in tcp/7000', ordered));
        expect(told.outcome).toMatchObject({ kind: 'proxy', port: 8888 });
        expect(observed(await laboratory.send(told), told)).toBe(foretold(told));
        // Where the order was not read, the answer is not guessed.
        const doubtful = prepare({ ...ordered, orderUnknown: true }, [])(parseQuestion('in tcp/7000', ordered));
        expect(doubtful.outcome.kind).toBe('unknown');
        expect(doubtful.possible.map(({ outcome }) => outcome)).toMatchObject([{ port: 8888 }, { port: 8080 }]);
    });
});
const STATES = ['INVALID', 'NEW', 'ESTABLISHED', 'RELATED', 'UNTRACKED'];
const perState = STATES.map((state) => `-A PREROUTING -p tcp -m tcp --dport 8080 -m conntrack --ctstate ${state}`);
test('fact 6: what connection tracking makes of unusual flags', async () => {
    const rules = `title: flags\n\n== ipv4\n*mangle\n${perState.join('\n')}\nCOMMIT\n*nat\n-A PREROUTING -p tcp -j RETURN\nCOMMIT\n`;
    await inLaboratory(rules, async (laboratory) => {
        await laboratory.send(traceIn(laboratory, 'in tcp/9090'));
        // The pod's answers must not teach its connection tracking anything about the next segment.
        laboratory.pod.must(['iptables', '-A', 'OUTPUT', '-p', 'tcp', '-j', 'DROP']);
        const results = [];
        const kernel = [];
        for (const [index, flags] of [0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 20, 24, 34, 48, 41, 63].entries()) {
            const fromPort = 41000 + index;
            const before = packetCounts(laboratory.pod, 'nft');
            const segment = { from: CLIENT.ipv4, fromPort, to: POD.ipv4, port: 8080, flags };
            await laboratory.client.sendRaw(segmentBytes(segment), POD.ipv4);
            const counted = since(before, packetCounts(laboratory.pod, 'nft'));
            const words = formatField('tcpFlags', flags, 'ipv4').toLowerCase();
            const told = traceIn(laboratory, `in tcp ${CLIENT.ipv4}:${fromPort} > :8080 flags ${words}`);
            results.push(`${words}: ${JSON.stringify(since(new Map(), matchedIn(told)))}`);
            kernel.push(`${words}: ${JSON.stringify(Object.fromEntries(Object.entries(counted).filter(([rule]) => !rule.includes('OUTPUT'))))}`);
        }
        expect(results).toEqual(kernel);
    });
});
const conversation = `title: a known connection
listen: udp 0.0.0.0:15353

== ipv4
*raw
-A PREROUTING -p udp
COMMIT
*mangle
-A PREROUTING -p udp -m conntrack --ctstate NEW -j CONNMARK --set-mark 5
-A PREROUTING -p udp -m conntrack --ctstate ESTABLISHED
-A PREROUTING -p udp -m connmark --mark 5
-A INPUT -p udp -m udp --dport 15353
-A INPUT -p udp -m conntrack --ctorigdstport 53
-A INPUT -p udp -m conntrack --ctstate DNAT
-A INPUT -p udp -m conntrack --ctreplsrc 10.0.0.5 --ctreplsrcport 15353
COMMIT
*nat
-A PREROUTING -p udp -m udp --dport 53 -j REDIRECT --to-ports 15353
-A INPUT -p udp
COMMIT
*filter
-A INPUT -p udp -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p udp
COMMIT
`;
test('fact 5: nat sees the first packet of a connection, the later ones keep its mapping', async () => {
    await inLaboratory(conversation, async (laboratory) => {
        const again = await laboratory.client.converse(POD.ipv4, 53);
        const told = traceIn(laboratory, 'in udp/53 state established');
        const before = packetCounts(laboratory.pod, 'nft');
        await again();
        const counted = since(before, packetCounts(laboratory.pod, 'nft'));
        expect(since(new Map(), matchedIn(told))).toEqual(counted);
        expect(told.outcome).toMatchObject({ kind: 'proxy', port: 15353 });
        expect(told.question.assumptions).toContain('the connection was opened under these same rules');
        // Rules that come later do not change it: the trace can only say what it takes for granted.
        laboratory.pod.must(['iptables', '-t', 'nat', '-I', 'PREROUTING', '-p', 'udp', '-j', 'RETURN']);
        const middle = packetCounts(laboratory.pod, 'nft');
        await again();
        expect(since(middle, packetCounts(laboratory.pod, 'nft'))).toEqual(counted);
    });
});
test('fact 3: what a sender is told when OUTPUT drops its packet', async () => {
    const rules = 'title: dropped on the way out\n\n== ipv4\n*filter\n:OUTPUT DROP [0:0]\nCOMMIT\n';
    await inLaboratory(rules, async (laboratory) => {
        const udp = traceIn(laboratory, 'out udp > 10.0.0.9:53 uid 0 gid 0');
        expect(udp.outcome.kind).toBe('dropped');
        expect(await laboratory.send(udp)).toMatchObject({ code: 'EPERM' });
        // TCP takes the refusal of its SYN for a loss, and tries again.
        const tcp = traceIn(laboratory, 'out tcp > 10.0.0.9:80 uid 0 gid 0');
        expect(tcp.outcome.kind).toBe('dropped');
        expect(await laboratory.send(tcp)).toMatchObject({ silent: true });
    });
});
test('fact 9: one tuple in two zones is two connections, and nat sees the first packet of each', async () => {
    const rules = `title: zones

== ipv4
*raw
-A PREROUTING -s 10.0.0.9/32 -p tcp -m tcp --dport 8080 --tcp-flags ACK ACK -j CT --zone 1
-A PREROUTING -s 10.0.0.9/32 -p tcp -m tcp --dport 8080 -j CT --zone 2
COMMIT
*nat
-A PREROUTING -p tcp -m tcp --dport 8080
COMMIT
*filter
-A INPUT -p tcp -j DROP
COMMIT
`;
    await inLaboratory(rules, async (laboratory) => {
        const segment = { from: CLIENT.ipv4, fromPort: 41000, to: POD.ipv4, port: 8080 };
        await laboratory.send(traceIn(laboratory, 'in udp/8125'));
        for (const flags of [2, 16]) {
            const before = packetCounts(laboratory.pod, 'nft');
            await laboratory.client.sendRaw(segmentBytes({ ...segment, flags }), POD.ipv4);
            const told = traceIn(laboratory, `in tcp 10.0.0.9:41000 > :8080 flags ${flags === 2 ? 'syn' : 'ack'}`);
            expect(since(before, packetCounts(laboratory.pod, 'nft'))).toEqual(since(new Map(), matchedIn(told)));
        }
    });
});
test('a process that connects to no address in particular connects to its own host, and over TCP to no group', async () => {
    await inLaboratory('title: nothing\n', async ({ pod, snapshot }) => {
        for (const [family, any, own] of [
            ['ipv4', '0.0.0.0', '127.0.0.1'],
            ['ipv6', '[::]', '::1'],
        ]) {
            const program = `
        const { createServer, connect } = require('net');
        createServer().listen(7171, '${own}', () => {
          const socket = connect(7171, '${any.replace(/[[\]]/g, '')}', () => {
            console.log(socket.remoteAddress);
            process.exit();
          });
        });`;
            expect(pod.must([process.execPath, '-e', program]).trim()).toBe(own);
            const { packet, assumptions } = parseQuestion(`out tcp > ${any}:7171`, snapshot);
            expect(formatAddress(family, packet.destination)).toBe(own);
            expect(assumptions.join()).toContain(`${own} assumed (what`);
        }
        for (const [many, spoken] of [
            ['224.0.0.1', '224.0.0.1'],
            ['255.255.255.255', '255.255.255.255'],
            ['ff02::1%eth0', '[ff02::1]'],
        ]) {
            const program = `require('net').connect(80, '${many}').on('error', ({ code }) => console.log(code));`;
            expect(pod.must([process.execPath, '-e', program]).trim()).toBe('ENETUNREACH');
            expect(() => parseQuestion(`out tcp > ${spoken}:80`, snapshot)).toThrow('TCP speaks to one');
        }
    });
});
