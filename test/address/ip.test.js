import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAddress, parseAddress } from '../../src/address/index.ts';
describe('an address is read and written as inet_ntop writes it', () => {
    test.for([
        ['10.0.0.5', '10.0.0.5'],
        ['255.255.255.255', '255.255.255.255'],
        ['::', '::'],
        ['::1', '::1'],
        ['2001:0DB8:0:0:0:0:0:5', '2001:db8::5'],
        ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
        ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
        ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
        ['::ffff:a00:1', '::ffff:10.0.0.1'],
        ['::6', '::6'],
        ['fe80::', 'fe80::'],
    ])('%s is %s', ([text, printed]) => {
        const address = parseAddress(text);
        expect(formatAddress(address.family, address.value)).toBe(printed);
    });
});
test.for([
    '',
    '10.0.0',
    '10.0.0.256',
    '10.0.0.01',
    '1.2.3.4.5',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    'g::',
    '::1%lo',
    '10.0.0.1/8',
])('"%s" is not an address', (text) => expect(parseAddress(text)).toBeUndefined());
test('every IPv4 address survives a round trip', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        expect(parseAddress(formatAddress('ipv4', value))).toEqual({ family: 'ipv4', value });
    }));
});
test('every IPv6 address survives a round trip, and Node takes it for one', () => {
    const word = fc.oneof(fc.constant(0n), fc.bigInt(0n, 0xffffn));
    fc.assert(fc.property(fc.array(word, { minLength: 8, maxLength: 8 }), (words) => {
        const value = words.reduce((sum, next) => (sum << 16n) | next, 0n);
        const text = formatAddress('ipv6', value);
        expect(isIP(text)).toBe(6);
        expect(parseAddress(text)).toEqual({ family: 'ipv6', value });
    }));
});
