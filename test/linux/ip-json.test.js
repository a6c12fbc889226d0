import { describe, expect, test } from 'vitest';
import { formatAddress } from '../../src/address/index.ts';
import { parseDocuments, parseInterfaces, parseRoutes, parseRoutingRules } from '../../src/linux/ip-json.ts';
// Each text is what `ip -Numeric -json` of iproute2 6.1 prints for what the title says.
test('an interface with a primary, a secondary and a link-local address', () => {
    const links = [
        { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK'] },
        { ifindex: 3, link: 'eth1', ifname: 'eth0', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] },
    ];
    const addresses = [
        {
            ifindex: 3,
            ifname: 'eth0',
            addr_info: [
                { family: 'inet', local: '10.0.0.5', prefixlen: 24, scope: '0', label: 'eth0' },
                { family: 'inet', local: '10.0.0.6', prefixlen: 24, scope: '0', secondary: true, label: 'eth0' },
            ],
        },
        { ifindex: 3, ifname: 'eth0', addr_info: [{ family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: '253' }] },
    ];
    const [lo, eth0] = parseInterfaces(links, addresses);
    expect(lo).toEqual({ name: 'lo', index: 1, up: false, addresses: [] });
    expect(eth0).toMatchObject({ name: 'eth0', index: 3, up: true });
    expect(eth0?.addresses.map(({ family, value, length, secondary, scope }) => [
        `${formatAddress(family, value)}/${length}`,
        secondary,
        scope,
    ])).toEqual([
        ['10.0.0.5/24', false, 'global'],
        ['10.0.0.6/24', true, 'global'],
        ['fe80::1/64', false, 'link'],
    ]);
});
describe('routes', () => {
    const route = (entry, family = 'ipv4') => parseRoutes([{ flags: [], ...entry }], family);
    test('a default route through a gateway stands in the main table', () => {
        expect(route({ dst: 'default', gateway: '10.0.0.1', dev: 'eth0' }).routes).toEqual([
            {
                family: 'ipv4',
                table: 254,
                kind: 'unicast',
                destination: 0,
                length: 0,
                device: 'eth0',
                gateway: 0x0a000001,
                metric: 0,
            },
        ]);
    });
    test('TPROXY’s route takes everything for this host', () => {
        expect(route({ type: '2', dst: 'default', dev: 'lo', table: '133', metric: 1024 }, 'ipv6').routes).toEqual([
            { family: 'ipv6', table: 133, kind: 'local', destination: 0n, length: 0, device: 'lo', metric: 1024 },
        ]);
    });
    test.for([
        ['6', 'blackhole'],
        ['7', 'unreachable'],
        ['8', 'prohibit'],
        ['3', 'broadcast'],
    ])('type %s is %s', ([type, kind]) => {
        expect(route({ type, dst: '10.9.0.0/16' }).routes[0]).toMatchObject({ kind, length: 16, destination: 0x0a090000 });
    });
    test('a bare address is one host, and its preferred source is kept', () => {
        const [one] = route({ type: '2', dst: '127.0.0.1', dev: 'lo', table: '255', prefsrc: '127.0.0.1' }).routes;
        expect(one).toMatchObject({ length: 32, source: 0x7f000001, table: 255 });
    });
    test('of several next hops each is a route, which knows how many there are', () => {
        const nexthops = [
            { gateway: '10.0.0.1', dev: 'eth0', weight: 1, flags: [] },
            { gateway: '10.0.0.2', dev: 'eth1', weight: 1, flags: [] },
        ];
        const { routes } = route({ dst: 'default', nexthops });
        expect(routes.map(({ device, hops }) => [device, hops])).toEqual([
            ['eth0', 2],
            ['eth1', 2],
        ]);
        const alive = nexthops.map((hop, index) => (index === 0 ? { ...hop, flags: ['dead'] } : hop));
        expect(route({ dst: 'default', nexthops: alive }).routes.map(({ hops }) => hops)).toEqual([undefined]);
    });
    test('a dead device’s route carries nothing', () => {
        expect(route({ dst: '10.0.0.0/24', dev: 'eth0', flags: ['dead', 'linkdown'] }).routes).toEqual([]);
    });
    test('what cannot be followed is left out, and named', () => {
        expect(route({ type: '11', dst: '10.8.0.0/16' })).toEqual({
            routes: [],
            leftOut: ['the route to 10.8.0.0/16 of type 11'],
        });
        expect(route({ dst: '10.6.0.0/16', tos: '0x04', dev: 'eth0' })).toEqual({
            routes: [],
            leftOut: ['the route to 10.6.0.0/16 that asks for a TOS'],
        });
    });
});
describe('routing rules', () => {
    const rule = (entry) => parseRoutingRules([{ priority: 32765, src: 'all', ...entry }], 'ipv4')[0];
    test('a rule without conditions', () => {
        expect(rule({ table: '254' })).toEqual({ family: 'ipv4', priority: 32765, table: 254 });
    });
    test('a mark, and a mark under a mask', () => {
        expect(rule({ fwmark: '0x539', table: '133' })).toMatchObject({ mark: { value: 1337, mask: 0xffff_ffff } });
        expect(rule({ fwmark: '0x111', fwmask: '0xfff', table: '100' })).toMatchObject({
            mark: { value: 0x111, mask: 0xfff },
        });
    });
    test.for([
        [{ src: '10.0.0.0', srclen: 8, iif: 'lo', table: '200' }, 'from 10.0.0.0/8 iif lo'],
        [{ dst: '1.2.3.4', oif: 'eth0', table: '200' }, 'to 1.2.3.4 oif eth0'],
        [{ not: null, fwmark: '0x7', table: '12', suppress_prefixlen: 0 }, 'not suppress_prefixlength 0'],
        [{ fwmark: '0x9', action: '7' }, 'unreachable'],
        [{ fwmark: '0x2', goto: 32766 }, 'goto 32766'],
        [{ uid_start: 0, uid_end: 100, ipproto: 'ipproto-6', dport_start: 90, dport_end: 99, table: '200' }, ''],
    ])('anything else is kept in the words of ip: %j', ([entry, words]) => {
        expect(rule(entry)?.other).toBe(words === '' ? 'uidrange 0-100 ipproto 6 dport 90-99' : words);
    });
});
test('a line that is not JSON makes the whole answer unreadable', () => {
    expect(parseDocuments('[]\n[{"dst":"default"}]\n')).toEqual([[], [{ dst: 'default' }]]);
    expect(parseDocuments('[]\nError: Unknown option\n')).toEqual([]);
});
