import { describe, expect, test } from 'vitest';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
/** What becomes of a packet under rules of one table. */
function ends(packet, table, ...rules) {
    const text = `*${table}\n${rules.map((rule) => `-A ${rule}\n`).join('')}COMMIT\n`;
    const snapshot = { origin: 'a test', held: [{ backend: 'nft', rules: parseSave(text)[0] }] };
    return trace(snapshot, parseQuestion(packet, snapshot), []);
}
const kind = (packet, table, ...rules) => ends(packet, table, ...rules).outcome.kind;
describe('what a target writes, later rules read', () => {
    test.for([
        ['in tcp/80', 'DSCP --set-dscp-class EF', '-m tos --tos 0xb8/0xfc', 'dropped'],
        ['in tcp/80', 'TOS --set-tos 0x10', '-m tos --tos 0x10', 'dropped'],
        ['in tcp/80', 'TOS --set-tos 0x10', '-m dscp --dscp 5', 'app'],
        ['in tcp/80 dscp ef', 'TOS --and-tos 0x7f', '-m dscp --dscp 14', 'dropped'],
        ['in tcp/80 dscp 46 ecn 1', 'TOS --xor-tos 0x03', '-m tos --tos 0xba', 'dropped'],
        ['in tcp/80', 'TTL --ttl-set 3', '-m ttl --ttl-eq 3', 'dropped'],
        ['in tcp/80', 'HMARK --hmark-tuple src --hmark-mod 9 --hmark-rnd 1', '-m mark --mark 1', 'unknown'],
        ['in tcp/80 flags syn,ece,cwr', 'ECN --ecn-tcp-remove -p tcp', '-p tcp -m ecn --ecn-tcp-cwr', 'app'],
        ['in tcp/80 flags syn,ece,cwr', 'LOG', '-p tcp -m ecn --ecn-tcp-cwr', 'dropped'],
        ['in tcp/80', 'CONNMARK --set-mark 0x11 --left-shift-mark 4', '-m connmark --mark 0x110', 'dropped'],
    ])('%s, -j %s, %s: %s', ([packet, writes, reads, expected]) => {
        expect(kind(packet, 'mangle', `PREROUTING -j ${writes}`, `PREROUTING ${reads} -j DROP`)).toBe(expected);
    });
    test('a TTL stays between 0 and 255', () => {
        const later = (change, hops) => kind('in tcp/80', 'mangle', 'PREROUTING -j TTL --ttl-set 250', `PREROUTING -j TTL ${change}`, `PREROUTING -m ttl --ttl-eq ${hops} -j DROP`);
        expect(later('--ttl-inc 100', 255)).toBe('dropped');
        expect(later('--ttl-dec 251', 0)).toBe('dropped');
        expect(later('--ttl-dec 249', 1)).toBe('dropped');
    });
});
test('what is not told is not known', () => {
    expect(kind('in tcp/80', 'mangle', 'PREROUTING -m dscp --dscp 46 -j DROP')).toBe('unknown');
    expect(kind('in tcp/80 dscp af41', 'mangle', 'PREROUTING -m dscp --dscp-class AF41 -j DROP')).toBe('dropped');
});
test('a queue hands the packet to a program; with a bypass it passes where none listens', () => {
    expect(ends('in tcp/80', 'filter', 'INPUT -j NFQUEUE').outcome).toEqual({
        kind: 'unknown',
        because: 'filter INPUT 1 hands it to a program',
    });
    const { outcome, possible } = ends('in tcp/80', 'filter', 'INPUT -j NFQUEUE --queue-bypass', 'INPUT -j DROP');
    expect(outcome.kind).toBe('unknown');
    // It passes on to the next table: the rule after it is not asked.
    expect(possible.map(({ outcome: { kind: end } }) => end)).toEqual(['unknown', 'app']);
});
