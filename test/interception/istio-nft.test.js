import { describe, expect, test } from 'vitest';
import { defaultInterception, dialectOf, inferInterception, nativeModel, nativeText, programmed, recogniseAll, summarise, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseQuestion, prepareOutcome } from '../../src/trace/index.ts';
import { randomInterception, seeded } from './random.ts';
const asNative = (interception) => ({ ...interception, dialect: 'istio-nft' });
const asIptables = (interception) => ({ ...interception, dialect: 'istio' });
/** A pod with both families, where a routing rule leads what TPROXY marks back to the host. */
function podWith(interception) {
    const { mark, table } = interception.tproxy;
    const families = ['ipv4', 'ipv6'];
    const address = (family, value, length, scope) => ({
        family,
        value,
        length,
        secondary: false,
        scope,
    });
    const usual = families.flatMap((family) => [
        { family, priority: 0, table: 255 },
        { family, priority: 32765, table, mark: { value: mark, mask: 0xffff_ffff } },
        { family, priority: 32766, table: 254 },
    ]);
    return {
        origin: 'a pod',
        held: [],
        interfaces: [
            {
                name: 'lo',
                index: 1,
                up: true,
                addresses: [
                    address('ipv4', 0x7f00_0001, 8, 'host'),
                    address('ipv6', 1n, 128, 'host'),
                    address('ipv6', 6n, 128, 'host'),
                ],
            },
            {
                name: 'eth0',
                index: 2,
                up: true,
                addresses: [
                    address('ipv4', 0x0a00_0005, 24, 'global'),
                    address('ipv6', 0x20010db8000000000000000000000005n, 64, 'global'),
                ],
            },
        ],
        routes: families.flatMap((family) => {
            const none = family === 'ipv4' ? 0 : 0n;
            const all = { family, destination: none, length: 0, metric: 0 };
            return [
                { ...all, table: 254, kind: 'unicast', device: 'eth0' },
                { ...all, table, kind: 'local', device: 'lo' },
            ];
        }),
        routingRules: usual,
    };
}
function snapshotsOf(interception) {
    const pod = podWith(interception);
    const program = dialectOf('istio').write(asIptables(interception));
    const held = ['ipv4', 'ipv6'].map((family) => ({
        backend: 'nft',
        rules: programmed(emptyRuleSet(family), program, family),
    }));
    const native = nativeModel(dialectOf('istio-nft').write(asNative(interception)).native ?? []);
    return [
        { ...pod, held },
        { ...pod, native },
    ];
}
const ports = [22, 53, 79, 80, 443, 1024, 5432, 6000, 8080, 8500, 8888, 9050, 15008, 15009, 15053];
const [here, there] = [
    { ipv4: '10.0.0.5', ipv6: '[2001:db8::5]' },
    { ipv4: '10.0.0.9', ipv6: '[2001:db8::9]' },
];
function packetsFor(family, random) {
    const one = (values) => values[Math.floor(random() * values.length)];
    const loopbacks = family === 'ipv4' ? ['127.0.0.1', '127.0.0.53', '127.1.2.3'] : ['[::1]'];
    const elsewhere = family === 'ipv4' ? ['10.1.9.9', '10.96.0.10', '192.0.2.7'] : ['[2001:db8::53]', '[fd00::9]', '[2606::7]'];
    const owner = () => `uid ${one([0, 3, 888, 1000, 1337, 1520, 2500, 3007])} gid ${one([0, 4, 888, 1000, 1337, 2500, 3007])}`;
    const passthrough = family === 'ipv4' ? '127.0.0.6' : '[::6]';
    return [
        `in tcp ${there[family]} > ${here[family]}:${one(ports)} on ${one(['eth0', 'eth5', 'net3', 'vnet0', 'vnet1'])}`,
        `in tcp ${there[family]} > ${here[family]}:${one(ports)}`,
        `in udp ${there[family]}:53 > ${here[family]}:${one(ports)}`,
        `in tcp ${there[family]} > ${here[family]}:${one(ports)} state established`,
        `in tcp ${there[family]} > ${here[family]}:${one(ports)} state invalid`,
        `out tcp > ${one(elsewhere)}:${one(ports)} ${owner()}`,
        `out tcp > ${one(elsewhere)}:${one(ports)} ${owner()} mark ${one([7, 4242, 1337, 1338])}`,
        `out udp > ${one(elsewhere)}:${one(ports)} ${owner()}`,
        `out tcp > ${one(loopbacks)}:${one(ports)} ${owner()}`,
        `out tcp > ${one(elsewhere)}:${one(ports)} on ${one(['eth5', 'net3'])} ${owner()}`,
        `self tcp > ${here[family]}:${one(ports)} ${owner()}`,
        `self tcp ${passthrough} > ${here[family]}:${one(ports)} ${owner()}`,
        `self udp > ${here[family]}:${one(ports)} ${owner()}`,
    ];
}
/** Without its reason: the rules are called otherwise. */
const place = ({ because: _, ...outcome }) => outcome;
describe('the native form does with every packet what the iptables form does', () => {
    test('120 random configurations', () => {
        let compared = 0;
        for (let seed = 1; seed <= 120; seed += 1) {
            const random = seeded(seed);
            const interception = asIptables(randomInterception(random));
            const [iptables, native] = snapshotsOf(interception);
            const listening = [interception.inboundPort, interception.outboundPort];
            const [one, other] = [prepareOutcome(iptables, listening), prepareOutcome(native, listening)];
            // With IPv6 off the rules that name no address meet it all the same.
            const families = interception.families;
            for (const family of families) {
                for (const packet of packetsFor(family, random)) {
                    // Native rules drop what is invalid of tcp only: and no other packet here is.
                    const question = parseQuestion(packet, iptables, { family });
                    expect([seed, packet, place(other(question))]).toEqual([seed, packet, place(one(question))]);
                    compared += 1;
                }
            }
        }
        expect(compared).toBeGreaterThan(2000);
    });
    test('what names no address meets IPv6 though IPv6 is off', () => {
        const interception = { ...defaultInterception('istio'), inbound: { include: '*', exclude: [] } };
        const [iptables, native] = snapshotsOf(interception);
        const question = parseQuestion('in tcp > [2001:db8::5]:8080', iptables);
        expect(prepareOutcome(iptables, [15006])(question).kind).toBe('app');
        expect(prepareOutcome(native, [15006])(question).kind).toBe('proxy');
    });
});
describe('the native form is recognised', () => {
    test('in the words of the iptables form, and read back to what it was written from', () => {
        for (let seed = 1; seed <= 60; seed += 1) {
            const interception = asIptables({ ...randomInterception(seeded(seed)), families: ['ipv4', 'ipv6'] });
            const [iptables, native] = snapshotsOf(interception);
            const [told, expected] = [summarise(native), summarise(iptables)];
            expect([seed, told.lines]).toEqual([seed, expected.lines]);
            expect(told.doubts).toEqual(expected.doubts);
            expect(recogniseAll(native).every(({ dialect, foreign }) => dialect === 'istio-nft' && foreign.length === 0)).toBe(true);
            const again = inferInterception(native);
            expect(again?.dialect).toBe('istio-nft');
            const [text, wanted] = [again, asNative(interception)].map((one) => nativeText(dialectOf('istio-nft').write(one).native ?? []));
            expect([seed, text]).toEqual([seed, wanted]);
        }
    });
});
