import fc from 'fast-check';
import { expect, test } from 'vitest';
import { leadsBack } from '../../src/trace/loops.ts';
/** The same by following every way. */
function leadsBackPlainly(next, from, to) {
    const seen = new Set([to]);
    for (const name of seen)
        for (const other of next.get(name) ?? [])
            seen.add(other);
    return seen.has(from);
}
test('a jump is part of a circle where its end leads back to its beginning', () => {
    const name = fc.integer({ min: 0, max: 7 }).map(String);
    fc.assert(fc.property(fc.dictionary(name, fc.array(name, { maxLength: 4 })), (jumps) => {
        const next = new Map(Object.entries(jumps));
        const looping = leadsBack(next);
        for (const [from, ways] of next)
            for (const to of ways)
                expect(looping(from, to)).toBe(leadsBackPlainly(next, from, to));
    }), { numRuns: 2000, seed: 8888 });
});
test('a hundred thousand chains, one inside the other, are no trouble', () => {
    const count = 100_000;
    const next = new Map(Array.from({ length: count }, (_, at) => [`${at}`, at + 1 < count ? [`${at + 1}`] : []]));
    expect(leadsBack(next)('0', '1')).toBe(false);
    expect(leadsBack(new Map([...next, [`${count - 1}`, ['0']]]))('0', '1')).toBe(true);
});
