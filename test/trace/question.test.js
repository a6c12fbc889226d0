import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../src/address/index.ts';
import { CTSTATE } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, QuestionRefused } from '../../src/trace/index.ts';
const nothing = { origin: 'a listing', held: [] };
const at = (value, length, scope) => ({ family: 'ipv4', value, length, secondary: false, scope });
const pod = {
    origin: 'a pod',
    held: [],
    interfaces: [
        { name: 'lo', index: 1, up: true, addresses: [at(0x7f000001, 8, 'host')] },
        { name: 'down0', index: 2, up: false, addresses: [at(0x0a630001, 24, 'global')] },
        { name: 'net1', index: 3, up: true, addresses: [at(0x0af40107, 24, 'global')] },
        { name: 'net2', index: 4, up: true, addresses: [at(0x0af50107, 24, 'global')] },
    ],
};
/** The parts of a packet that an expression decides, as one line. */
function line(packet) {
    const { family, source, sourcePort, destination, destinationPort } = packet;
    const ends = [
        [source, sourcePort],
        [destination, destinationPort],
    ];
    const [from, to] = ends.map(([address, port]) => `${formatAddress(family, address)} ${port ?? '-'}`);
    return `${packet.protocol} ${from} > ${to} ${packet.in || packet.out}`.trim();
}
describe('what is left out takes a default, and each default is said', () => {
    test.for([
        [
            'in tcp/8888',
            '6 10.0.0.9 40000 > 10.0.0.5 8888 eth0',
            ['source 10.0.0.9:40000 assumed', 'destination 10.0.0.5 assumed', 'interface eth0 assumed'],
        ],
        [
            'in tcp 10.0.0.9:41000 > :8888 on eth1',
            '6 10.0.0.9 41000 > 10.0.0.5 8888 eth1',
            ['destination 10.0.0.5 assumed'],
        ],
        [
            'in tcp 10.0.0.10 > 10.9.9.9:80',
            '6 10.0.0.10 40000 > 10.9.9.9 80 eth0',
            ['source port 40000 assumed', '10.9.9.9 assumed (an address of this host)', 'interface eth0 assumed'],
        ],
        [
            'in tcp [2001:db8::9]:40000 > [2001:db8::5]:8080 on eth0',
            '6 2001:db8::9 40000 > 2001:db8::5 8080 eth0',
            ['2001:db8::5 assumed (an address of this host)'],
        ],
        [
            'in icmp',
            '1 10.0.0.9 - > 10.0.0.5 - eth0',
            ['source 10.0.0.9 assumed', 'destination 10.0.0.5 assumed', 'interface eth0 assumed', 'an echo request assumed'],
        ],
        [
            'out tcp > 10.0.0.5:80 uid 1000',
            '6 10.0.0.9 40000 > 10.0.0.5 80',
            ['source 10.0.0.9:40000 assumed', 'interface eth0 assumed', 'gid 1000 assumed'],
        ],
        [
            'out udp > 10.96.0.10:53 uid 1337 gid 1337 on eth0',
            '17 10.0.0.5 40000 > 10.96.0.10 53 eth0',
            ['source 10.0.0.5:40000 assumed'],
        ],
        [
            'out tcp/80 gid 7',
            '6 10.0.0.5 40000 > 10.0.0.9 80',
            [
                'source 10.0.0.5:40000 assumed',
                'destination 10.0.0.9 assumed (another host)',
                'interface eth0 assumed',
                'uid 1000 assumed (an app, not the proxy)',
            ],
        ],
        [
            'self tcp/8080',
            '6 10.0.0.5 40000 > 10.0.0.5 8080',
            [
                'source 10.0.0.5:40000 assumed',
                'destination 10.0.0.5 assumed (its own address)',
                'uid and gid 1000 assumed (an app, not the proxy)',
            ],
        ],
        ['out tcp > 127.0.0.1:80 uid 0 gid 0', '6 127.0.0.1 40000 > 127.0.0.1 80', ['source 127.0.0.1:40000 assumed']],
    ])('%s', ([expression, expected, assumptions]) => {
        const question = parseQuestion(expression, nothing);
        expect(line(question.packet)).toBe(expected);
        expect(question.assumptions).toEqual(assumptions);
    });
});
describe('where the interfaces are known, they decide', () => {
    test.for([
        ['in tcp/80', '6 10.0.0.9 40000 > 10.244.1.7 80 net1'],
        ['in tcp > 10.245.1.7:80', '6 10.0.0.9 40000 > 10.245.1.7 80 net2'],
        ['in tcp 10.245.1.1 > 10.244.1.7:80', '6 10.245.1.1 40000 > 10.244.1.7 80 net2'],
        ['in tcp/80 on net2', '6 10.0.0.9 40000 > 10.245.1.7 80 net2'],
        ['out tcp > 10.245.1.1:80', '6 10.245.1.7 40000 > 10.245.1.1 80'],
        ['out tcp > 8.8.8.8:80', '6 10.244.1.7 40000 > 8.8.8.8 80'],
        ['out tcp > 10.245.1.7:80', '6 10.245.1.7 40000 > 10.245.1.7 80'],
        ['self tcp/80', '6 10.244.1.7 40000 > 10.244.1.7 80'],
    ])('%s', ([expression, expected]) => {
        expect(line(parseQuestion(expression, pod).packet)).toBe(expected);
    });
});
test('the family comes from the addresses, else from the caller, else it is IPv4', () => {
    const family = (expression, options = {}) => parseQuestion(expression, nothing, options).packet.family;
    expect(family('in tcp/80')).toBe('ipv4');
    expect(family('in tcp/80', { family: 'ipv6' })).toBe('ipv6');
    expect(family('in tcp 2001:db8::9 > :80')).toBe('ipv6');
    expect(family('in icmpv6')).toBe('ipv6');
    expect(parseQuestion('in icmp', nothing, { family: 'ipv6' }).packet).toMatchObject({ protocol: 58, icmpType: 128 });
    expect(() => family('in tcp 10.0.0.9 > :80', { family: 'ipv6' })).toThrow(QuestionRefused);
});
test('options', () => {
    const { packet } = parseQuestion('in tcp/80 mark 0x539 flags syn,ack state established at 2026-11-23T12:00:00Z', nothing);
    expect(packet).toMatchObject({ mark: 0x539, tcpFlags: 18, ctstate: CTSTATE.ESTABLISHED, time: 1795435200 });
    expect(parseQuestion('in icmp type 3/1', nothing).packet).toMatchObject({ icmpType: 3, icmpCode: 1 });
    expect(parseQuestion('in icmp type 3/1', nothing).packet.ctstate).toBe(CTSTATE.INVALID);
    expect(parseQuestion('in icmpv6 type 135', nothing).packet.ctstate).toBe(CTSTATE.UNTRACKED);
    expect(parseQuestion('in tcp/80 flags syn,fin', nothing).packet.ctstate).toBe(CTSTATE.INVALID);
    expect(parseQuestion('in tcp/80 flags ack', nothing).packet.ctstate).toBe(CTSTATE.NEW);
    expect(parseQuestion('in tcp 10.0.0.9 > 10.1.0.7:80 via eth1', nothing).packet.out).toBe('eth1');
    expect(parseQuestion('IN TCP/80 ON eth0', nothing).packet.in).toBe('eth0');
});
test('names stand for the numbers that rules know them by', () => {
    expect(parseQuestion('in tcp/http', nothing).packet.destinationPort).toBe(80);
    expect(parseQuestion('out tcp > 10.0.0.9:https', nothing).packet.destinationPort).toBe(443);
    expect(parseQuestion('in icmp echo-reply', nothing).packet).toMatchObject({ icmpType: 0, icmpCode: 0 });
    expect(parseQuestion('in icmp type port-unreachable', nothing).packet).toMatchObject({ icmpType: 3, icmpCode: 3 });
    expect(parseQuestion('in icmpv6 echo-request', nothing).packet.icmpType).toBe(128);
    expect(parseQuestion('in icmp echo-request', nothing, { family: 'ipv6' }).packet.icmpType).toBe(128);
});
test('the clock is said only where a rule reads it', () => {
    const now = Date.UTC(2026, 10, 23, 12);
    expect(parseQuestion('in tcp/80', nothing, { now }).assumptions.join()).not.toContain('time');
    const [rules] = parseSave('*filter\n-A INPUT -m time --datestop 2026-11-23T13:00:00 -j DROP\nCOMMIT\n');
    const snapshot = { origin: 'timed', held: [{ backend: 'nft', rules: rules }] };
    const question = parseQuestion('in tcp/80', snapshot, { now });
    expect(question.assumptions).toContain('time 2026-11-23T12:00:00Z assumed (now)');
    expect(question.packet.time).toBe(now / 1000);
});
describe('what cannot be read is refused with its place and a way out', () => {
    test.for([
        ['', 1, 'there is no packet here', 'in tcp/8888'],
        ['on tcp/80', 1, '"on" is no direction', 'Did you mean in?'],
        ['8888', 1, '"8888" is no direction', "Did you mean 'in tcp/8888'?"],
        ['tcp/80 flags ack', 1, '"tcp/80" is no direction', "Did you mean 'in tcp/80 flags ack'?"],
        ['in', 3, 'a protocol is missing', 'Expected tcp'],
        ['in tpc/8888', 4, '"tpc" is no protocol', 'Did you mean tcp?'],
        ['in tcp/88888', 8, '"88888" is no port', '0 to 65535'],
        ['in tcp/no-such', 8, '"no-such" is no port', 'http'],
        ['in tcp', 4, 'to which port?', 'tcp/8080'],
        ['in icmp/8', 4, 'icmp has no ports', 'Leave "/8" out'],
        ['in tcp 10.0.0.9:40000', 8, 'does it come from', '10.0.0.9:40000 > …'],
        ['in tcp >', 9, 'the destination is missing', '10.0.0.5:80'],
        ['in tcp > :80 > :90', 14, 'a second arrow', 'one destination'],
        ['in tcp > 10.0.0.5:80 udi 4', 22, '"udi" is one too many', 'Did you mean uid?'],
        ['in tcp > 10.0.0.256:80', 10, '"10.0.0.256:80" is not understood', 'an address'],
        ['in tcp > 2001:db8::5%eth0:80', 10, 'is not understood', '[2001:db8::5]:80'],
        ['in tcp 10.0.0.9 > [2001:db8::5]:80', 19, 'is IPv6', 'one family'],
        ['in icmp 2001:db8::1 > 2001:db8::5', 9, 'icmpv6', 'Write icmpv6'],
        ['out tcp > 224.0.0.1:80', 11, '224.0.0.1 is many hosts', 'udp'],
        ['out tcp > 255.255.255.255:80', 11, 'is many hosts', 'udp'],
        ['self tcp > [ff02::1]:80', 12, 'ff02::1 is many hosts', 'udp'],
        ['in tcp/80 > :81', 13, 'port 81 here, port 80 before', 'once'],
        ['in tcp/80 on lo', 14, 'nothing comes in from outside on lo', 'self tcp/8080'],
        ['in tcp/80 uid 5', 15, 'has no owner here', 'out tcp'],
        ['self tcp/80 via eth1', 17, 'does not leave', 'out'],
        ['in udp/53 flags syn', 17, 'only tcp has flags', 'out'],
        ['in tcp/80 flags syn,ak', 21, '"ak" is no TCP flag', 'Did you mean ack?'],
        ['in tcp/80 state foo', 17, '"foo" is no connection state', 'established'],
        ['in tcp/80 at tomorrow', 14, '"tomorrow" is no time', '2026-11-23T12:00:00Z'],
        ['out tcp/80 uid', 12, 'uid what?', 'missing'],
        ['out tcp/80 uid 1 uid 2', 18, 'uid is said twice', 'once'],
        ['out tcp/80 mark 4294967296', 17, 'no number of 32 bits', '0x539'],
        ['in tcp/80 on a/b', 14, '"a/b" is no interface', 'eth0'],
    ])('%s', ([expression, position, what, hint]) => {
        const refused = refusalOf(expression);
        expect(refused.position).toBe(position);
        const [first, excerpt, caret] = refused.message.split('\n');
        expect(first).toContain(`packet:1:${position}: `);
        expect(first).toContain(what);
        expect(refused.hint).toContain(hint);
        expect(excerpt).toBe(`  ${expression}`);
        expect(caret).toMatch(new RegExp(`^ {${position + 1}}\\^+$`));
    });
    test('escape sequences in a packet are not printed raw', () => {
        const { message } = refusalOf('in t\x1b[31mcp/80');
        expect(message).not.toContain('\x1b');
        expect(message).toContain('in t\\x1b[31mcp/80');
    });
});
function refusalOf(expression) {
    try {
        parseQuestion(expression, nothing);
    }
    catch (error) {
        if (error instanceof QuestionRefused)
            return error;
        throw error;
    }
    throw new Error(`"${expression}" was read`);
}
