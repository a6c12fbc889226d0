import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressesIn, answerTo, failureTo, questionOf } from '../../src/run/dns-message.ts';
/** A question for the address of www.example.test, as a resolver sends it. */
const QUERY = Buffer.from('00070100000100000000000003777777076578616d706c6504746573740000010001', 'hex');
/** The query with answers, each in hexadecimal. */
const answered = (...answers) => Buffer.concat([
    QUERY.subarray(0, 6),
    Buffer.of(0, answers.length),
    QUERY.subarray(8),
    ...answers.map((answer) => Buffer.from(answer, 'hex')),
]);
test('what a question asks for', () => {
    expect(questionOf(QUERY)).toEqual({ name: 'www.example.test', type: 1, end: QUERY.length });
    expect(questionOf(QUERY.subarray(0, -1))).toBeUndefined();
});
test('a name is told in plain characters, whatever bytes it has', () => {
    const odd = Buffer.from(QUERY);
    odd.set([0x1b, 0x2e, 0x57], 13);
    expect(questionOf(odd)?.name).toBe('\\027\\046w.example.test');
});
test('several addresses, behind a name that points at another', () => {
    const message = answered('c00c000500010000003c0002c010', 'c010000100010000003c00047f000001', 'c010000100010000003c00047f000002', 'c010001c00010000003c001000000000000000000000000000000001');
    expect(addressesIn(message)).toEqual(['127.0.0.1', '127.0.0.2', '::1']);
    expect(addressesIn(message.subarray(0, -3))).toEqual(['127.0.0.1', '127.0.0.2']);
});
test('answers of our own can be read', () => {
    const question = questionOf(QUERY);
    const answer = answerTo(QUERY, question, '10.77.0.1');
    expect(addressesIn(answer)).toEqual(['10.77.0.1']);
    expect(answer.subarray(0, 4).toString('hex')).toBe('00078180');
    const sixth = answerTo(QUERY, { ...question, type: 28 }, '10.77.0.1');
    expect([addressesIn(sixth), sixth[3] & 15]).toEqual([[], 0]);
    const failed = failureTo(QUERY, question);
    expect([addressesIn(failed), failed[3] & 15]).toEqual([[], 2]);
});
test('whatever bytes come, reading them ends, and says what could be read', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(199), fc.nat(255), (bytes, at, value) => {
        expect(addressesIn(bytes)).toEqual(expect.any(Array));
        const harmed = answered('c010000100010000003c00047f000001', 'c010000100010000003c00047f000002');
        harmed[at % harmed.length] = value;
        expect(addressesIn(harmed).length).toBeLessThanOrEqual(256);
    }));
});
