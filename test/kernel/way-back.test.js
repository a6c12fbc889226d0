import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES, parseAddress } from '../../src/address/index.ts';
import { openNamespace, readSnapshot } from '../../src/linux/index.ts';
import { makePacket, PACKET_TYPE } from '../../src/netfilter/index.ts';
import { prepare } from '../../src/trace/index.ts';
import { startAgent } from '../support/agent.ts';
import { matchedIn, packetCounts, since, sum } from '../support/counters.ts';
import { frameBytes } from '../support/frame.ts';
import { macOf, openPair } from '../support/namespace.ts';
// Sources that would be answered this way, that way or not at all, by two interfaces: what rpfilter, addrtype on an interface
// and nft's fib count of them, and what the trace says. Neither of it is in the packet: routes tell.
const notRoot = process.getuid?.() !== 0;
const address = (text) => parseAddress(text).value;
const SENDER = 0x020000000009;
const NETWORKS = {
    ipv4: {
        setUp: [
            'address add 10.2.0.5/24 dev eth1',
            'route add 10.3.0.0/16 via 10.2.0.9',
            'route add 10.4.0.0/16 dev eth0 metric 10',
            'route add 10.4.0.0/16 dev eth1 metric 20',
            'route add unreachable 10.5.0.0/16',
            'route add blackhole 10.5.1.0/24',
            'route add 10.6.0.0/16 dev eth1 table 100',
            'route add default dev eth1 table 101',
            'route add throw 10.3.0.0/16 table 101',
            'route add local 10.8.0.0/24 dev eth1',
            'rule add pref 50 from 10.0.0.5 to 10.6.0.0/17 lookup 100',
            'rule add pref 51 fwmark 0x7/0xf lookup 101',
            'rule add pref 52 to 10.6.128.0/17 ipproto udp lookup 100',
            'rule add pref 53 to 10.6.128.0/17 iif lo sport 53 lookup 100',
            'rule add pref 54 to 10.9.0.0/16 iif eth0 lookup 100',
        ],
        sources: [
            ...[
                '0.0.0.0',
                '10.0.0.9',
                '10.0.0.5',
                '10.2.0.5',
                '10.2.0.9',
                '10.0.0.255',
                '10.2.0.255',
                '10.3.0.1',
                '10.4.0.1',
            ],
            ...['10.5.0.1', '10.5.1.1', '10.6.0.1', '10.6.200.1', '10.8.0.1', '10.9.0.1', '192.0.2.1', '224.0.0.5'],
        ],
        destinations: ['10.0.0.5', '10.2.0.5', '10.0.0.77', '10.2.0.77', '255.255.255.255', '224.0.0.9', '10.8.0.7'],
    },
    ipv6: {
        setUp: [
            'address add 2001:db8:2::5/64 dev eth1 nodad',
            'address add fe80::15/64 dev eth0 nodad',
            'address add fe80::25/64 dev eth1 nodad',
            'route add 2001:db8:3::/48 via 2001:db8:2::9',
            'route add 2001:db8:4::/48 dev eth0 metric 10',
            'route add 2001:db8:4::/48 dev eth1 metric 20',
            'route add unreachable 2001:db8:5::/48',
            'route add blackhole 2001:db8:5:1::/64',
            'route add 2001:db8:6::/48 dev eth1 table 100',
            'route add default dev eth1 table 101',
            'route add throw 2001:db8:3::/48 table 101',
            'route add local 2001:db8:8::/64 dev eth1',
            'rule add pref 50 from 2001:db8::5 to 2001:db8:6:0::/64 lookup 100',
            'rule add pref 51 fwmark 0x7/0xf lookup 101',
            'rule add pref 52 to 2001:db8:6:1::/64 ipproto udp lookup 100',
            'rule add pref 53 to 2001:db8:6:1::/64 iif lo sport 53 lookup 100',
            'rule add pref 54 to 2001:db8:9::/48 iif eth0 lookup 100',
        ],
        sources: [
            ...['::', '2001:db8::9', '2001:db8::5', '2001:db8:2::5', '2001:db8:2::9', '2001:db8:3::1', '2001:db8:4::1'],
            ...['2001:db8:5::1', '2001:db8:5:1::1', '2001:db8:6::1', '2001:db8:6:1::1', '2001:db8:8::1', '2001:db8:9::1'],
            ...['fe80::9', 'fe80::15', '2a00::1', '2001:db8::', 'fd00::1'],
        ],
        destinations: [
            '2001:db8::5',
            '2001:db8:2::5',
            '2001:db8::77',
            '2001:db8:2::77',
            'ff02::1',
            'fe80::15',
            'fe80::25',
            '2001:db8:8::7',
        ],
    },
};
const options = (...names) => names.reduce((all, name) => all.flatMap((words) => [words, `${words} ${name}`]), ['']);
/** Rules of iptables, by table and chain; none of them decides anything. */
function rulesOf(family) {
    const types = [
        'LOCAL',
        'UNICAST',
        'MULTICAST',
        'UNREACHABLE',
        'ANYCAST',
        ...(family === 'ipv4' ? ['BROADCAST'] : []),
    ];
    const limited = (end, by) => types.flatMap((type) => [`--${end}-type ${type}`, `! --${end}-type ${type}`].map((words) => `-m addrtype ${words} --limit-iface-${by}`));
    const chains = {
        raw: {
            PREROUTING: [
                ...options('--loose', '--validmark', '--accept-local', '--invert').map((words) => `-m rpfilter${words}`),
                ...[...limited('src', 'in'), ...limited('dst', 'in')],
            ],
        },
        mangle: { FORWARD: [...limited('src', 'out'), ...limited('dst', 'out'), ...limited('src', 'in')] },
    };
    return Object.entries(chains)
        .map(([table, of]) => {
        const [chain, rules] = Object.entries(of)[0];
        const lines = [
            '-A SENT',
            ...(table === 'raw' ? ['-A SENT -p udp -m udp --dport 7 -j MARK --set-mark 0x17'] : []),
            ...rules.map((rule) => `-A SENT ${rule}`),
        ];
        return `*${table}\n:SENT - [0:0]\n-A ${chain} -m mac --mac-source 02:00:00:00:00:09 -j SENT\n${lines.join('\n')}\nCOMMIT\n`;
    })
        .join('');
}
const FIB = [
    ...['fib saddr . iif oif', 'fib saddr . mark . iif oif', 'fib saddr oif', 'fib saddr . mark oif'].flatMap((fib) => [...['missing', 'exists', '0'], ...(fib.includes('iif') ? ['"eth0"', '{ "eth1", "lo" }'] : [])].flatMap((to) => [
        `${fib} ${to}`,
        ...(to.startsWith('{') || to === 'missing' ? [`${fib} != ${to}`] : []),
    ])),
    'fib saddr . iif oifname "eth1"',
    ...['fib saddr', 'fib saddr . mark', 'fib daddr', 'fib daddr . mark'].flatMap((fib) => [
        ...['oif "eth0"', 'oif != "eth1"', 'oifname "eth*"', 'oifname "lo"', 'oif { "lo", "eth1" }'].map((to) => `${fib} ${to}`),
    ]),
    ...['fib daddr . iif oif', 'fib daddr . mark . iif oif', 'fib daddr oif', 'fib daddr . mark oif'].flatMap((fib) => ['missing', 'exists', '0', '"eth0"', '!= "eth0"'].map((to) => `${fib} ${to}`)),
    'fib daddr . iif oifname "eth1"',
    ...['saddr', 'daddr'].flatMap((end) => ['local', 'unicast', 'broadcast', 'multicast', 'anycast'].flatMap((type) => [
        `fib ${end} . iif type ${type}`,
        `fib ${end} type ${type}`,
    ])),
];
const FORWARDED = [
    ...['fib saddr . iif oif missing', 'fib daddr . iif oif missing', 'fib daddr . iif oif "eth1"'],
    ...['local', 'unicast', 'broadcast'].map((type) => `fib daddr . oif type ${type}`),
];
const NATIVE = `table inet way {
  chain pre { type filter hook prerouting priority -290; ether saddr 02:00:00:00:00:09 goto sent; }
  chain sent { counter
    ${FIB.map((rule) => `${rule} counter`).join('\n    ')}
  }
  chain on { type filter hook forward priority 10; ether saddr 02:00:00:00:00:09 goto forwarded; }
  chain forwarded { counter
    ${FORWARDED.map((rule) => `${rule} counter`).join('\n    ')}
  }
}
`;
describe.skipIf(notRoot)('ways back (root: the legacy back end’s lock is its own)', () => {
    describe.for(FAMILIES)('%s', (family) => {
        let pair;
        let client;
        beforeAll(async () => {
            pair = await openPair();
            const { pod } = pair;
            pair.client.must(['ip', 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', String(pod.pid)]);
            for (const scratch of [pair.client, pod])
                scratch.must(['ip', 'link', 'set', 'eth1', 'up']);
            pod.must(['sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
            pod.must(['ip', family === 'ipv4' ? '-4' : '-6', '-batch', '-'], {
                input: `${NETWORKS[family].setUp.join('\n')}\n`,
            });
            client = startAgent(pair.client);
            await client.ready;
        });
        afterAll(() => pair.close());
        /** What nft's own rules have counted, named as the trace names them. */
        function nativeCounts() {
            const { nftables } = JSON.parse(pair.pod.must(['nft', '-j', 'list', 'table', 'inet', 'way']));
            const numbers = new Map();
            const counts = new Map();
            for (const { rule } of nftables) {
                if (!rule)
                    continue;
                const number = (numbers.get(rule.chain) ?? 0) + 1;
                numbers.set(rule.chain, number);
                const packets = rule.expr.find((part) => part.counter)?.counter.packets ?? 0;
                if (packets > 0)
                    counts.set(`${family} inet way ${rule.chain} ${number}`, packets);
            }
            return counts;
        }
        test.for(['nft', 'legacy'])('as the rules of %s count them', { timeout: 120_000 }, async (backend) => {
            const { pod } = pair;
            const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
            pod.must([`${tool}-restore`], { input: rulesOf(family) });
            pod.must(['nft', '-f', '-'], { input: NATIVE });
            const trace = prepare(await readSnapshot(openNamespace({ pid: pod.pid })), []);
            const counts = () => sum([packetCounts(pod, backend), nativeCounts()]);
            const { sources, destinations } = NETWORKS[family];
            const macs = new Map(['eth0', 'eth1'].map((device) => [device, macOf(pod, device)]));
            // The extensions are the same kernel code in both; what nft itself counts is asked once.
            const ports = backend === 'nft' ? [7, 53] : [7];
            const wrong = [];
            let asked = 0;
            let before = counts();
            for (const device of ['eth0', 'eth1'])
                for (const destination of destinations)
                    for (const source of sources)
                        for (const port of ports) {
                            const group = /^(224|255|ff)/.test(destination);
                            const packet = makePacket({
                                family,
                                in: device,
                                source: address(source),
                                destination: address(destination),
                                protocol: 17,
                                sourcePort: 53,
                                destinationPort: port,
                                ttl: 9,
                                packetType: group ? PACKET_TYPE.multicast : PACKET_TYPE.unicast,
                                sourceMac: SENDER,
                                destinationMac: group ? 0x333300000001 : macs.get(device),
                                length: family === 'ipv4' ? 28 : 48,
                            });
                            const told = trace({ direction: 'in', packet, assumptions: [] });
                            await client.sendFrame(frameBytes({
                                ...packet,
                                sourceMac: SENDER,
                                destinationMac: packet.destinationMac ?? 0,
                                length: undefined,
                            }), device);
                            const first = `${family} raw SENT 1`;
                            let after = counts();
                            for (let tries = 0; tries < 100 && after.get(first) === before.get(first); tries += 1)
                                after = counts();
                            const name = `${source} > ${destination}:${port} on ${device}`;
                            const ours = ([place]) => / (SENT|sent|forwarded) /.test(place);
                            const seen = Object.entries(since(before, after)).filter(ours);
                            const matched = Object.entries(since(new Map(), matchedIn(told))).filter(ours);
                            const undecided = told.steps.flatMap((step) => step.kind === 'rule' && step.answer === 'undecided'
                                ? [`${step.table} ${step.chain} ${step.number}`]
                                : []);
                            const said = new Set(matched.map(([place]) => place));
                            const counted = new Set(seen.map(([place]) => place));
                            wrong.push(...[...said].filter((place) => !counted.has(place)).map((place) => `${name}: ${place} did not match`), ...[...counted].filter((place) => !said.has(place)).map((place) => `${name}: ${place} matched`), ...undecided.map((place) => `${name}: ${place} is undecided`));
                            asked += 1;
                            before = after;
                        }
            expect(wrong).toEqual([]);
            expect(asked).toBeGreaterThan(200 * ports.length);
            pod.must([`${tool}-restore`], { input: '*raw\nCOMMIT\n*mangle\nCOMMIT\n' });
            pod.must(['nft', 'delete', 'table', 'inet', 'way']);
        });
    });
});
