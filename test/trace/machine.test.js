import { describe, expect, test } from 'vitest';
import { parseIpv4 } from '../../src/address/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
const v4 = (text) => parseIpv4(text);
const own = (text, length, scope = 'global', secondary = false) => ({ family: 'ipv4', value: v4(text), length, secondary, scope });
const route = (destination, length, more = {}) => ({
    family: 'ipv4',
    table: 254,
    kind: 'unicast',
    destination: v4(destination),
    length,
    device: 'eth0',
    metric: 0,
    ...more,
});
const listener = (port, address = '0.0.0.0', more = {}) => ({
    family: 'ipv4',
    protocol: 'tcp',
    address: v4(address),
    port,
    ...more,
});
/** A pod with one card, everything read, nothing listening. */
const pod = {
    origin: 'a pod',
    held: [],
    interfaces: [
        { name: 'lo', index: 1, up: true, addresses: [own('127.0.0.1', 8, 'host')] },
        { name: 'eth0', index: 2, up: true, addresses: [own('10.0.0.5', 24), own('10.0.0.6', 24, 'global', true)] },
    ],
    routes: [route('10.0.0.0', 24), route('0.0.0.0', 0, { gateway: v4('10.0.0.1') })],
    routingRules: [
        { family: 'ipv4', priority: 0, table: 255 },
        { family: 'ipv4', priority: 32766, table: 254 },
    ],
    listeners: [],
    sysctls: { ipForward: false, ipv6Forward: false, routeLocalnet: [] },
};
const withRules = (snapshot, save) => ({
    ...snapshot,
    held: parseSave(save).map((rules) => ({ backend: 'nft', rules })),
});
const outcome = (snapshot, expression, proxyPorts = []) => trace(snapshot, parseQuestion(expression, snapshot), proxyPorts).outcome;
describe('the socket at the end', () => {
    const on = (...listeners) => ({ ...pod, listeners });
    test('nobody listens where the listeners are known and none fits', () => {
        expect(outcome(pod, 'in tcp/80')).toEqual({
            kind: 'nobody listens',
            port: 80,
            because: 'nobody listens on 10.0.0.5:80',
        });
        expect(outcome(on(listener(80, '10.0.0.6')), 'in tcp/80').kind).toBe('nobody listens');
        expect(outcome(on(listener(80, '0.0.0.0', { protocol: 'udp' })), 'in tcp/80').kind).toBe('nobody listens');
    });
    test('the proxy is known by its port, or by the name of its process', () => {
        const listeners = on(listener(80), listener(15021, '0.0.0.0', { process: { pid: 812, name: 'envoy' } }));
        expect(outcome(listeners, 'in tcp/80').kind).toBe('app');
        expect(outcome(listeners, 'in tcp/80', [80]).kind).toBe('proxy');
        expect(outcome(listeners, 'in tcp/15021')).toEqual({
            kind: 'proxy',
            port: 15021,
            because: 'no rule sends it elsewhere, and 0.0.0.0:15021 envoy (pid 812) takes it',
        });
    });
    test('an IPv6 socket that takes both families gets IPv4 where no IPv4 socket does', () => {
        const dual = { family: 'ipv6', protocol: 'tcp', address: 0n, port: 80, dual: true };
        expect(outcome(on(dual), 'in tcp/80').kind).toBe('app');
        expect(outcome(on({ ...dual, dual: false }), 'in tcp/80').kind).toBe('nobody listens');
        const both = trace(on(dual, listener(80)), parseQuestion('in tcp/80', pod), []);
        expect(both.steps.at(-1)).toMatchObject({ kind: 'socket', listener: { family: 'ipv4' } });
    });
});
describe('routes', () => {
    test('the longest prefix, then the lowest metric; a gateway is told', () => {
        const decision = (snapshot, expression) => trace(snapshot, parseQuestion(expression, snapshot), []).steps[0];
        expect(decision(pod, 'out tcp > 10.0.0.7:80')).toEqual({ kind: 'route', decision: 'leaves by eth0' });
        expect(decision(pod, 'out tcp > 8.8.8.8:80')).toEqual({
            kind: 'route',
            decision: 'leaves by eth0 to the gateway 10.0.0.1',
        });
        const more = [...pod.routes, route('8.8.8.0', 24, { device: 'eth1', metric: 5 })];
        expect(decision({ ...pod, routes: more }, 'out tcp > 8.8.8.8:80')).toMatchObject({ decision: 'leaves by eth1' });
        const preferred = [...more, route('8.8.8.0', 24, { device: 'eth2', metric: 1 })];
        expect(decision({ ...pod, routes: preferred }, 'out tcp > 8.8.8.8:80')).toMatchObject({
            decision: 'leaves by eth2',
        });
    });
    test('a route that refuses, and none at all', () => {
        const routes = [route('10.0.0.0', 24), route('10.9.0.0', 16, { kind: 'prohibit' })];
        expect(outcome({ ...pod, routes }, 'out tcp > 10.9.0.1:80').because).toContain('prohibit 10.9.0.0/16');
        expect(outcome({ ...pod, routes }, 'out tcp > 8.8.8.8:80').because).toContain('no route to 8.8.8.8');
    });
    const marked = withRules(pod, '*mangle\n-A OUTPUT -p tcp -j MARK --set-mark 1337\nCOMMIT\n');
    const rule = (more) => ({ family: 'ipv4', priority: 32765, table: 133, ...more });
    const local = route('0.0.0.0', 0, { table: 133, kind: 'local', device: 'lo' });
    test('a mark that an ip rule knows takes another table', () => {
        const snapshot = {
            ...marked,
            routes: [...pod.routes, local],
            routingRules: [...pod.routingRules, rule({ mark: { value: 1337, mask: 0xffffffff } })],
            listeners: [listener(80, '0.0.0.0', { transparent: true })],
        };
        expect(outcome(snapshot, 'out tcp > 10.0.0.7:80').kind).toBe('app');
        // Only a transparent socket can answer from an address that is not this host's.
        expect(outcome({ ...snapshot, listeners: [listener(80)] }, 'out tcp > 10.0.0.7:80')).toEqual({
            kind: 'dropped',
            because: '0.0.0.0:80 is not transparent: it cannot answer from 10.0.0.7',
        });
        expect(outcome(marked, 'out tcp > 10.0.0.7:80').kind).toBe('sent');
    });
    test.for([
        ['from 10.0.0.0/24', 'nobody listens'],
        ['from 10.1.0.0/24', 'sent'],
        ['to 10.0.0.7 ipproto 6 dport 80-90', 'nobody listens'],
        ['to 10.0.0.7 ipproto 17', 'sent'],
        ['not to 10.0.0.7', 'sent'],
        ['not ipproto 6 dport 81', 'nobody listens'],
        ['iif lo uidrange 1000-1000', 'nobody listens'],
        ['uidrange 0-999', 'sent'],
        ['iif eth0', 'sent'],
        ['oif eth0', 'sent'],
        ['iif eth9 iif_detached', 'sent'],
        ['suppress_prefixlength 0', 'sent'],
        ['prohibit', 'dropped'],
        ['from 10.1.0.0/24 prohibit', 'sent'],
        ['goto 32766', 'sent'],
        ['goto 4000 unresolved', 'sent'],
        ['nop', 'sent'],
    ])('an ip rule that says "%s" decides: %s', ([other, kind]) => {
        const routingRules = [...pod.routingRules, rule({ other })];
        const snapshot = { ...pod, routingRules, routes: [...pod.routes, local] };
        expect(outcome(snapshot, 'out tcp > 10.0.0.7:80').kind).toBe(kind);
    });
    test('an ip rule with conditions that are not looked at leaves both ways open', () => {
        const routingRules = [...pod.routingRules, rule({ other: 'tos 0x10' })];
        const { outcome: end, possible } = trace({ ...pod, routingRules, routes: [...pod.routes, local] }, parseQuestion('out tcp > 10.0.0.7:80', pod), []);
        expect(end).toEqual({
            kind: 'unknown',
            because: 'ip rule 32765: whether "tos 0x10" holds for it is not known',
        });
        expect(possible.map(({ outcome: { kind }, because }) => [kind, because])).toEqual([
            ['nobody listens', 'if ip rule 32765 applies'],
            ['sent', 'if ip rule 32765 does not apply'],
        ]);
    });
});
describe('packets from elsewhere', () => {
    test('for another host: forwarded, dropped, or not known', () => {
        const question = 'in tcp 10.0.0.9 > 10.1.0.7:80';
        const router = (ipForward) => ({
            ...pod,
            routes: [...pod.routes, route('10.1.0.0', 24, { device: 'eth1' })],
            ...(ipForward === undefined ? { sysctls: {} } : { sysctls: { ipForward } }),
        });
        expect(outcome(router(true), question)).toMatchObject({ kind: 'forwarded', out: 'eth1' });
        expect(outcome(router(false), question).kind).toBe('dropped');
        expect(outcome(router(), question)).toEqual({
            kind: 'unknown',
            because: 'the routing decision: whether this host forwards IPv4 was not read',
        });
    });
    test('from an address that is this host’s own: dropped', () => {
        expect(outcome(pod, 'in tcp 10.0.0.6 > 10.0.0.5:80').because).toContain('may not come from outside');
        expect(outcome(pod, 'in tcp 127.0.0.1 > 10.0.0.5:80').because).toContain('may not come from outside');
    });
    test('REDIRECT goes to the primary address of the interface, and nowhere where it has none (fact 13)', () => {
        const redirect = '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n';
        const snapshot = withRules({ ...pod, listeners: [listener(15001, '10.0.0.5')] }, redirect);
        expect(outcome(snapshot, 'in tcp > 10.0.0.6:80')).toMatchObject({ kind: 'proxy', port: 15001 });
        const bare = { name: 'eth1', index: 3, up: true, addresses: [] };
        const other = { ...snapshot, interfaces: [...pod.interfaces, bare] };
        expect(outcome(other, 'in tcp > 10.0.0.5:80 on eth1').because).toContain('eth1 has no IPv4 address');
    });
});
test('rules that could not be read are said to play no part', () => {
    const unread = [{ about: 'rules', what: 'the IPv4 rules of the nft back end', because: 'no permission' }];
    const { question } = trace({ ...pod, unread }, parseQuestion('in tcp/80', pod), []);
    expect(question.assumptions).toContain('the IPv4 rules of the nft back end do nothing (they could not be read)');
});
test('the kernel refuses some targets in some places: such rules have no answer', () => {
    // The text layer refuses such rules too: this one is moved to where it cannot stand.
    const [rules] = parseSave('*nat\n-A POSTROUTING -p tcp -j MASQUERADE\nCOMMIT\n');
    const tables = rules.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => ({ ...chain, name: chain.name === 'POSTROUTING' ? 'PREROUTING' : 'OTHER' })),
    }));
    const masquerade = { ...pod, held: [{ backend: 'nft', rules: { family: 'ipv4', tables } }] };
    expect(outcome(masquerade, 'in tcp/80')).toMatchObject({
        kind: 'unknown',
        because: expect.stringContaining('refuses'),
    });
});
describe('a family whose rules were not read', () => {
    const ipv6Only = {
        origin: 'a listing',
        held: parseSave('*nat\n-A PREROUTING -d 2001:db8::/32 -p tcp -j REDIRECT --to-ports 15006\nCOMMIT\n').map((rules) => ({ backend: 'nft', rules })),
    };
    test('is not followed: nothing is known of it', () => {
        const question = parseQuestion('in tcp > 10.0.0.5:8888', ipv6Only);
        const { outcome, steps } = trace(ipv6Only, question, [15006]);
        expect(outcome).toEqual({ kind: 'unknown', because: 'the IPv4 rules were not read' });
        expect(steps).toEqual([]);
    });
    test('is not what a packet without addresses is taken to be', () => {
        const question = parseQuestion('in tcp/8888', ipv6Only);
        expect(question.packet.family).toBe('ipv6');
        expect(trace(ipv6Only, question, [15006]).outcome).toMatchObject({ kind: 'proxy', port: 15006 });
    });
    test('nor the family that the host has no address of', () => {
        const held = ['ipv4', 'ipv6'].map((family) => ({
            backend: 'nft',
            rules: { family, tables: [] },
        }));
        const pod = {
            origin: 'a pod',
            held,
            interfaces: [
                { name: 'lo', index: 1, up: true, addresses: [own('127.0.0.1', 8, 'host')] },
                {
                    name: 'net1',
                    index: 2,
                    up: true,
                    addresses: [{ family: 'ipv6', value: 0x20010db8n << 96n, length: 64, secondary: false, scope: 'global' }],
                },
            ],
        };
        expect(parseQuestion('in tcp/8888', pod).packet).toMatchObject({ family: 'ipv6', in: 'net1' });
        expect(parseQuestion('in tcp/8888', { origin: 'a text', held }).packet.family).toBe('ipv4');
    });
});
