import { expect, test } from 'vitest';
import { reach } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { seeded } from '../support/random.ts';
import { HOSTS } from './hosts.ts';
const sideOf = (text) => ({
    snapshot: { origin: 'a file', held: parseSave(text).map((rules) => ({ backend: 'nft', rules })) },
    proxyPorts: [],
});
/** Those that rules reject: nothing else rejects any. */
const rejected = (text) => reach(sideOf(`*filter\n${text}\nCOMMIT\n`), 'ipv4', 'in').find(({ end }) => end.kind === 'rejected').surely;
test('ports, addresses and protocols are counted exactly', () => {
    expect(rejected('-A INPUT -p tcp --dport 8000:8999 -j REJECT').count(['destinationPort'])).toBe(1000n);
    expect(rejected('-A INPUT -s 10.0.0.0/8 -j REJECT').count(['source'])).toBe(2n ** 24n);
    const both = rejected('-A INPUT -s 10.0.0.0/24 -p tcp --dport 80 -j REJECT\n-A INPUT -s 10.0.0.0/25 -p udp --dport 53 -j REJECT');
    expect(both.count(['source', 'protocol', 'destinationPort'])).toBe(256n + 128n);
    expect(both.count(['source'])).toBe(256n);
    expect(both.count(['destinationPort'])).toBe(2n);
    expect(both.minus(both).count()).toBe(0n);
});
test('a packet without ports is counted once, whatever ports others have', () => {
    const icmp = rejected('-A INPUT -p icmp -j REJECT\n-A INPUT -p tcp --dport 22:99 -j ACCEPT');
    const every = [...icmp.space.domain.fields.keys()].filter((field) => field !== 'destinationPort');
    expect(icmp.count()).toBe(icmp.count(every));
    expect(icmp.count(['destinationPort'])).toBe(0n);
});
test('what is in two sets, and in either, adds up; so do a set and all others', () => {
    for (let seed = 0; seed < 6; seed += 1) {
        const random = seeded(seed);
        const family = random.pick(['ipv4', 'ipv6']);
        const held = parseSave(randomRules(random, family), { family, keepGoing: true });
        const snapshot = { ...HOSTS.router, held: held.map((rules) => ({ backend: 'nft', rules })) };
        const side = { snapshot, proxyPorts: [15001] };
        const ends = reach(side, family, 'in').map(({ possibly }) => possibly);
        const [one, other] = [ends[0], ends.at(-1)];
        const all = one.or(one.not());
        expect(one.count() + one.not().count()).toBe(all.count());
        expect(one.or(other).count() + one.and(other).count()).toBe(one.count() + other.count());
        expect(all.share).toBe(1);
        for (const set of ends)
            expect(set.share).toBeCloseTo(Number((set.count() * 10000n) / all.count()) / 10_000, 3);
    }
});
test('as many protocols are counted as there are, one by one', () => {
    for (let seed = 20; seed < 26; seed += 1) {
        const random = seeded(seed);
        const held = parseSave(randomRules(random, 'ipv4'), { family: 'ipv4', keepGoing: true });
        const snapshot = { ...HOSTS.router, held: held.map((rules) => ({ backend: 'nft', rules })) };
        for (const { possibly: set } of reach({ snapshot, proxyPorts: [15001] }, 'ipv4', 'in')) {
            const holds = (field, value) => !set.where({ kind: 'in', field, ranges: [[value, value]] }).isEmpty;
            const protocols = Array.from({ length: 256 }, (_, value) => value).filter((value) => holds('protocol', value));
            if (set.space.domain.fields.has('protocol'))
                expect(set.count(['protocol'])).toBe(BigInt(protocols.length));
        }
    }
});
