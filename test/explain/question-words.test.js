import { describe, expect, test } from 'vitest';
import { boxesOf, difference, reach } from '../../src/analysis/index.ts';
import { boxWords, questionWords } from '../../src/explain/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, prepareOutcome } from '../../src/trace/index.ts';
const held = (text) => ({
    origin: 'a text',
    held: parseSave(text).map((rules) => ({ backend: 'nft', rules })),
});
const NOTHING = held('*filter\nCOMMIT\n');
const dropping = (rule) => held(`*filter\n-A ${rule} -j DROP\nCOMMIT\n`);
/** Each change between no rule and one that drops, in both directions. */
const changes = (after) => ['in', 'out'].flatMap((direction) => difference({ snapshot: NOTHING, proxyPorts: [] }, { snapshot: after, proxyPorts: [] }, 'ipv4', direction).map((change) => ({ direction, ...change })));
/** Rules that ask for what people seldom speak of. */
const ODD = [
    'INPUT -m mac --mac-source 00:11:22:33:44:55',
    'INPUT -m mac ! --mac-source 00:11:22:33:44:55',
    'INPUT -p icmp -m icmp --icmp-type 3/4',
    'INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN',
    'INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK',
    'INPUT -m length --length 100:200',
    'INPUT -m length ! --length 60',
    'INPUT -m ttl --ttl-lt 5',
    'INPUT -m dscp --dscp 0x2e',
    'INPUT -m dscp ! --dscp 0x2e',
    'INPUT -m tos --tos 0x10',
    'INPUT -p tcp -m ecn --ecn-ip-ect 2',
    'INPUT -m pkttype --pkt-type multicast',
    'INPUT -m policy --dir in --pol ipsec',
    'INPUT -p esp -m esp --espspi 500',
    'INPUT -m mark --mark 0x10/0xf0',
    'INPUT -m conntrack --ctstate INVALID',
    'INPUT -m conntrack --ctstate RELATED',
    'OUTPUT -o eth1',
    'FORWARD -o eth1',
    'FORWARD -p udp',
    'OUTPUT -m owner --uid-owner 7',
    'OUTPUT -m owner ! --socket-exists',
];
describe('what an answer says of a packet can be asked again', () => {
    test.each(ODD)('%s: the example, as it stands, is dropped by the rule, and was not before', (rule) => {
        const after = dropping(rule);
        const found = changes(after);
        expect(found).not.toEqual([]);
        for (const { surely } of found) {
            const words = questionWords(surely.witness());
            const [was, is] = [NOTHING, after].map((snapshot) => prepareOutcome(snapshot, [])(parseQuestion(words, snapshot)));
            expect([words, is?.kind]).toEqual([words, 'dropped']);
            expect(was?.kind).not.toBe('dropped');
            // And is the same packet, to the letter.
            expect(questionWords(parseQuestion(words, after))).toBe(words);
        }
    });
    test('what has no owner has none; and not in a packet from elsewhere', () => {
        const { packet } = parseQuestion('out tcp/80 from no program', NOTHING);
        expect([packet.owned, packet.uid]).toEqual([0, undefined]);
        expect(() => parseQuestion('in tcp/80 no program', NOTHING)).toThrow('has no owner here');
        expect(() => parseQuestion('out tcp/80 no program uid 7', NOTHING)).toThrow('an owner is said, too');
        expect(() => parseQuestion('out tcp/80 no socket', NOTHING)).toThrow('"socket" is no sender');
    });
    test('a word that leads no option, and an end that is none, are refused as ever', () => {
        expect(() => parseQuestion('in tcp/80 with', NOTHING)).toThrow('"with" is not understood');
        expect(() => parseQuestion('in tcp/80, a strange connection', NOTHING)).toThrow();
    });
});
describe('boxes in words', () => {
    const words = (rule) => changes(dropping(rule)).flatMap(({ direction, surely }) => direction === 'in' ? boxesOf(surely).boxes.map((box) => boxWords(box, 'ipv4', direction)) : []);
    const dropped = (rules, direction, family = 'ipv4') => {
        const snapshot = held(`# family ${family}\n*filter\n${rules}\nCOMMIT\n`);
        const ends = reach({ snapshot, proxyPorts: [] }, family, direction);
        const set = ends.find(({ end }) => end.kind === 'dropped').surely.opening.ordinary;
        return boxesOf(set).boxes.map((box) => boxWords(box, family, direction));
    };
    test.each([
        ['-A FORWARD -o eth1 -p tcp -j DROP', 'tcp, sent on by eth1'],
        ['-A FORWARD ! -o eth1 -p tcp -j DROP', 'tcp, sent on by any interface but eth1'],
        ['-A FORWARD -p udp -j DROP', 'udp, sent on by any interface'],
        ['-A FORWARD -o eth1 -j ACCEPT\n-A FORWARD -o eth2 -p udp -j DROP', 'udp, sent on by eth2'],
        ['-A FORWARD -o eth1 -p udp -j DROP\n-A FORWARD -o eth2 -p udp -j DROP', 'udp, sent on by eth1 or eth2'],
        ['-A INPUT -p udp -j DROP\n-A FORWARD -o eth1 -j ACCEPT', 'udp, for this host'],
        ['-A INPUT -p udp -j DROP\n-A FORWARD -o eth1 -p udp -j DROP', 'udp, for this host or sent on by eth1'],
        [
            '-A INPUT -p udp -j DROP\n-A FORWARD ! -o eth1 -p udp -j DROP',
            'udp, for this host or sent on by any interface but eth1',
        ],
    ])('what is sent on is not for this host: %s', (rules, said) => {
        expect(dropped(rules, 'in')).toEqual([said]);
    });
    test('what goes by its route is said beside what leaves by an interface that a rule names', () => {
        const rules = '-A OUTPUT -o eth2 -p icmp -j ACCEPT\n-A OUTPUT ! -o eth1 -p udp -j DROP';
        expect(dropped(rules, 'out')).toEqual(['udp, by its route or leaving by eth2']);
        expect(dropped('-A OUTPUT ! -o eth0 -p udp -j DROP', 'out')).toContain('udp, leaving by another interface');
    });
    test('what has no ports is in no range of them, but it is at none of those that are left out', () => {
        const accepting = (...rules) => dropped(`${rules.map((rule) => `-A INPUT ${rule} -j ACCEPT\n`).join('')}-A INPUT -j DROP`, 'in');
        expect([
            accepting('-p tcp -m tcp --dport 80:65535', '-p udp -m udp --dport 80:65535'),
            accepting('-p tcp -m tcp --dport 0:79'),
            accepting('-p icmp -m icmp --icmp-type 8', '-p tcp -m tcp --dport 22'),
        ]).toEqual([
            ['any protocol to any port but 80–65535', 'any protocol but tcp, udp'],
            ['any protocol but tcp', 'any protocol to port 80–65535'],
            [
                'any protocol but icmp to any port but 22',
                'any protocol, any icmp type but 8, to any port but 22',
                'udp, dccp, sctp, udplite, to port 22–65535',
            ],
        ]);
    });
    test('of addresses under a mask every bit is said', () => {
        expect(dropped('-A INPUT -p tcp -d 10.0.0.5/255.0.0.255 -j DROP\n-A INPUT -p tcp -d 192.168.0.0/16 -j DROP', 'in')).toEqual(['tcp to 10.0.0.5/255.0.0.255 or 192.168.0.0/16']);
        const six = '-A INPUT -p tcp -d 2001:db8::5/ffff:ffff::ffff -j DROP\n-A INPUT -p tcp -d 2001:db9::7:5 -j DROP';
        expect(dropped(six, 'in', 'ipv6')).toEqual(['tcp to 2001:db8::5/ffff:ffff::ffff or 2001:db9::7:5']);
    });
    test('flags are of tcp, and types of icmp, though neither is asked for beside them', () => {
        expect(words('INPUT -p tcp -m tcp --tcp-flags SYN,ACK SYN')).toEqual(['tcp, with flags SYN of SYN,ACK']);
        expect(words('INPUT -p icmp -m icmp --icmp-type 8')).toEqual(['icmp type 8']);
    });
    test('a field that is asked for whole is said whole', () => {
        expect(words('INPUT -p tcp -m tos --tos 0x10')).toEqual(['tcp, with DSCP 4, with ECN 0']);
    });
});
test('what the kernel does at random may end as before', () => {
    const of = (rule) => changes(dropping(rule)).map(({ atTimes }) => atTimes);
    expect(new Set(of('INPUT -p tcp -m statistic --mode random --probability 0.5'))).toEqual(new Set([true]));
    expect(new Set(of('INPUT -p tcp'))).toEqual(new Set([false]));
});
