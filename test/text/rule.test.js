import { describe, expect, test } from 'vitest';
import { escapeControl, InputRefused, parseRule, printRule, sameRule } from '../../src/text/index.ts';
const nat = { family: 'ipv4', table: 'nat' };
const read = (words, table = 'nat') => parseRule(words, { ...nat, table });
describe('one rule, as it is typed after -A CHAIN', () => {
    test('the bypass of the 2018 post', () => {
        const rule = read('-p tcp --dport 8888 -j RETURN');
        expect(rule).toEqual({
            header: { protocol: { value: 6, negated: false } },
            matches: [{ kind: 'known', name: 'tcp', options: { destinationPort: { value: [8888, 8888], negated: false } } }],
            target: { kind: 'known', name: 'RETURN', options: {} },
        });
        expect(printRule(rule, 'ipv4')).toBe('-p tcp -m tcp --dport 8888 -j RETURN');
    });
    test('the empty rule matches everything and does nothing', () => {
        expect(read('')).toEqual({ header: {}, matches: [] });
        expect(printRule(read(''), 'ipv4')).toBe('');
    });
    test('a rule without its chains known may jump anywhere; with them only there', () => {
        expect(read('-j ISTIO_INBOUND').target).toEqual({ kind: 'jump', chain: 'ISTIO_INBOUND' });
        expect(parseRule('-g MINE', { ...nat, chains: ['MINE'] }).target).toEqual({ kind: 'goto', chain: 'MINE' });
        expect(() => parseRule('-j MINE', { ...nat, chains: [] })).toThrow('MINE is no target, and no chain of nat');
    });
    test('its chain, where known, decides what may stand in it', () => {
        const owner = '-m owner --uid-owner 1337 -j RETURN';
        expect(() => read(owner)).not.toThrow();
        expect(() => parseRule(owner, { ...nat, chain: 'OUTPUT' })).not.toThrow();
        expect(() => parseRule(owner, { ...nat, chain: 'PREROUTING' })).toThrow('owner cannot stand in PREROUTING');
        expect(() => parseRule('-o eth0', { ...nat, chain: 'PREROUTING' })).toThrow('-o cannot stand in PREROUTING');
    });
    test('a fault tells its place in the words', () => {
        expect(() => parseRule('-p tcp --dport 99999', { ...nat, source: 'the bypass' })).toThrow(new InputRefused('the bypass', [
            {
                line: 1,
                column: 16,
                length: 5,
                message: '99999 is not what --dport takes',
                excerpt: '-p tcp --dport 99999',
                mark: 15,
                hint: 'Expected a port from 0 to 65535, or a range like 8000:8999.',
            },
        ]));
    });
    test.for([
        ['-s 10.0.0.1,10.0.0.2', 'these are 2 rules'],
        ['-6 -j RETURN', 'the rule is for the other family'],
        ['-j RETURN\n-j ACCEPT', 'a rule is one line'],
        ['-m comment --comment "a\0b"', 'a NUL character'],
    ])('%s is not one rule of this family', ([words, message]) => {
        expect(() => read(words)).toThrow(message);
    });
    test('a user name keeps its word, but root is 0 everywhere', () => {
        const print = (words) => printRule(read(words), 'ipv4');
        expect(print('-m owner --uid-owner root --gid-owner istio-proxy')).toBe('-m owner --uid-owner 0 --gid-owner istio-proxy');
    });
});
describe('two rules are the same when the kernel holds them alike', () => {
    test.for([
        ['-p tcp --dport 80', '-p tcp -m tcp --dport http', 'nat'],
        ['-p 6 --syn', '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN', 'nat'],
        ['-s 10.1.2.3/8', '-s 10.0.0.0/255.0.0.0', 'nat'],
        ['-s 0.0.0.0/0 -p all', '', 'nat'],
        ['-j MARK --or-mark 3', '-j MARK --set-xmark 0x3/0x3', 'mangle'],
        ['-j REJECT', '-j REJECT --reject-with icmp-port-unreachable', 'filter'],
        ['-p tcp ! --dport :1023', '-p tcp --dport 1024:65535', 'nat'],
        ['-m limit', '-m limit --limit 3/hour --limit-burst 5', 'nat'],
    ])('%s and %s', ([one, other, table]) => {
        expect(sameRule(read(one, table), read(other, table), 'ipv4')).toBe(true);
    });
    test.for([
        ['-p tcp --dport 80', '-p tcp --dport 81'],
        ['-p tcp --dport 80', '-p tcp ! --dport 80'],
        ['-p tcp', '! -p tcp'],
        ['-j RETURN', '-j ACCEPT'],
        ['-m mark --mark 1 -m comment --comment x', '-m comment --comment x -m mark --mark 1'],
    ])('but not %s and %s', ([one, other]) => {
        expect(sameRule(read(one), read(other), 'ipv4')).toBe(false);
    });
    test('counters, line and reason do not count', () => {
        const rule = read('-j RETURN');
        const other = { ...rule, counters: { packets: 1n, bytes: 2n }, line: 3, reason: 'because' };
        expect(sameRule(rule, other, 'ipv4')).toBe(true);
    });
});
test('a rule that a program built without the defaults prints as the kernel would', () => {
    const target = { kind: 'known', name: 'TPROXY', options: { port: 15006 } };
    expect(printRule({ header: { protocol: { value: 6, negated: false } }, matches: [], target }, 'ipv6')).toBe('-p tcp -j TPROXY --on-port 15006 --on-ip :: --tproxy-mark 0x0/0x0');
});
test('no terminal obeys what is shown', () => {
    expect(escapeControl('plain text – ä 🙂')).toBe('plain text – ä 🙂');
    expect(escapeControl('\x1b]0;title\x07\r\n\x7f\x9b')).toBe('\\x1b]0;title\\x07\\x0d\\x0a\\x7f\\x9b');
    expect(escapeControl('\u202egnp.exe')).toBe('\\u202egnp.exe');
});
