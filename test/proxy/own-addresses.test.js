import { expect, test } from 'vitest';
import { ownAddresses } from '../../src/proxy/own-addresses.ts';
test('the loopback is always this host', () => {
    const isOwn = ownAddresses(() => []);
    expect(['127.0.0.1', '127.0.0.6', '::1'].map(isOwn)).toEqual([true, true, true]);
    expect(isOwn('10.0.0.5')).toBe(false);
});
test('addresses are read again once they are a second old', () => {
    let now = 0;
    let addresses = ['10.0.0.5', 'fe80::5'];
    let reads = 0;
    const isOwn = ownAddresses(() => {
        reads += 1;
        return addresses;
    }, () => now);
    expect(isOwn('10.0.0.5')).toBe(true);
    expect(isOwn('fe80::5%eth0')).toBe(true);
    addresses = ['10.0.0.6'];
    now = 999;
    expect(isOwn('10.0.0.6')).toBe(false);
    now = 1000;
    expect(isOwn('10.0.0.6')).toBe(true);
    expect(reads).toBe(2);
});
test('addresses that cannot be read just now are those of before', () => {
    let now = 0;
    let broken = false;
    const isOwn = ownAddresses(() => {
        if (broken)
            throw new Error('EMFILE');
        return ['10.0.0.5'];
    }, () => now);
    expect(isOwn('10.0.0.5')).toBe(true);
    broken = true;
    now = 1000;
    expect(isOwn('10.0.0.5')).toBe(true);
});
