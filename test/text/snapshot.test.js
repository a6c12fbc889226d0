import { describe, expect, test } from 'vitest';
import { InputRefused, parseSave, parseSets, parseSnapshot, printSave, printSnapshot, readInput, } from '../../src/text/index.ts';
const rules = parseSave('*nat\n:MINE - [1:2]\n[3:4] -A PREROUTING -p tcp -m tcp --dport 8888 -j MINE\nCOMMIT\n')[0];
const snapshot = {
    origin: 'network namespace of node (pid 4711)',
    taken: '2026-11-23T18:00:00Z',
    held: [
        { backend: 'nft', rules },
        { backend: 'legacy', rules: { family: 'ipv6', tables: [] } },
    ],
    orderUnknown: true,
    interfaces: [
        {
            name: 'eth0',
            index: 2,
            up: true,
            addresses: [
                { family: 'ipv4', value: 0x0a000005, length: 24, secondary: false, scope: 'global' },
                { family: 'ipv4', value: 0x0a000006, length: 24, secondary: true, scope: 'global' },
                { family: 'ipv6', value: 0xfe80n << 112n, length: 64, secondary: false, scope: 'link' },
            ],
        },
    ],
    routes: [
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
        { family: 'ipv6', table: 255, kind: 'local', destination: 1n, length: 128, device: 'lo', metric: 0, source: 1n },
    ],
    routingRules: [
        { family: 'ipv4', priority: 32764, table: 133, mark: { value: 1337, mask: 0xffffffff } },
        { family: 'ipv4', priority: 32765, table: 7, other: 'from 10.0.0.0/8' },
    ],
    listeners: [
        {
            family: 'ipv6',
            protocol: 'tcp',
            address: 0n,
            port: 15001,
            dual: true,
            transparent: true,
            device: 'lo',
            uid: 1337,
            process: { pid: 812, name: 'envoy' },
        },
    ],
    sysctls: {
        ipForward: false,
        ipv6Forward: true,
        routeLocalnet: ['all', 'eth0'],
        rpFilter: [{ interface: 'eth0', mode: 'loose' }],
    },
    // East of Greenwich.
    clocks: { nft: 'UTC', kernelWest: -60 },
    ipsets: 'create x hash:ip\n',
    sets: parseSets('create x hash:ip\n'),
    unread: [{ about: 'listeners', what: 'the listening sockets', because: 'permission denied', hint: 'sudo' }],
};
const refusal = (text) => {
    try {
        parseSnapshot(text, 'node.json');
    }
    catch (error) {
        if (error instanceof InputRefused)
            return error.message;
        throw error;
    }
    throw new Error('it was not refused');
};
describe('a snapshot in JSON', () => {
    test('every part comes back', () => {
        const back = parseSnapshot(printSnapshot(snapshot));
        expect({ ...back, held: [] }).toEqual({ ...snapshot, held: [] });
        expect(back.held.map(({ backend, rules: of }) => [backend, of.family])).toEqual([
            ['nft', 'ipv4'],
            ['legacy', 'ipv6'],
        ]);
        expect(printSave(back.held[0].rules, { counters: true })).toBe(printSave(rules, { counters: true }));
        expect(printSnapshot(back)).toBe(printSnapshot(snapshot));
    });
    test('what was not read stays unknown', () => {
        expect(parseSnapshot(printSnapshot({ origin: 'rules.txt', held: [] }))).toEqual({ origin: 'rules.txt', held: [] });
    });
    test('it begins with its schema, holds rules as text and addresses as people write them', () => {
        const document = JSON.parse(printSnapshot(snapshot));
        expect(Object.keys(document)[0]).toBe('schema');
        expect(document.schema).toBe('sidestep/snapshot/1');
        expect(document.rules[0].save).toContain('[3:4] -A PREROUTING -p tcp -m tcp --dport 8888 -j MINE\n');
        expect(document.interfaces[0].addresses[2]).toEqual({ address: 'fe80::/64', scope: 'link' });
        expect(document.routes[0]).toMatchObject({ destination: 'default', gateway: '10.0.0.1' });
        expect(document.listeners[0].address).toBe('::');
    });
    test('a rule that could not be read stays so', () => {
        const [unread] = parseSave('*nat\n-A OUTPUT -p tcp --dport 99999\nCOMMIT\n', { keepGoing: true });
        const text = printSnapshot({ origin: 'here', held: [{ backend: 'nft', rules: unread }] });
        expect(parseSnapshot(text).held[0].rules).toMatchObject({ tables: [{ name: 'nat' }] });
        expect(printSnapshot(parseSnapshot(text))).toBe(text);
    });
    const text = printSnapshot(snapshot);
    test.for([
        ['"index": 2', '"index": "2"', 'interfaces[0].index is not a whole number from 0'],
        [
            '"10.0.0.5/24"',
            '"10.0.0.5/33"',
            'interfaces[0].addresses[0].address is not an address with a length, like 10.0.0.5/24',
        ],
        ['"gateway": "10.0.0.1"', '"gateway": "::1"', 'routes[0].gateway is not an IPv4 address'],
        ['"protocol": "tcp"', '"protocol": "sctp"', 'listeners[0].protocol is not one of tcp, udp'],
        ['sidestep/snapshot/1', 'sidestep/snapshot/9', 'schema is not one of sidestep/snapshot/1'],
        ['"priority": 32765,', '', 'routingRules[1].priority is not there'],
        ['"up": true', '"up": 1', 'interfaces[0].up is not true or false'],
        ['"ipsets": "create x', '"ipsets": 7, "x": "create x', 'ipsets is not a text'],
        ['"addresses": [', '"addresses": 3, "x": [', 'interfaces[0].addresses is not a list'],
    ])('what is not as it has to be is told with its place: %s', ([from, to, message]) => {
        const changed = text.replace(from, to);
        expect(changed).not.toBe(text);
        const line = changed
            .split('\n')
            .findIndex((content) => content.includes(to === '' ? '"priority": 32765' : to.split(' ')[0]));
        expect(refusal(changed)).toContain(message);
        if (to !== '' && line >= 0)
            expect(refusal(changed)).toMatch(/^node\.json:\d+:\d+: /);
    });
    test('the place is that of the value', () => {
        const changed = text.replace('"index": 2', '"index": "two"');
        const line = changed.split('\n').findIndex((content) => content.includes('"two"')) + 1;
        const column = changed.split('\n')[line - 1].indexOf('"two"') + 1;
        expect(refusal(changed)).toContain(`node.json:${line}:${column}: `);
    });
    test.for([
        ['{"schema": }', 'node.json:1:12: this is not JSON'],
        ['{"a": [1, 2,, 3]}', 'node.json:1:13: this is not JSON'],
        ['{"a" 1}', 'node.json:1:6: this is not JSON'],
        ['{"a": 1,\n}', 'node.json:2:1: this is not JSON'],
        ['{} {}', 'node.json:1:4: this is not JSON'],
        [text.slice(0, 300), 'the JSON ends too early'],
        ['{"nftables": []}', 'use iptables-save'],
        ['[]', 'the document is not an object'],
        ['null', 'the document is not an object'],
        [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'the document is not an object'],
        [
            `{"schema":"sidestep/snapshot/1","origin":"x","rules":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
            'is not an object',
        ],
    ])('text that is no snapshot is refused (%#)', ([bad, message]) => {
        expect(refusal(bad)).toContain(message);
    });
    test('a fault in its rules is told with the place in them', () => {
        expect(refusal(text.replace('--dport 8888', '--dport 88888'))).toContain('88888 is not what --dport takes');
    });
});
describe('whatever holds rules is recognised by its content', () => {
    test('iptables-save text: the source is its origin, the head line tells the back end', () => {
        expect(readInput('*nat\nCOMMIT\n', { source: 'rules.txt' })).toMatchObject({
            origin: 'rules.txt',
            held: [{ backend: 'nft', rules: { family: 'ipv4' } }],
        });
        const head = (rest) => `# Generated by iptables-save v1.8.9${rest} on Mon Nov 23 18:51:45 2026\n*nat\nCOMMIT\n`;
        expect(readInput(head('')).held[0].backend).toBe('legacy');
        expect(readInput(head(' (nf_tables)')).held[0].backend).toBe('nft');
    });
    test('a snapshot, of which a family can be chosen', () => {
        const text = printSnapshot(snapshot);
        expect(readInput(text).origin).toBe(snapshot.origin);
        expect(readInput(`\n  ${text}`).held).toHaveLength(2);
        expect(readInput(text, { family: 'ipv6' }).held.map(({ rules: of }) => of.family)).toEqual(['ipv6']);
    });
});
