import { describe, expect, test } from 'vitest';
import { formatEndpoint } from '../../src/linux/socket/index.ts';
import { decide, settingsOf, } from '../../src/proxy/index.ts';
const ipv4 = (address, port) => ({ family: 'ipv4', address, port });
const ipv6 = (address, port) => ({ family: 'ipv6', address, port });
const POD = '10.0.0.5';
const PEER = ipv4('10.0.0.9', 40000);
/** A pod with one address of each family, whose proxy has opened nothing but what is given, from one end to the other. */
const pod = (opened = {}, ports = [15001, 15006]) => ({
    isOwn: (address) => [POD, '2001:db8::5', '127.0.0.1', '::1'].includes(address),
    opened: (from, to) => opened[`${formatEndpoint(from)} ${formatEndpoint(to)}`],
    ports,
});
const arrival = (listener, original, given = {}) => ({
    listener,
    peer: PEER,
    local: ipv4(POD, listener === 'inbound' ? 15006 : 15001),
    original,
    ...given,
});
const reason = (decision) => (decision.kind === 'refuse' ? decision.reason : 'forwarded');
const cases = [
    [
        'today, inbound: the original address, from the passthrough address',
        {},
        arrival('inbound', ipv4(POD, 8080)),
        { direction: 'inbound', upstream: ipv4(POD, 8080), from: '127.0.0.6', cluster: 'inbound|8080||', mark: 0 },
    ],
    [
        'today, inbound IPv6',
        {},
        arrival('inbound', ipv6('2001:db8::5', 8080)),
        { upstream: ipv6('2001:db8::5', 8080), from: '::6' },
    ],
    [
        'a link-local address cannot be dialled from its own host: the loopback instead',
        {},
        arrival('inbound', ipv6('fe80::5%eth0', 8080)),
        { upstream: ipv6('::1', 8080), from: undefined },
    ],
    [
        'today, outbound: the original address',
        { mark: 7 },
        arrival('outbound', ipv4('192.0.2.1', 443)),
        {
            direction: 'outbound',
            upstream: ipv4('192.0.2.1', 443),
            from: undefined,
            cluster: 'PassthroughCluster',
            mark: 7,
        },
    ],
    [
        'TPROXY, inbound: from the client’s own address, with the mark that brings the answers back',
        { mode: 'TPROXY', mark: 7 },
        arrival('inbound', ipv4(POD, 8080), { local: ipv4(POD, 8080) }),
        { upstream: ipv4(POD, 8080), from: '10.0.0.9', foreign: true, mark: 1337 },
    ],
    [
        '2018: what goes to an address of this host is inbound, and passed on over the loopback',
        { dialect: 'istio-2018' },
        arrival('both', ipv4(POD, 8080)),
        { direction: 'inbound', upstream: ipv4('127.0.0.1', 8080), from: undefined, cluster: 'inbound|8080||' },
    ],
    [
        '2018: anything else is outbound',
        { dialect: 'istio-2018' },
        arrival('both', ipv4('192.0.2.1', 80)),
        { direction: 'outbound', upstream: ipv4('192.0.2.1', 80) },
    ],
    [
        'what comes out of the pod for the pod itself is outbound first and inbound then',
        {},
        arrival('inbound', ipv4(POD, 8080), { peer: ipv4(POD, 50000) }),
        { direction: 'inbound', upstream: ipv4(POD, 8080) },
    ],
];
test.each(cases)('%s', (_, config, given, expected) => {
    const decision = decide(given, settingsOf(config), pod({ '10.0.0.5:50000 10.0.0.5:8080': 'outbound' }));
    expect(decision).toMatchObject({ kind: 'forward' });
    for (const [field, value] of Object.entries(expected))
        expect(Reflect.get(decision, field)).toEqual(value);
});
describe('refused, with the reason', () => {
    const today = settingsOf({});
    test('no NAT in the namespace', () => {
        expect(reason(decide(arrival('inbound', undefined), today, pod()))).toContain('no original destination');
    });
    test('straight to the proxy’s own port', () => {
        const straight = arrival('inbound', ipv4(POD, 15006));
        expect(reason(decide(straight, today, pod()))).toContain('straight to the proxy’s own port 15006');
    });
    test('straight to the other of its ports', () => {
        const other = arrival('inbound', ipv4(POD, 15001));
        expect(reason(decide(other, today, pod()))).toBe('its destination 10.0.0.5:15001 is this proxy itself');
    });
    test('its own connection, sent back to it', () => {
        const back = { peer: ipv4(POD, 50000) };
        for (const [opened, listener] of [
            ['outbound', 'outbound'],
            ['inbound', 'inbound'],
            ['inbound', 'outbound'],
        ]) {
            const host = pod({ '10.0.0.5:50000 192.0.2.1:80': opened });
            expect(reason(decide(arrival(listener, ipv4('192.0.2.1', 80), back), today, host))).toContain('loop: ');
        }
    });
    test('but an app may have the port of one of its connections, to go elsewhere', () => {
        const host = pod({ '10.0.0.5:50000 192.0.2.1:80': 'outbound' });
        const elsewhere = arrival('outbound', ipv4('192.0.2.2', 80), { peer: ipv4(POD, 50000) });
        expect(decide(elsewhere, today, host)).toMatchObject({ kind: 'forward' });
    });
    test('but another pod’s proxy port is a destination like any other', () => {
        const far = decide(arrival('outbound', ipv4('10.0.0.77', 15006)), today, pod());
        expect(far).toMatchObject({ kind: 'forward', upstream: ipv4('10.0.0.77', 15006) });
    });
});
