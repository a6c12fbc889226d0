import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES, formatAddress, parseAddress } from '../../src/address/index.ts';
import { actsOf, all, anyOf, compile, contextOf, IPV6_HEADERS, makePacket, PACKET_TYPE, predicateOf, } from '../../src/netfilter/index.ts';
import { parseNft, parseRule } from '../../src/text/index.ts';
import { startAgent } from '../support/agent.ts';
import { packetCounts } from '../support/counters.ts';
import { frameBytes } from '../support/frame.ts';
import { macOf, openPair } from '../support/namespace.ts';
// What matches make of frames as they stand: rules of both back ends count, and the meaning of each has to agree.
const notRoot = process.getuid?.() !== 0;
const address = (text) => parseAddress(text).value;
const OTHER_MAC = 0x020000000009;
/** An IPv6 header of `type` before the next one, which `next` names. */
const header = (next, ...bytes) => [next, 0, ...bytes, ...Array(6 - bytes.length).fill(0)];
const [HOP, DST, ROUTE, FRAGMENT, AH, NONE, UDP] = [0, 60, 43, 44, 51, 59, 17];
/** The option PadN fills a header of options. */
const PADDING = [1, 4];
const SAMPLES = {
    ipv4: [
        { title: 'a SYN', packet: { ttl: 64, length: 40 } },
        { title: 'its last hop', packet: { ttl: 1, length: 40 } },
        { title: 'a TTL of 255', packet: { ttl: 255, length: 40 } },
        { title: 'UDP, padded', packet: { protocol: UDP, ttl: 63, length: 100 }, frame: { length: 100 } },
        { title: 'a whole frame', packet: { protocol: UDP, ttl: 63, length: 1500 }, frame: { length: 1500 } },
        { title: 'another source', packet: { source: address('10.0.0.100'), ttl: 64, length: 40 } },
        { title: 'a later fragment', packet: { protocol: UDP, fragment: 1, ttl: 64, length: 28 } },
        {
            title: 'ESP',
            packet: { protocol: 50, ttl: 64, length: 40, spi: 0x01020304 },
            frame: { sourcePort: 0x0102, destinationPort: 0x0304 },
        },
        { title: 'SCTP', packet: { protocol: 132, ttl: 64, length: 40 } },
        { title: 'DCCP', packet: { protocol: 33, ttl: 64, length: 40 } },
        { title: 'IGMP', packet: { protocol: 2, ttl: 64, length: 40 } },
        { title: 'IPComp', packet: { protocol: 108, ttl: 64, length: 40 } },
        { title: 'an echo request', packet: { protocol: 1, icmpType: 8, icmpCode: 0, ttl: 64, length: 28 } },
        { title: 'too big', packet: { protocol: 1, icmpType: 3, icmpCode: 4, ttl: 64, length: 28 } },
        // AH's SPI stands behind four bytes that say how long it is.
        { title: 'AH', packet: { protocol: 51, ttl: 64, length: 40, spi: 1 } },
        {
            title: 'a multicast',
            packet: {
                destination: address('224.0.0.9'),
                protocol: UDP,
                ttl: 1,
                length: 28,
                packetType: PACKET_TYPE.multicast,
            },
            frame: { destinationMac: 0x01005e000009 },
        },
        {
            title: 'a broadcast',
            packet: {
                destination: address('255.255.255.255'),
                protocol: UDP,
                ttl: 64,
                length: 28,
                packetType: PACKET_TYPE.broadcast,
            },
            frame: { destinationMac: 0xffffffffffff },
        },
    ],
    ipv6: [
        { title: 'a SYN', packet: { ttl: 64, length: 60 } },
        { title: 'a hop limit of 255', packet: { ttl: 255, length: 60 } },
        { title: 'UDP', packet: { protocol: UDP, ttl: 1, length: 48 } },
        {
            title: 'hop-by-hop',
            packet: { protocol: UDP, ttl: 64, length: 56, headers: IPV6_HEADERS['hop-by-hop'] | 1 },
            frame: { between: { first: HOP, bytes: header(UDP, ...PADDING) } },
        },
        {
            title: 'destination options',
            packet: { protocol: UDP, ttl: 64, length: 56, headers: IPV6_HEADERS['ipv6-opts'] | 1 },
            frame: { between: { first: DST, bytes: header(UDP, ...PADDING) } },
        },
        {
            title: 'a routing header',
            packet: { protocol: UDP, ttl: 64, length: 56, headers: IPV6_HEADERS['ipv6-route'] | 1 },
            frame: { between: { first: ROUTE, bytes: header(UDP) } },
        },
        {
            title: 'hop-by-hop and destination options',
            packet: {
                protocol: UDP,
                ttl: 64,
                length: 64,
                headers: IPV6_HEADERS['hop-by-hop'] | IPV6_HEADERS['ipv6-opts'] | 1,
            },
            frame: { between: { first: HOP, bytes: [...header(DST, ...PADDING), ...header(UDP, ...PADDING)] } },
        },
        {
            title: 'a first fragment',
            packet: { protocol: UDP, ttl: 64, length: 56, headers: IPV6_HEADERS['ipv6-frag'] | 1 },
            frame: { between: { first: FRAGMENT, bytes: [UDP, 0, 0, 1, 0, 0, 0, 7] } },
        },
        {
            title: 'a later fragment',
            packet: { protocol: UDP, ttl: 64, length: 56, fragment: 1 },
            frame: { between: { first: FRAGMENT, bytes: [UDP, 0, 0, 9, 0, 0, 0, 7] } },
        },
        {
            title: 'AH',
            packet: { protocol: UDP, ttl: 64, length: 64, headers: IPV6_HEADERS.ah | 1, spi: 5 },
            frame: { between: { first: AH, bytes: [UDP, 2, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0] } },
        },
        {
            title: 'ESP',
            packet: { protocol: 50, ttl: 64, length: 60, spi: 0x01020304 },
            frame: { sourcePort: 0x0102, destinationPort: 0x0304 },
        },
        { title: 'a Mobility header', packet: { protocol: 135, ttl: 64, length: 60 } },
        { title: 'ICMPv6', packet: { protocol: 58, icmpType: 2, icmpCode: 0, ttl: 64, length: 48 } },
        { title: 'nothing follows', packet: { protocol: NONE, ttl: 64, length: 60 } },
        {
            title: 'a multicast',
            packet: { destination: address('ff02::1'), protocol: UDP, ttl: 1, length: 48, packetType: PACKET_TYPE.multicast },
            frame: { destinationMac: 0x333300000001 },
        },
    ],
};
/** What stands in the place of a later fragment's ports nobody tells. */
const WITHOUT_PORTS = { sourcePort: undefined, destinationPort: undefined };
const packetOf = (family, packet) => makePacket({
    family,
    in: 'eth0',
    source: address(family === 'ipv4' ? '10.0.0.9' : '2001:db8::9'),
    destination: address(family === 'ipv4' ? '10.0.0.5' : '2001:db8::5'),
    sourcePort: 40000,
    destinationPort: 80,
    packetType: PACKET_TYPE.unicast,
    ipsec: 0,
    ...packet,
});
/** The length is that of the headers unless the frame is padded. */
const bytesOf = ({ length: _length, ...fields }, destinationMac, frame) => frameBytes({ ...fields, length: undefined, sourceMac: OTHER_MAC, destinationMac, ...frame });
const both = (words) => [words, words.replace(/ (--(?!soft)\S+)/, ' ! $1')];
const RULES = {
    ipv4: [
        ...both('-m ttl --ttl-eq 64'),
        ...['--ttl-lt 64', '--ttl-gt 63', '--ttl-gt 255', '--ttl-lt 0'].map((words) => `-m ttl ${words}`),
        ...both('-p esp -m esp --espspi 16909060'),
        ...both('-p esp -m esp --espspi 0:4294967295'),
        ...both('-p ah -m ah --ahspi 1'),
    ],
    ipv6: [
        ...both('-m hl --hl-eq 64'),
        ...['--hl-lt 64', '--hl-gt 64'].map((words) => `-m hl ${words}`),
        ...['-m hbh', '-m dst', '-m rt', '-m frag', '-m ah', '-m frag --fragfirst', '-m ah --ahspi 5', '-m ah ! --ahspi 5'],
        ...both('-m frag --fraglen 99'),
        ...['prot', 'hop', 'hop,prot', 'esp', 'none', 'frag,prot', 'auth,prot', 'hop,dst,prot'].flatMap((names) => [
            ...both(`-m ipv6header --header ${names}`),
            ...both(`-m ipv6header --header ${names} --soft`),
        ]),
        ...both('-p esp -m esp --espspi 16909060'),
    ],
};
const SHARED = [
    ...both('-m length --length 40'),
    ...both('-m length --length 60:1500'),
    '-m length --length 9:5',
    ...['unicast', 'broadcast', 'multicast', 'otherhost'].flatMap((kind) => both(`-m pkttype --pkt-type ${kind}`)),
    ...both('-m mac --mac-source 02:00:00:00:00:09'),
    ...both('-m policy --dir in --pol none').filter((words) => !words.includes('!')),
    '-m policy --dir in --pol ipsec',
];
const RANGES = {
    ipv4: [...both('-m iprange --src-range 10.0.0.1-10.0.0.50'), ...both('-m iprange --src-range 10.0.0.50-10.0.0.1')],
    ipv6: [...both('-m iprange --src-range 2001:db8::-2001:db8::50')],
};
/** What nft's own rules ask of the same frames, in a table of both families: what there is only in one ends the rule in the other. */
const NATIVE = [
    ...['hbh', 'dst', 'rt', 'frag', 'mh'].flatMap((name) => [`exthdr ${name} exists`, `exthdr ${name} missing`]),
    ...[
        'frag frag-off 0',
        'frag frag-off != 0',
        'frag frag-off > 0',
        'ip frag-off & 0x1fff != 0',
        'ip frag-off & 8191 0',
    ],
    ...['ip6 nexthdr', 'ip protocol', 'meta l4proto'].flatMap((what) => [`${what} 50`, `${what} 51`, `${what} != 17`]),
    ...[
        'esp spi 0x01020304',
        'esp spi != 5',
        'ah spi 1',
        'ah spi 5',
        'ah spi > 1',
        'ah sequence != 99999',
        'esp sequence != 9',
    ],
    ...['comp cpi 1', 'comp flags != 1', 'igmp type 17', 'igmp mrt != 1', 'dccp type request', 'sctp vtag != 77777'],
    ...['tcp option maxseg', 'tcp option sack-perm', 'tcp option 253', 'sctp chunk data'].map((what) => `${what} exists`),
    ...['tcp option maxseg', 'tcp option timestamp', 'sctp chunk init'].map((what) => `${what} missing`),
    ...['tcp option maxseg size != 1', 'tcp option window count != 1', 'sctp chunk init initial-tsn != 0'],
    ...[
        'udp dport != 80',
        'udp dport 80',
        'udp sport != 7',
        'th dport != 7',
        'udp dport 0-100',
        'tcp flags syn',
        'tcp sequence 0',
        'tcp doff 5',
        'icmp type != 77',
        'icmp id != 77',
    ],
    ...['tcp window != 1', 'udp checksum != 1', 'icmp mtu != 1', 'icmpv6 mtu != 1', 'icmp checksum != 77', 'ip id != 77'],
    ...['osf name != "x"', 'osf name "unknown"', 'meta cgroup 0', 'meta cgroup != 0'],
    ...[
        'meta iiftype loopback',
        'meta iiftype != loopback',
        'meta iiftype ether',
        'meta ipsec missing',
        'meta ipsec exists',
    ],
    ...['meta iifgroup default', 'meta random != 7', 'meta oiftype ether'],
    ...['ether type ip', 'ether type ip6', 'ether type 8021q', 'ether type != arp', 'vlan id 5', 'rt ipsec exists'],
    ...[
        'ipsec in reqid 1',
        'ipsec in reqid != 1',
        'ip option rr exists',
        'ip hdrlength 5',
        'ip6 flowlabel 0',
        'ip6 hoplimit > 63',
    ],
];
describe.skipIf(notRoot)('frames (root: the legacy back end’s lock is its own)', () => {
    describe.for(FAMILIES)('%s', (family) => {
        let pair;
        let client;
        beforeAll(async () => {
            pair = await openPair();
            client = startAgent(pair.client);
            await client.ready;
        });
        afterAll(() => pair.close());
        test.for(['nft', 'legacy'])('frames, as the rules of %s count them', async (backend) => {
            const { pod } = pair;
            const words = ['-m mac --mac-source 02:00:00:00:00:09', ...RULES[family], ...SHARED, ...RANGES[family]];
            const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
            pod.must([`${tool}-restore`], {
                // Neighbours ask for each other beside it: they have other MAC addresses.
                input: `*raw\n:SENT - [0:0]\n-A PREROUTING ${words[0]} -j SENT\n${words.map((rule) => `-A SENT ${rule}\n`).join('')}COMMIT\n`,
            });
            const ownMac = macOf(pod, 'eth0');
            const counts = () => {
                const read = packetCounts(pod, backend);
                return words.map((_, index) => read.get(`${family} raw SENT ${index + 1}`) ?? 0);
            };
            for (const { title, packet, frame } of SAMPLES[family]) {
                const whole = packetOf(family, packet);
                const before = counts();
                await client.sendFrame(bytesOf(whole, ownMac, frame), 'eth0');
                let after = counts();
                for (let tries = 0; tries < 100 && after[0] === before[0]; tries += 1)
                    after = counts();
                const seen = words.map((rule, index) => `${rule}: ${after[index] - before[index]}`);
                const told = words.map((rule) => {
                    const said = compile(predicateOf(parseRule(rule, { family, table: 'raw' }), family))({
                        ...whole,
                        sourceMac: OTHER_MAC,
                    });
                    return `${rule}: ${said === 'undecided' ? said : said ? 1 : 0}`;
                });
                expect(told, `${title}, ${formatAddress(family, whole.destination)}`).toEqual(seen);
            }
            pod.must([`${tool}-restore`], { input: '*raw\nCOMMIT\n' });
        });
        test('frames, as nft’s own rules count them', async () => {
            const { pod } = pair;
            const rules = ['ether saddr 02:00:00:00:00:09', ...NATIVE];
            const lines = rules.map((rule) => `${rule} counter\n`).join('');
            const sent = 'type filter hook prerouting priority 0; ether saddr 02:00:00:00:00:09 jump sent';
            pod.must(['nft', '-f', '-'], { input: `table inet t { chain sent { ${lines} }; chain c { ${sent}; }; }` });
            const list = () => pod.must(['nft', 'list', 'table', 'inet', 't']);
            const counts = () => [...list().matchAll(/counter packets (\d+)/g)].map(([, count]) => Number(count));
            const [table] = parseNft(list());
            const acts = table.chains
                .find(({ name }) => name === 'sent')
                .rules.map((rule) => actsOf(rule, contextOf(table, family)));
            // What it is compared with may stand in another order there, but each rule in its place.
            const meanings = acts.map((parts) => compile(all(...parts.map(({ alternatives }) => anyOf(alternatives.map(({ when }) => when))))));
            // IPv6's AH is the last header to nft, whatever stands behind it.
            const samples = SAMPLES[family].filter(({ packet }) => packet.protocol !== UDP || packet.spi === undefined);
            for (const { title, packet, frame } of samples) {
                const whole = packetOf(family, packet);
                const before = counts();
                await client.sendFrame(bytesOf(whole, macOf(pod, 'eth0'), frame), 'eth0');
                let after = counts();
                for (let tries = 0; tries < 100 && after[0] === before[0]; tries += 1)
                    after = counts();
                const seen = rules.map((rule, index) => `${rule}: ${after[index] - before[index]}`);
                const told = rules.map((rule, index) => {
                    const said = meanings[index]({ ...whole, ...(whole.fragment ? WITHOUT_PORTS : {}), sourceMac: OTHER_MAC });
                    // What is not known agrees with whatever the kernel finds.
                    return said === 'undecided' ? seen[index] : `${rule}: ${said ? 1 : 0}`;
                });
                expect(told, title).toEqual(seen);
            }
            pod.must(['nft', 'delete', 'table', 'inet', 't']);
        });
    });
});
