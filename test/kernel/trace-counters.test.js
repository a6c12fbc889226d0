import { expect, test } from 'vitest';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { matchedIn, packetCounts, since, sum } from '../support/counters.ts';
import { readKernelCases } from '../support/kernel-case.ts';
import { foretold, observed, openLaboratory, written } from '../support/observe.ts';
/**
 * One datagram at a time, and nothing answers: every counter of every table that moves is that datagram's. So a rule
 * that the trace says matched has counted it, as often as the trace says, and no other rule has.
 */
// Datagrams of several users, and both back ends: not in an ordinary user's namespaces.
const cases = process.getuid?.() === 0 ? readKernelCases('kernel-counters') : [];
test.concurrent.for(cases)('$file: $title', { retry: 1 }, async (from, { expect }) => {
    const laboratory = await openLaboratory(from);
    try {
        const trace = prepare(laboratory.snapshot, from.proxyPorts);
        for (const { expression, expected } of from.packets) {
            const told = trace(parseQuestion(expression, laboratory.snapshot));
            expect(written(told.outcome), expression).toBe(expected);
            const before = packetCounts(laboratory.pod, from.backend);
            const answer = await laboratory.send(told, 100);
            const moved = since(before, packetCounts(laboratory.pod, from.backend));
            expect({ [expression]: observed(answer, told), ...moved }).toEqual({
                [expression]: foretold(told),
                ...since(new Map(), sum([matchedIn(told)])),
            });
        }
    }
    finally {
        laboratory.close();
    }
});
test('every case is run', () => {
    expect(readKernelCases('kernel-counters').length).toBeGreaterThan(0);
});
