import { describe, expect, test } from 'vitest';
import { UDP } from '../../../src/netfilter/index.ts';
import { parseQuestion, prepare } from '../../../src/trace/index.ts';
import { packetCounts, since } from '../../support/counters.ts';
import { parseCase } from '../../support/kernel-case.ts';
import { CLIENT, POD } from '../../support/namespace.ts';
import { openLaboratory } from '../../support/observe.ts';
// Facts that one connection does not show: several packets, counted.
const root = process.getuid?.() === 0;
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
/** Datagrams from one port, or from as many as there are datagrams. */
async function sendMany({ client }, count, fromPort) {
    for (let number = 0; number < count; number += 1) {
        const port = fromPort ?? 42000 + number;
        await client.send({ protocol: 'udp', to: POD.ipv4, port: 8125, from: CLIENT.ipv4, fromPort: port }, 60);
    }
}
const followed = (snapshot, expression) => prepare(snapshot, [])(parseQuestion(expression, snapshot));
test.runIf(root)('fact 5: datagrams without an answer are all NEW, and nat is asked about the first', async () => {
    const rules = `title: no answer
mute: yes

== ipv4
*mangle
-A PREROUTING -p udp -m udp --dport 8125 -m conntrack --ctstate NEW
COMMIT
*nat
-A PREROUTING -p udp -m udp --dport 8125
COMMIT
`;
    await inLaboratory(rules, async (laboratory) => {
        const before = packetCounts(laboratory.pod, 'nft');
        await sendMany(laboratory, 3, 43000);
        const counted = since(before, packetCounts(laboratory.pod, 'nft'));
        expect(counted).toEqual({ 'ipv4 mangle PREROUTING 1': 3, 'ipv4 nat PREROUTING 1': 1 });
        const { steps } = followed(laboratory.snapshot, 'in udp/8125');
        expect(steps.filter((step) => step.kind === 'rule' && step.answer === 'matched')).toHaveLength(2);
    });
});
describe.runIf(root)('fact 25: statistic --mode nth counts, and Sidestep says that either may be', () => {
    test.for([
        [0, 3],
        [2, 2],
    ])('every 3, packet %d: %d of 7', async ([packet, times]) => {
        const rules = `title: nth
mute: yes

== ipv4
*filter
-A INPUT -p udp -m udp --dport 8125 -m statistic --mode nth --every 3 --packet ${packet} -j DROP
COMMIT
`;
        await inLaboratory(rules, async (laboratory) => {
            await sendMany(laboratory, 7);
            const counted = Object.fromEntries(packetCounts(laboratory.pod, 'nft'));
            expect(counted).toEqual({ 'ipv4 filter INPUT 1': times });
            const told = followed(laboratory.snapshot, 'in udp/8125');
            expect(told.outcome.kind).toBe('unknown');
            expect(told.possible.map(({ outcome }) => outcome.kind).sort()).toEqual(['app', 'dropped']);
        });
    });
});
describe.runIf(root)('fact 24: sets look at the ends in the order of their names', () => {
    test('dst,dst is not src,dst; nomatch excludes, --return-nomatch turns it round', async () => {
        await inLaboratory('title: sets\nmute: yes\n', async (laboratory) => {
            const { pod } = laboratory;
            pod.must(['ipset', 'restore'], {
                input: `create ends hash:ip,port
add ends 10.0.0.5,udp:8125
create nets hash:net
add nets 10.0.0.0/24
add nets 10.0.0.9 nomatch
`,
            });
            pod.must(['iptables-nft-restore'], {
                input: `*filter
-A INPUT -p udp -m set --match-set ends dst,dst
-A INPUT -p udp -m set --match-set ends src,dst
-A INPUT -p udp -m set --match-set ends dst,src
-A INPUT -p udp -m set --match-set nets src
-A INPUT -p udp -m set ! --match-set nets src
-A INPUT -p udp -m set --match-set nets src --return-nomatch
-A INPUT -p udp -m set --match-set nets dst
COMMIT
`,
            });
            await sendMany(laboratory, 1);
            const { steps } = followed(await laboratory.read(), `in udp 10.0.0.9:42000 > :8125`);
            const told = steps.flatMap((step) => step.kind === 'rule' && step.answer === 'matched' ? [[`ipv4 filter ${step.chain} ${step.number}`, 1]] : []);
            expect(Object.fromEntries(told)).toEqual(Object.fromEntries(packetCounts(pod, 'nft')));
        });
    });
});
describe.runIf(root)('fact 27: on well-formed packets both back ends agree', () => {
    const rules = (backend) => `title: both
backend: ${backend}
mute: yes

== ipv4
*mangle
:MINE - [0:0]
-A PREROUTING -p udp -m multiport --dports 8000:9000 -j MARK --set-xmark 0x5/0xf
-A PREROUTING -m mark --mark 0x5/0xf -g MINE
-A PREROUTING -p udp
-A MINE -s 10.0.0.0/255.0.0.255 -j RETURN
-A MINE -m conntrack --ctstate NEW -j CONNMARK --save-mark
-A MINE -m addrtype --dst-type LOCAL
COMMIT
*filter
-A INPUT -m connmark --mark 0x5 -m iprange --src-range 10.0.0.1-10.0.0.10
-A INPUT -p udp -m udp ! --sport 42001
-A INPUT -m length --length 20:100
COMMIT
`;
    test('the same rules count the same', async () => {
        const counts = [];
        for (const backend of ['nft', 'legacy']) {
            await inLaboratory(rules(backend), async (laboratory) => {
                await sendMany(laboratory, 3);
                counts.push(since(new Map(), packetCounts(laboratory.pod, backend)));
            });
        }
        expect(counts[1]).toEqual(counts[0]);
        expect(Object.keys(counts[0] ?? {}).length).toBeGreaterThan(5);
    });
});
/** The two fragments of a datagram: a header and eight bytes each. */
function fragmentsOf(port) {
    return [0, 1].map((index) => {
        const bytes = new Uint8Array(28);
        const view = new DataView(bytes.buffer);
        view.setUint8(0, 0x45);
        view.setUint16(2, bytes.length);
        view.setUint16(4, 77);
        view.setUint16(6, index === 0 ? 0x2000 : 1);
        view.setUint8(8, 64);
        view.setUint8(9, UDP);
        bytes.set(CLIENT.ipv4.split('.').map(Number), 12);
        bytes.set(POD.ipv4.split('.').map(Number), 16);
        if (index === 0) {
            view.setUint16(20, 42000);
            view.setUint16(22, port);
            view.setUint16(24, 16);
        }
        return bytes;
    });
}
describe.runIf(root)('fact 22: fragments', () => {
    const rules = (more) => `title: fragments
mute: yes

== ipv4
*raw
-A PREROUTING -p udp -f
-A PREROUTING -p udp ! -f
COMMIT
*mangle
-A PREROUTING -p udp -f -m udp --dport 8125
-A PREROUTING -p udp -m multiport --dports 8125
-A PREROUTING -p udp -m multiport ! --dports 9
COMMIT
*filter
-A INPUT -p udp -f
-A INPUT -p udp -m udp --dport 8125
${more}COMMIT
`;
    /** The rules that match each of the two, and those of which it is not known. */
    const told = (snapshot, answer) => ['in udp/8125', 'in udp/8125 fragment'].flatMap((expression) => followed(snapshot, expression).steps.flatMap((step) => step.kind === 'rule' && step.answer === answer ? [`ipv4 ${step.table} ${step.chain} ${step.number}`] : []));
    const afterBoth = async (laboratory) => {
        for (const fragment of fragmentsOf(8125))
            await laboratory.client.sendRaw(fragment, POD.ipv4);
        return since(new Map(), packetCounts(laboratory.pod, 'nft'));
    };
    test('while connection tracking is off raw sees each, INPUT the whole; multiport, negated or not, fails on the second', async () => {
        await inLaboratory(rules(''), async (laboratory) => {
            const counted = await afterBoth(laboratory);
            const { 'ipv4 mangle PREROUTING 1': _maybe, ...certain } = counted;
            // Both fragments are one datagram in INPUT.
            expect([...new Set(told(laboratory.snapshot, 'matched'))].sort()).toEqual(Object.keys(certain));
            // What stands where the ports would be may be 8125, or not: nft reads it.
            expect(told(laboratory.snapshot, 'undecided')).toContain('ipv4 mangle PREROUTING 1');
            expect(counted).toMatchObject({
                'ipv4 raw PREROUTING 1': 1,
                'ipv4 raw PREROUTING 2': 1,
                'ipv4 mangle PREROUTING 2': 1,
                'ipv4 mangle PREROUTING 3': 1,
                'ipv4 filter INPUT 2': 1,
            });
        });
    });
    test('while it is on nobody sees any: they are put together before', async () => {
        await inLaboratory(rules('-A FORWARD -m conntrack --ctstate NEW\n'), async (laboratory) => {
            const counted = await afterBoth(laboratory);
            expect([...new Set(told(laboratory.snapshot, 'matched'))].sort()).toEqual(Object.keys(counted));
            expect(counted).toEqual({
                'ipv4 raw PREROUTING 2': 1,
                'ipv4 mangle PREROUTING 2': 1,
                'ipv4 mangle PREROUTING 3': 1,
                'ipv4 filter INPUT 2': 1,
            });
        });
    });
});
