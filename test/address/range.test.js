import fc from 'fast-check';
import { expect, test } from 'vitest';
import { complement, formatPortRange, holds, parsePort, parsePortRange, union, } from '../../src/address/index.ts';
const TOP = 40;
const ranges = fc.array(fc
    .tuple(fc.integer({ min: 0, max: TOP }), fc.integer({ min: 0, max: TOP }))
    .map(([a, b]) => (a <= b ? [a, b] : [b, a])), { maxLength: 8 });
const members = (of) => Array.from({ length: TOP + 1 }, (_, value) => value).filter((value) => holds(of, value));
test('a union holds the same values, in sorted ranges that do not touch', () => {
    fc.assert(fc.property(ranges, (of) => {
        const joined = union(of);
        expect(members(joined)).toEqual(members(of));
        for (const [index, [low]] of joined.entries())
            if (index > 0)
                expect(Number(low)).toBeGreaterThan(Number(joined[index - 1][1]) + 1);
    }));
});
test('a complement holds exactly the other values', () => {
    fc.assert(fc.property(ranges, (of) => {
        const others = complement(of, 0, TOP);
        const inside = new Set(members(of));
        expect(members(others)).toEqual(Array.from({ length: TOP + 1 }, (_, value) => value).filter((v) => !inside.has(v)));
    }));
});
test('the complement of everything is nothing, also at the end of 128 bits', () => {
    const top = (1n << 128n) - 1n;
    expect(complement([[0n, top]], 0n, top)).toEqual([]);
    expect(complement([[5n, top]], 0n, top)).toEqual([[0n, 4n]]);
});
test('ports are read as iptables takes them', () => {
    expect(parsePortRange('80')).toEqual([80, 80]);
    expect(parsePortRange('80:90')).toEqual([80, 90]);
    expect(parsePortRange(':1023')).toEqual([0, 1023]);
    expect(parsePortRange('1024:')).toEqual([1024, 65535]);
    expect(parsePortRange('80-90', '-')).toEqual([80, 90]);
    expect(formatPortRange([80, 90], '-')).toBe('80-90');
    for (const text of ['', '65536', '-1', '90:80', '8o', '1:2:3', '0x50'])
        expect(parsePortRange(text)).toBeUndefined();
    expect(parsePort('00080')).toBe(80);
});
