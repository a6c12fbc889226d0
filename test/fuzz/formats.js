import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromIstioFlags } from '../../src/interception/index.ts';
import { parseNft, parseNftJson, parseSave, parseSets, parseSnapshot, printSnapshot, readInput, readListing, readScript, } from '../../src/text/index.ts';
import { parseFilter, parseQuestion, trace } from '../../src/trace/index.ts';
import { randomNftRuleSet } from '../support/random-nft.ts';
import { randomRule, randomSave, randomSets } from '../support/random-rules.ts';
/** Texts of this project's own tests, each handed out by its folder and ending. */
const files = (folder, ending) => {
    let texts;
    return () => {
        const path = join('test', folder);
        const names = readdirSync(path).filter((name) => name.endsWith(ending));
        texts ??= names.map((name) => readFileSync(join(path, name), 'utf8'));
        return texts;
    };
};
const nftTexts = files('cases/nft', '.txt');
const nftDocuments = files('cases/nft', '.json');
const scripts = files('cases/script', '.sh');
const listings = files('fuzz/seeds', '.txt');
const family = (random) => random.pick(['ipv4', 'ipv6']);
const save = (random) => randomSave(random, family(random), 1 + random.below(40));
/** Rules as commands, as `iptables -S` prints them or as somebody types them into a shell. */
const commands = (random, before) => Array.from({ length: 1 + random.below(20) }, () => {
    const chain = random.pick(['INPUT', 'FORWARD', 'OUTPUT', 'OWN']);
    const rule = randomRule(random, family(random), 'filter', chain, ['OWN']);
    return random.oneIn(6) ? `${before}-P INPUT DROP` : `${before}${random.pick(['-A', '-I'])} ${chain} ${rule}`;
}).join('\n');
/** A snapshot with a bit of everything. */
const snapshot = (random) => ({
    ...readInput(randomSave(random, 'ipv4', 8), { keepGoing: true }),
    native: parseNft(randomNftRuleSet(random), { keepGoing: true }),
    interfaces: [
        {
            name: 'eth0',
            index: 2,
            up: true,
            addresses: [{ family: 'ipv4', value: 0x0a000005, length: 24, secondary: false, scope: 'global' }],
        },
    ],
    routes: [{ family: 'ipv4', table: 254, kind: 'unicast', destination: 0, length: 0, device: 'eth0', metric: 0 }],
    routingRules: [{ family: 'ipv4', priority: 100, table: 254, mark: { value: 1, mask: 1 }, other: 'iif eth0' }],
    listeners: [{ family: 'ipv4', protocol: 'tcp', address: 0, port: 80, process: { pid: 7, name: 'app' } }],
    sysctls: { ipForward: true, routeLocalnet: ['all'], rpFilter: [{ interface: 'all', mode: 'loose' }] },
    ipsets: randomSets('ipv4'),
});
const EXPRESSIONS = [
    'in tcp/8888',
    'in tcp 10.0.0.9:40000 > :8888',
    'out tcp > [2001:db8::5]:80 uid 1000 gid 7 mark 0x1/0xff',
    'in udp/53 state established reply flags syn,ack dscp af11 ecn 1 ttl 3 length 99',
    'in icmp error type 11/0 from 10.1.0.1 about out tcp/80',
    'self icmpv6 type 128/0 on lo at 2026-11-23T12:00:00Z mac 00:11:22:33:44:55 fragment',
];
const FLAGS = [
    '-b * -i * -d 15090,15021,15020 -u 1337 -g 1337 -x 10.0.0.0/8 -m TPROXY -p 15001 -z 15006',
    '--inbound-ports 80,443 --istio-outbound-ports 8080 --drop-invalid --redirect-dns --kube-virt-interfaces eth1,eth2',
];
const EMPTY = { origin: 'fuzz', held: [] };
const held = (text, options) => ({
    origin: 'fuzz',
    held: parseSave(text, options).map((rules) => ({ backend: 'nft', rules })),
});
export const FORMATS = [
    { name: 'save', whole: save, read: held },
    {
        name: 'rules',
        whole: (random) => commands(random, ''),
        read: (text, options) => readInput(text, { table: 'filter', ...options }),
    },
    {
        name: 'script',
        whole: (random) => random.oneIn(2) ? random.pick(scripts()) : `#!/bin/sh\nset -e\n${commands(random, 'iptables -t filter ')}\n`,
        read: readScript,
    },
    { name: 'listing', whole: (random) => random.pick(listings()), read: readListing },
    {
        name: 'nft',
        whole: (random) => (random.oneIn(3) ? random.pick(nftTexts()) : randomNftRuleSet(random)),
        read: (text, options) => ({ ...EMPTY, native: parseNft(text, options) }),
    },
    {
        name: 'nft-json',
        whole: (random) => random.pick(nftDocuments()),
        read: (text, options) => ({ ...EMPTY, native: parseNftJson(text, options) }),
    },
    {
        name: 'ipset',
        whole: (random) => `${randomSets(family(random))}${entries(random)}`,
        read: (text, options) => ({ ...EMPTY, ipsets: text, sets: parseSets(text, options) }),
    },
    { name: 'snapshot', whole: (random) => printSnapshot(snapshot(random)), read: (text) => parseSnapshot(text) },
    {
        name: 'packet',
        whole: (random) => random.pick(EXPRESSIONS),
        read(text) {
            trace(EMPTY, parseQuestion(text, EMPTY), []);
            return undefined;
        },
    },
    {
        name: 'filter',
        whole: (random) => random.pick(EXPRESSIONS),
        read(text) {
            parseFilter(text);
            return undefined;
        },
    },
    {
        name: 'flags',
        whole: (random) => random.pick(FLAGS),
        read(text) {
            fromIstioFlags(text.split(' '), { ISTIO_SERVICE_CIDR: text }, { resolvConf: text });
            return undefined;
        },
    },
    // Recognised by its content, whatever it is.
    {
        name: 'any',
        whole: (random) => random.pick(FORMATS.slice(0, 8)).whole(random),
        read: (text, options) => readInput(text, options),
    },
];
const entries = (random) => Array.from({ length: random.below(20) }, () => random.pick([
    'add hosts 10.0.0.1 timeout 30 packets 1 bytes 2',
    'add nets 10.0.0.0/8 nomatch',
    'add services 10.0.0.1,tcp:80 comment "a \\"b\\""',
    'add pairs 10.0.0.1,udp:53,10.0.0.2 skbmark 0x1/0xff',
    'add ports 80-443',
    'add lists hosts',
])).join('\n');
