import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES, formatAddress, parseAddress } from '../../src/address/index.ts';
import { compile, makePacket, predicateOf, SET_TYPES } from '../../src/netfilter/index.ts';
import { parseRule, parseSets } from '../../src/text/index.ts';
import { startAgent } from '../support/agent.ts';
import { packetCounts } from '../support/counters.ts';
import { frameBytes } from '../support/frame.ts';
import { macOf, openPair } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
// Random sets of every type that this kernel has (some lack hash:mac, hash:ip,mac, hash:ip,mark and those of two networks),
// real packets through rules that name them, and what the parsed
// `ipset save` says of each: the counters of the rules must agree.
/** Packets a family; PACKETS=5000 for a long run. */
const PACKETS = Number(process.env.PACKETS ?? 300);
const notRoot = process.getuid?.() !== 0;
const address = (text) => parseAddress(text).value;
const UNIVERSE = {
    ipv4: ['10.0.0.1', '10.0.0.2', '10.0.0.77', '10.0.1.1', '10.1.0.1', '10.1.0.2', '11.0.0.1', '192.168.0.1'],
    ipv6: ['2001:db8::1', '2001:db8::2', '2001:db8::77', '2001:db8:1::1', '2001:db8:1::2', '2001:db9::1', 'fd00::1'],
};
const LENGTHS = { ipv4: [8, 15, 16, 24, 25, 31, 32], ipv6: [16, 31, 32, 47, 48, 64, 127, 128] };
const MACS = [0x020000000001, 0x020000000002, 0x020000000003];
const spoken = (mac) => mac.toString(16).padStart(12, '0').match(/../g).join(':');
const PORTS = [1, 2, 80, 81, 1000, 1001];
/** One dimension of a random element. */
function part(dimension, random, family, type) {
    switch (dimension) {
        case 'ip':
            return random.pick(UNIVERSE[family]);
        case 'net':
            return `${random.pick(UNIVERSE[family])}/${random.pick(LENGTHS[family])}`;
        case 'mac':
            return spoken(random.pick(MACS));
        case 'mark':
            return random.pick(['0x0', '0x1', '0x2']);
        case 'iface':
            return random.pick(['eth0', 'eth1', 'lo', 'physdev:eth0']);
        default:
            if (type === 'bitmap:port')
                return String(random.pick(PORTS.slice(0, 5)));
            return random.pick([
                ...[80, 81].flatMap((port) => [`tcp:${port}`, `udp:${port}`]),
                'sctp:80',
                'udplite:80',
                'tcp:1-2',
                'vrrp:0',
                family === 'ipv4' ? 'icmp:echo-request' : 'icmpv6:echo-request',
                family === 'ipv4' ? 'icmp:3/1' : 'icmpv6:1/3',
            ]);
    }
}
/** What `create` takes besides the type, in each variety that is tried. */
function varieties(type, family) {
    const inet = family === 'ipv4' ? 'family inet' : 'family inet6';
    if (type === 'bitmap:port')
        return ['range 0-1000'];
    if (type.startsWith('bitmap:'))
        return family === 'ipv6'
            ? []
            : ['range 10.0.0.0/16', ...(type === 'bitmap:ip' ? ['range 10.0.0.0/16 netmask 24'] : [])];
    if (type === 'hash:ip') {
        const masks = family === 'ipv4' ? ['netmask 24', 'bitmask 255.0.255.255'] : ['netmask 64', 'bitmask ffff::ffff'];
        return [inet, `${inet} counters comment`, ...masks.map((mask) => `${inet} ${mask}`)];
    }
    return type === 'hash:mac' || type === 'list:set' ? [''] : [inet, inet];
}
/** Sets of every type that the kernel takes, filled at random. */
function fill(pod, random, family) {
    const filled = [];
    for (const [type, dimensions] of Object.entries(SET_TYPES)) {
        if (type === 'list:set')
            continue;
        for (const variety of varieties(type, family)) {
            const name = `${type.replace(/[:,]/g, '-')}.${filled.length}`;
            if (pod.run(['ipset', 'create', name, type, ...variety.split(' ').filter((word) => word !== '')]).status !== 0) {
                continue;
            }
            filled.push(name);
            const excepts = dimensions.includes('net');
            const lines = Array.from({ length: 10 }, () => {
                const parts = dimensions.map((dimension) => part(dimension, random, family, type));
                const element = type === 'bitmap:ip,mac' && random.oneIn(4) ? parts[0] : parts.join(',');
                return `add ${name} ${element}${excepts && random.oneIn(3) ? ' nomatch' : ''}`;
            });
            // What a set does not take (an address out of its range) is left out.
            for (const line of lines)
                pod.run(['ipset', 'restore', '-exist'], { input: `${line}\n` });
        }
    }
    const members = random.some(filled, 4);
    pod.must(['ipset', 'restore'], {
        input: ['create some list:set', ...members.map((name) => `add some ${name}`), ''].join('\n'),
    });
    return parseSets(pod.must(['ipset', 'save']));
}
/** Each set asked for in several ways. */
function rulesFor(sets, random) {
    const sides = (count) => Array.from({ length: count }, () => random.pick(['src', 'dst'])).join(',');
    return [...sets.values()].flatMap(({ name, type }) => {
        const count = SET_TYPES[type].length;
        return [
            `-m set --match-set ${name} ${sides(count)}`,
            `-m set --match-set ${name} ${sides(count)}`,
            `-m set ! --match-set ${name} ${sides(3)}`,
            `-m set --match-set ${name} ${sides(3)} --return-nomatch`,
            `-m set ! --match-set ${name} ${sides(1)} --return-nomatch`,
            `-m set --match-set ${name} ${sides(2)} --packets-gt 1000000`,
        ];
    });
}
function randomPacket(random, family, destinationMac) {
    const icmp = family === 'ipv4' ? 1 : 58;
    const protocol = random.pick([6, 6, 17, 17, icmp, 112, 132, 136]);
    const ported = [6, 17, 132, 136].includes(protocol);
    const fragment = family === 'ipv4' && random.oneIn(12) ? 1 : 0;
    return {
        ...makePacket({
            family,
            in: 'eth0',
            source: address(random.pick(UNIVERSE[family])),
            destination: address(random.pick(UNIVERSE[family])),
            protocol,
            fragment,
            ...(ported && fragment === 0 ? { sourcePort: random.pick(PORTS), destinationPort: random.pick(PORTS) } : {}),
            ...(protocol === icmp && fragment === 0
                ? random.pick([
                    { icmpType: family === 'ipv4' ? 8 : 128, icmpCode: 0 },
                    { icmpType: family === 'ipv4' ? 3 : 1, icmpCode: family === 'ipv4' ? 1 : 3 },
                    { icmpType: 4, icmpCode: 0 },
                ])
                : {}),
        }),
        sourceMac: random.pick(MACS),
        destinationMac,
    };
}
describe.skipIf(notRoot)('sets (root: the legacy back end’s lock is its own)', () => {
    describe.for(FAMILIES)('%s', (family) => {
        let pair;
        let client;
        beforeAll(async () => {
            pair = await openPair();
            client = startAgent(pair.client);
            await client.ready;
        });
        afterAll(() => pair.close());
        test('what is in a set', async () => {
            const { pod } = pair;
            const random = seeded(Number(process.env.SEED ?? 1));
            const sets = fill(pod, random, family);
            const words = rulesFor(sets, random);
            const tool = family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy';
            pod.must([`${tool}-restore`], {
                input: [
                    '*raw',
                    '-A PREROUTING -m mac ! --mac-source 00:00:00:00:00:01',
                    ...words.map((rule) => `-A PREROUTING ${rule}`),
                    'COMMIT',
                    '',
                ].join('\n'),
            });
            const tests = words.map((rule) => compile(predicateOf(parseRule(rule, { family, table: 'raw' }), family, sets)));
            const ownMac = macOf(pod, 'eth0');
            let before = counts();
            function counts() {
                const read = packetCounts(pod, 'legacy');
                return Array.from({ length: words.length + 1 }, (_, index) => read.get(`${family} raw PREROUTING ${index + 1}`) ?? 0);
            }
            const differences = [];
            let undecided = 0;
            for (let sent = 0; sent < PACKETS; sent += 1) {
                const packet = randomPacket(random, family, ownMac);
                await client.sendFrame(frameBytes(packet), 'eth0');
                let after = counts();
                for (let tries = 0; tries < 100 && after[0] === before[0]; tries += 1)
                    after = counts();
                if (after[0] - before[0] !== 1) {
                    // Something else came in beside it (IPv6 asks for neighbours): no packet to compare.
                    before = after;
                    continue;
                }
                for (const [index, rule] of words.entries()) {
                    const told = tests[index](packet);
                    const seen = after[index + 1] > before[index + 1];
                    if (told === 'undecided')
                        undecided += 1;
                    else if (told !== seen)
                        differences.push(`${rule}: the kernel ${seen} for ${told}: ${said(packet)}\n${elementsOf(pod, rule)}`);
                }
                before = after;
            }
            expect(differences.slice(0, 5)).toEqual([]);
            expect(undecided).toBeLessThan(PACKETS * words.length * 0.1);
        });
    });
});
const said = ({ family, source, destination, ...rest }) => `${formatAddress(family, source)} > ${formatAddress(family, destination)} ${JSON.stringify({
    protocol: rest.protocol,
    ports: [rest.sourcePort, rest.destinationPort],
    icmp: [rest.icmpType, rest.icmpCode],
    fragment: rest.fragment,
    macs: [spoken(rest.sourceMac), spoken(rest.destinationMac)],
})}`;
const elementsOf = (pod, rule) => pod.must(['ipset', 'save', /match-set (\S+)/.exec(rule)[1]]);
