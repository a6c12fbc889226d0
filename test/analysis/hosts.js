import { parseAddress } from '../../src/address/index.ts';
const at = (text) => parseAddress(text).value;
const familyOf = (text) => (text.includes(':') ? 'ipv6' : 'ipv4');
const own = (text, scope = 'global') => {
    const [address = '', length] = text.split('/');
    return {
        family: familyOf(text),
        value: at(address),
        length: Number(length),
        secondary: address === '10.0.0.6',
        scope,
    };
};
const route = (to, device, more = {}) => {
    const [address = '', length] = to.split('/');
    return {
        family: familyOf(to),
        table: 254,
        kind: 'unicast',
        destination: at(address),
        length: Number(length),
        device,
        metric: 0,
        ...more,
    };
};
const listener = (port, address, more = {}) => ({
    family: familyOf(address),
    protocol: 'tcp',
    address: at(address),
    port,
    ...more,
});
const rule = (family, priority, table, more = {}) => ({
    family,
    priority,
    table,
    ...more,
});
const BOTH = ['ipv4', 'ipv6'];
const usual = BOTH.flatMap((family) => [rule(family, 0, 255), rule(family, 32766, 254), rule(family, 32767, 253)]);
/** Two cards, routes beyond them, sockets of an app and of a proxy. */
const router = {
    origin: 'a router',
    held: [],
    interfaces: [
        { name: 'lo', index: 1, up: true, addresses: [own('127.0.0.1/8', 'host'), own('::1/128', 'host')] },
        {
            name: 'eth0',
            index: 2,
            up: true,
            addresses: [own('10.0.0.5/24'), own('10.0.0.6/24'), own('2001:db8::5/64'), own('2001:db8::6/64')],
        },
        { name: 'eth1', index: 3, up: true, addresses: [own('10.1.0.5/24'), own('2001:db8:1::5/64')] },
    ],
    routes: [
        route('10.0.0.0/24', 'eth0'),
        route('10.1.0.0/24', 'eth1'),
        route('172.16.0.0/12', 'eth1', { gateway: at('10.1.0.1') }),
        route('192.168.0.0/16', 'eth0', { kind: 'blackhole' }),
        route('0.0.0.0/0', 'eth0', { gateway: at('10.0.0.1') }),
        route('10.0.0.255/32', 'eth0', { kind: 'broadcast', table: 255 }),
        route('2001:db8::/64', 'eth0'),
        route('2001:db8:1::/64', 'eth1'),
        route('::/0', 'eth0', { gateway: at('2001:db8::1') }),
    ],
    routingRules: usual,
    listeners: [
        listener(8080, '0.0.0.0'),
        listener(8888, '10.0.0.5'),
        listener(15001, '0.0.0.0', { transparent: true }),
        listener(15006, '::', { dual: true, transparent: true }),
        listener(443, '2001:db8::5'),
        listener(53, '127.0.0.1', { protocol: 'udp' }),
        listener(8125, '::', { protocol: 'udp', dual: true, process: { pid: 9, name: 'envoy' } }),
    ],
    sysctls: { ipForward: true, ipv6Forward: true, routeLocalnet: [] },
};
/** A network namespace that nobody has given a card yet. */
export const ALONE = { ...router, origin: 'alone', interfaces: router.interfaces.slice(0, 1), routes: [] };
/** A pod with a card, and others that an interception may be told to leave alone, by the network behind each. */
export const CARDS = { eth0: 0, eth5: 5, net1: 11, vnet0: 20, vnet1: 21 };
export const POD = {
    origin: 'a pod',
    held: [],
    interfaces: [
        router.interfaces[0],
        ...Object.entries(CARDS).map(([name, net], at) => ({
            name,
            index: 2 + at,
            up: true,
            addresses: [own(`10.${net}.0.5/24`), own(`2001:db8:${net}::5/64`)],
        })),
    ],
    routes: [
        ...Object.entries(CARDS).flatMap(([name, net]) => [
            route(`10.${net}.0.0/24`, name),
            route(`2001:db8:${net}::/64`, name),
        ]),
        route('0.0.0.0/0', 'eth0', { gateway: at('10.0.0.1') }),
        route('::/0', 'eth0', { gateway: at('2001:db8:0::1') }),
    ],
    routingRules: usual,
};
/** Machines to follow packets on, by name; `untold` is one of which only the rules are known. */
export const HOSTS = {
    untold: { origin: 'a file', held: [] },
    router,
    host: {
        ...router,
        sysctls: {
            ipForward: false,
            ipv6Forward: false,
            routeLocalnet: ['eth0'],
            rpFilter: [{ interface: 'eth0', mode: 'strict' }],
        },
    },
    transparent: {
        ...router,
        routes: [
            ...router.routes,
            route('0.0.0.0/0', 'lo', { kind: 'local', table: 100 }),
            route('::/0', 'lo', { kind: 'local', table: 100 }),
        ],
        routingRules: [
            ...usual,
            ...BOTH.map((family) => rule(family, 32765, 100, { mark: { value: 1, mask: 1 } })),
            rule('ipv4', 32764, 254, { other: 'from 10.0.0.6 uidrange 1000-1999' }),
        ],
        sysctls: { ipForward: true, ipv6Forward: true, routeLocalnet: ['all'] },
    },
};
