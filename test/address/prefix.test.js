import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contains, formatPrefix, lengthOf, maskOf, parseAddress, parsePrefix } from '../../src/address/index.ts';
describe('a prefix is printed as the kernel reprints it', () => {
    test.for([
        ['10.1.2.3/8', '10.0.0.0/8'],
        ['10.0.0.5', '10.0.0.5/32'],
        ['10.0.0.0/255.0.0.0', '10.0.0.0/8'],
        ['10.0.0.7/255.0.255.0', '10.0.0.0/255.0.255.0'],
        ['0.0.0.0/0', '0.0.0.0/0'],
        ['::1', '::1/128'],
        ['2001:db8::5/32', '2001:db8::/32'],
        ['::/0', '::/0'],
    ])('%s is %s', ([text, printed]) => expect(formatPrefix(parsePrefix(text))).toBe(printed));
});
test.for(['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/::1', 'host/8'])('"%s" is no prefix', (text) => expect(parsePrefix(text)).toBeUndefined());
test('a prefix holds exactly the addresses that share its leading bits', () => {
    const prefix = parsePrefix('10.0.0.0/30');
    const held = ['9.255.255.255', '10.0.0.0', '10.0.0.3', '10.0.0.4'].map((text) => contains(prefix, parseAddress(text).value));
    expect(held).toEqual([false, true, true, false]);
});
test('a mask and its length belong together', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 32 }), fc.integer({ min: 0, max: 128 }), (v4, v6) => {
        expect(lengthOf('ipv4', maskOf('ipv4', v4))).toBe(v4);
        expect(lengthOf('ipv6', maskOf('ipv6', v6))).toBe(v6);
    }));
    expect(lengthOf('ipv4', 0xff00ff00)).toBeUndefined();
});
