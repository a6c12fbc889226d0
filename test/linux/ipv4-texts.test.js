import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress } from '../../src/address/index.ts';
import { Ipv4Texts } from '../../src/linux/epoll/ipv4-texts.ts';
test('a number and its text are each other’s, whatever was asked before', () => {
    const texts = new Ipv4Texts();
    fc.assert(fc.property(fc.nat(0xffff_ffff), fc.boolean(), (value, first) => {
        const text = formatAddress('ipv4', value);
        if (first)
            expect(texts.value(text)).toBe(value);
        expect(texts.text(value)).toBe(text);
        expect(texts.value(text)).toBe(value);
    }), { numRuns: 3000 });
    expect(texts.value('no address')).toBeUndefined();
    expect(texts.value('::1')).toBeUndefined();
});
