import { allMatches, allTargets, BUILT_IN, isBuiltIn, } from '../../src/netfilter/index.ts';
import { COUNTING_FORMS } from './random-counting.ts';
import { IPV6_FORMS } from './random-ipv6.ts';
import { atLeastOne, bang, flagged, numbers, perhaps, randomAddress, shuffled, } from './random-words.ts';
export { randomAddress };
const randomPrefix = (random, family) => {
    const address = randomAddress(random, family);
    const length = family === 'ipv4' ? 1 + random.below(32) : 1 + random.below(128);
    return random.pick([
        address,
        `${address}/${length}`,
        family === 'ipv4' ? `${address}/255.0.255.0` : `${address}/ffff:0:ffff::`,
    ]);
};
const port = (random) => random.pick(['80', '443', '8080', '15001', String(random.below(65536)), 'http']);
const portRange = (random) => {
    const low = random.below(60000);
    return random.pick([port(random), `${low}:${low + 1 + random.below(5000)}`, ':1023', '1024:']);
};
const numberedRange = (random) => random.pick([String(random.below(65_536)), '5:10', ':1023', '1024:', '0:65535', ':', '0x50']);
const portList = (random) => Array.from({ length: 1 + random.below(5) }, () => {
    const low = random.below(60000);
    return random.oneIn(3) ? `${low}:${low + 1 + random.below(500)}` : String(low);
}).join(',');
const mark = (random) => random.pick([
    '1',
    '0x539',
    '1337',
    '0x539/0xfff',
    '0/0xff',
    '0x1/0x1',
    '4294967295',
    '5/3',
    '010',
    '0x10/0xffffffff',
]);
const mask = (random) => random.pick(['0xff', '255', '0xffffffff', '0', '0xfff00000']);
/** The sets that random rules name, as `ipset restore` takes them. They have to be there before the rules. */
export const randomSets = (family) => {
    const inet = family === 'ipv4' ? 'inet' : 'inet6';
    return [
        `create hosts hash:ip family ${inet} counters`,
        `create nets hash:net family ${inet}`,
        `create services hash:ip,port family ${inet}`,
        `create pairs hash:ip,port,ip family ${inet}`,
        'create ports bitmap:port range 0-1023',
        'create lists list:set',
        '',
    ].join('\n');
};
const FROM = ['08:00', '23:30', '1:5', '00:00:01'];
const UNTIL = ['18:00', '23:59:59', '7:07:07'];
/** The times of day at which random rules begin or end to match, midnight besides. */
export const TIMES_OF_DAY = [...FROM, ...UNTIL];
/** How each match is written at random. */
export const MATCH_FORMS = {
    tcp: (random) => ({
        protocol: 'tcp',
        words: shuffled(random, perhaps(random, random.pick(['--dport', '--destination-port']), () => portRange(random)), perhaps(random, random.pick(['--sport', '--source-port']), () => portRange(random)), random.pick([
            () => [],
            () => [`${bang(random)}--syn`],
            () => [
                `${bang(random)}--tcp-flags ${random.some(['SYN', 'ACK', 'FIN', 'RST', 'URG', 'PSH'], 4).join(',')} SYN`,
            ],
            () => ['--tcp-flags ALL NONE'],
        ])(), perhaps(random, '--tcp-option', () => String(1 + random.below(255)))),
    }),
    udp: (random) => ({
        protocol: 'udp',
        words: shuffled(random, perhaps(random, '--dport', () => portRange(random)), perhaps(random, '--sport', () => portRange(random))),
    }),
    multiport: (random) => ({
        protocol: random.pick(['tcp', 'udp', 'sctp', 'dccp', 'udplite']),
        words: `${bang(random)}${random.pick(['--dports', '--sports', '--ports', '--destination-ports', '--source-ports'])} ${portList(random)}`,
    }),
    conntrack: (random, family) => ({
        words: atLeastOne(random, () => [
            perhaps(random, '--ctstate', () => random.some(['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED', 'SNAT', 'DNAT'], 4).join(',')),
            perhaps(random, '--ctproto', () => random.pick(['tcp', '17', 'icmp'])),
            perhaps(random, '--ctorigsrc', () => randomAddress(random, family)),
            perhaps(random, '--ctorigdst', () => `${randomAddress(random, family)}/${8 + random.below(20)}`),
            perhaps(random, '--ctreplsrc', () => randomAddress(random, family)),
            perhaps(random, '--ctrepldst', () => randomAddress(random, family)),
            perhaps(random, '--ctorigsrcport', () => portRange(random)),
            perhaps(random, '--ctorigdstport', () => portRange(random)),
            perhaps(random, '--ctreplsrcport', () => portRange(random)),
            perhaps(random, '--ctrepldstport', () => portRange(random)),
            perhaps(random, '--ctstatus', () => random.pick(['NONE', random.some(['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'], 4).join(',')])),
            perhaps(random, '--ctexpire', () => random.pick(['10', '10:20', ':30', '5:'])),
            perhaps(random, '--ctdir', () => random.pick(['ORIGINAL', 'REPLY', 'reply']), false),
        ]),
    }),
    state: (random) => ({
        words: `${bang(random)}--state ${random.some(['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'], 5).join(',')}`,
    }),
    owner: (random) => ({
        words: atLeastOne(random, () => [
            perhaps(random, '--uid-owner', () => random.pick(['0', '1337', '1000-1999', '5:9', 'root', '7-7', '4294967294'])),
            random.oneIn(2)
                ? [
                    `${bang(random)}--gid-owner ${random.pick(['0', '1337', '100-200'])}${random.oneIn(3) ? ' --suppl-groups' : ''}`,
                ]
                : [],
            random.oneIn(4) ? [`${bang(random)}--socket-exists`] : [],
        ]),
    }),
    mark: (random) => ({ words: `${bang(random)}--mark ${mark(random)}` }),
    connmark: (random) => ({ words: `${bang(random)}--mark ${mark(random)}` }),
    socket: (random) => ({ words: flagged(random, '--restore-skmark', '--nowildcard', '--transparent').join(' ') }),
    comment: (random) => ({
        words: `--comment ${random.pick(['plain', '"two words"', '"a \\"quoted\\" one"', '"back\\\\slash"', `"it's"`, 'a.b', '"é – ü"', '""', '"-j"', '"!"', 'proxy-init/redirect-common-chain', 'x'.repeat(300)])}`,
    }),
    addrtype: (random, family) => {
        const kinds = family === 'ipv4'
            ? [
                'UNSPEC',
                'UNICAST',
                'LOCAL',
                'BROADCAST',
                'ANYCAST',
                'MULTICAST',
                'BLACKHOLE',
                'UNREACHABLE',
                'PROHIBIT',
                'local',
            ]
            : ['UNSPEC', 'UNICAST', 'LOCAL', 'ANYCAST', 'MULTICAST', 'UNREACHABLE'];
        const kind = () => random.some(kinds, 3).join(',');
        const limit = random.pick(['', '', ' --limit-iface-in', ' --limit-iface-out']);
        const hooks = {
            ' --limit-iface-in': ['PREROUTING', 'INPUT', 'FORWARD'],
            ' --limit-iface-out': ['FORWARD', 'OUTPUT', 'POSTROUTING'],
        };
        const allowed = hooks[limit];
        return {
            words: `${atLeastOne(random, () => [perhaps(random, '--dst-type', kind), perhaps(random, '--src-type', kind)])}${limit}`,
            ...(allowed ? { places: { hooks: allowed } } : {}),
        };
    },
    icmp: (random) => ({
        protocol: 'icmp',
        words: `${bang(random)}--icmp-type ${random.pick(['any', '8', '3/1', 'echo-request', 'host-unreachable', 'ping', 'TOS-host-redirect', 'redirect', '255', '0x8', '3/0x4', 'timestamp-req'])}`,
    }),
    icmp6: (random) => ({
        protocol: random.pick(['icmpv6', 'ipv6-icmp', '58']),
        words: `${bang(random)}--icmpv6-type ${random.pick(['128', '1/0', 'echo-request', 'no-route', 'neighbour-solicitation', 'packet-too-big', '255', 'bad-header', 'redirect'])}`,
    }),
    time: (random) => ({
        words: random
            .some([
            ...perhaps(random, '--timestart', () => random.pick(FROM), false),
            ...perhaps(random, '--timestop', () => random.pick(UNTIL), false),
            ...perhaps(random, '--datestart', () => random.pick(['2026-01-01', '2026', '2025-05-05T05:05']), false),
            ...perhaps(random, '--datestop', () => random.pick(['2026-12-01T10:00:00', '2037-02-30', '2038-12-31']), false),
            ...perhaps(random, '--weekdays', () => random.pick(['Mon', 'Sat,Sun', '1,3,5', 'Fr'])),
            ...perhaps(random, '--monthdays', () => random.pick(['1', '1,15,31', '2,3,4'])),
            ...flagged(random, '--kerneltz'),
            '--datestop 2030',
        ].filter((option, index, all) => all.findIndex((other) => other.split(' ')[0] === option.split(' ')[0]) === index), 99)
            .join(' '),
    }),
    limit: (random) => ({
        words: shuffled(random, [
            `--limit ${random.pick(['5/sec', '1/second', '10/minute', '3/hour', '7/m', '100/s', '20/min', '6/hour', '12', '2/S'])}`,
        ], perhaps(random, '--limit-burst', () => String(1 + random.below(100)), false)),
    }),
    statistic: (random) => {
        const every = 2 + random.below(9);
        return {
            words: random.oneIn(2)
                ? `--mode random ${bang(random)}--probability ${random.pick(['0.5', '.25', '1', '0', '0.33333', '1e-3', '0.000244140625', String(random.below(1e6) / 1e6)])}`
                : `--mode nth ${bang(random)}--every ${every} --packet ${random.below(every)}`,
        };
    },
    ttl: (random) => ({ words: hops(random, 'ttl') }),
    hl: (random) => ({ words: hops(random, 'hl') }),
    iprange: (random, family) => {
        const range = () => random.pick([randomAddress(random, family), `${randomAddress(random, family)}-${randomAddress(random, family)}`]);
        return {
            words: atLeastOne(random, () => [perhaps(random, '--src-range', range), perhaps(random, '--dst-range', range)]),
        };
    },
    recent: (random, family) => {
        const action = random.pick(['set', 'remove', 'rcheck', 'update', 'rcheck', 'update']);
        const looks = action === 'rcheck' || action === 'update';
        const mask = family === 'ipv4' ? '255.255.255.0' : 'ffff:ffff:ffff:ffff::';
        return {
            words: shuffled(random, [`${bang(random)}--${action}`], looks && random.oneIn(2)
                ? [random.pick([`--seconds ${1 + random.below(100_000)}`, '--seconds 60 --reap', '--seconds 0x10'])]
                : [], looks ? perhaps(random, '--hitcount', () => String(random.below(300)), false) : [], looks ? flagged(random, '--rttl') : [], perhaps(random, '--name', () => random.pick(['ssh', 'DEFAULT', 'port.scan', 'A-1']), false), perhaps(random, '--mask', () => mask, false), random.pick([[], ['--rsource'], ['--rdest'], ['--rsource --rdest']])),
        };
    },
    set: (random) => {
        const count = (of) => random.oneIn(5)
            ? [random.pick([`${bang(random)}--${of}-eq ${random.below(9)}`, `--${of}-lt 0x10`, `--${of}-gt 4294967296`])]
            : [];
        const sides = () => Array.from({ length: 1 + random.below(3) }, () => random.pick(['src', 'dst'])).join(',');
        return {
            words: shuffled(random, [
                `${bang(random)}${random.pick(['--match-set', '--match-set', '--set'])} ${random.pick(['hosts', 'nets', 'services', 'pairs', 'ports', 'lists'])} ${sides()}`,
            ], flagged(random, '--return-nomatch', '! --update-counters', '! --update-subcounters'), count('packets'), count('bytes')),
        };
    },
    sctp: (random) => ({
        protocol: 'sctp',
        words: shuffled(random, perhaps(random, '--dport', () => numberedRange(random)), perhaps(random, random.pick(['--sport', '--source-port']), () => numberedRange(random)), perhaps(random, '--chunk-types', () => {
            const chunks = random.some(['INIT', 'sack', 'DATA:Be', 'ABORT:t', 'COOKIE_ECHO', 'I_DATA:UI', 'ASCONF'], 4);
            return `${random.pick(['all', 'any', 'ONLY'])} ${random.pick(['ALL', 'none', chunks.join(','), chunks.join(',')])}`;
        })),
    }),
    dccp: (random) => ({
        protocol: 'dccp',
        words: shuffled(random, perhaps(random, '--dport', () => portRange(random)), perhaps(random, '--sport', () => portRange(random)), perhaps(random, '--dccp-types', () => random.some(['REQUEST', 'data', 'SYNCACK', 'INVALID', 'RESET'], 4).join(',')), perhaps(random, '--dccp-option', () => String(1 + random.below(255)))),
    }),
    dscp: (random) => ({
        words: `${bang(random)}${random.pick(['--dscp 0x2e', '--dscp 0', '--dscp 63', '--dscp 010', '--dscp-class ef', '--dscp-class AF42', '--dscp-class cs7', '--dscp-class BE'])}`,
    }),
    tos: (random) => ({ words: `${bang(random)}--tos ${tosWord(random)}` }),
    ecn: (random) => {
        const ect = perhaps(random, '--ecn-ip-ect', () => String(random.below(4)));
        const flags = ['--ecn-tcp-cwr', '--ecn-tcp-ece']
            .filter(() => random.oneIn(2))
            .map((name) => `${bang(random)}${name}`);
        return flags.length === 0
            ? { words: ect[0] ?? '--ecn-ip-ect 1' }
            : { protocol: 'tcp', words: random.shuffle([...ect, ...flags]).join(' ') };
    },
    tcpmss: (random) => ({
        protocol: 'tcp',
        words: `${bang(random)}--mss ${random.pick(['1460', '536:1400', ':1000', '1401:', '0x200', '5:5', '0:65535'])}`,
    }),
    physdev: (random) => {
        const coming = [
            perhaps(random, '--physdev-in', () => random.pick(['eth0', 'veth+', '+'])),
            random.oneIn(3) ? [`${bang(random)}--physdev-is-in`] : [],
        ];
        const bridged = random.oneIn(3) ? [`${bang(random)}--physdev-is-bridged`] : [];
        if (random.oneIn(2)) {
            const words = [...coming, bridged].flat();
            return { words: words.length > 0 ? random.shuffle(words).join(' ') : '--physdev-is-bridged' };
        }
        const out = [`${bang(random)}${random.pick(['--physdev-out eth1', '--physdev-is-out'])}`];
        return {
            words: shuffled(random, ...coming, out, bridged),
            places: { hooks: ['PREROUTING', 'INPUT', 'FORWARD', 'POSTROUTING'] },
        };
    },
    string: (random) => {
        const pattern = random.pick([
            '--string plain',
            '--string "GET /index.html"',
            '--string "a \\"b\\" \\\\ c"',
            '--string é',
            '--hex-string "|03|www|09|"',
            '--hex-string "|0D 0A|x"',
            '--hex-string "|4142|c"',
            '--string "ends in \\\\"',
            `--string ${'x'.repeat(128)}`,
        ]);
        return {
            words: shuffled(random, [`${bang(random)}${pattern}`], [`--algo ${random.pick(['bm', 'kmp'])}`], perhaps(random, '--from', () => String(random.below(100)), false), perhaps(random, '--to', () => random.pick(['65535', '100', '1500']), false), flagged(random, '--icase')),
        };
    },
    u32: (random) => {
        const number = () => random.pick(['0', '6', '0xff', '0x3FFF', '22', '4294967295', '010']);
        const test = () => {
            const steps = Array.from({ length: random.below(4) }, () => `${random.pick([`${random.pick([' & ', '&', '@'])}${number()}`, `${random.pick(['>>', ' << '])}${random.below(32)}`])}`);
            const values = Array.from({ length: 1 + random.below(3) }, () => random.pick([number(), `${number()}:${number()}`]));
            return `${number()}${steps.join('')}${random.pick(['=', ' = '])}${values.join(',')}`;
        };
        const tests = Array.from({ length: 1 + random.below(3) }, test);
        return { words: `${bang(random)}--u32 "${tests.join(random.pick(['&&', ' && ']))}"` };
    },
    bpf: (random) => ({
        words: `--bytecode "${random.pick(['1,6 0 0 0', '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0', '1, 6 0  0 4294967295,'])}"`,
    }),
    cgroup: (random) => ({
        words: `${bang(random)}${random.pick(['--cgroup 1', '--cgroup 0x100001', '--path /', '--path ""'])}`,
    }),
    osf: (random) => ({
        protocol: 'tcp',
        words: shuffled(random, [`${bang(random)}--genre ${random.pick(['Linux', 'Windows', 'x'.repeat(31)])}`], perhaps(random, '--ttl', () => String(random.below(3)), false), perhaps(random, '--log', () => String(random.below(3)), false)),
    }),
    ...COUNTING_FORMS,
    ...IPV6_FORMS,
    pkttype: (random) => ({
        words: `${bang(random)}--pkt-type ${random.pick(['unicast', 'broadcast', 'Multicast', 'otherhost', 'host', 'bcast', 'mcast'])}`,
    }),
    length: (random) => ({
        words: `${bang(random)}--length ${random.pick(['60', '60:1500', ':64', '1400:', ':', '9:5', '0x10:0x20', '7:7', '0:65535'])}`,
    }),
    realm: (random) => ({ words: `${bang(random)}--realm ${namedMark(random, 'cosmos')}` }),
    devgroup: (random) => {
        const hooks = {
            src: ['PREROUTING', 'INPUT', 'FORWARD'],
            dst: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
            both: ['FORWARD'],
        };
        const sides = random.pick(['src', 'dst', 'both']);
        const group = (side) => [`${bang(random)}--${side}-group ${namedMark(random, 'default')}`];
        return {
            words: shuffled(random, sides === 'dst' ? [] : group('src'), sides === 'src' ? [] : group('dst')),
            places: { hooks: hooks[sides] },
        };
    },
    rpfilter: (random) => ({
        words: flagged(random, '--loose', '--validmark', '--accept-local', '--invert').join(' '),
    }),
    policy: (random, family) => {
        const direction = random.pick(['in', 'out']);
        const tunnel = () => [
            '--mode tunnel',
            ...perhaps(random, '--tunnel-src', () => `${randomAddress(random, family)}/${1 + random.below(32)}`),
            ...perhaps(random, '--tunnel-dst', () => randomAddress(random, family)),
        ];
        const element = () => shuffled(random, [`${bang(random)}--proto ${random.pick(['esp', 'ah', 'ipcomp', '50'])}`], perhaps(random, '--reqid', () => String(random.below(100))), perhaps(random, '--spi', () => random.pick(['0x10', '16', '4294967295'])), random.oneIn(2) ? tunnel() : perhaps(random, '--mode', () => 'transport'));
        const said = random.pick([
            () => '',
            () => '--pol none',
            () => '--pol ipsec',
            () => `--pol ipsec ${element()}`,
            () => `--strict --pol ipsec ${element()}`,
            () => `--pol ipsec --strict ${element()} --next ${element()}`,
        ])();
        return {
            words: `--dir ${direction} ${said}`.trim(),
            places: {
                hooks: direction === 'in' ? ['PREROUTING', 'INPUT', 'FORWARD'] : ['FORWARD', 'OUTPUT', 'POSTROUTING'],
            },
        };
    },
    esp: (random) => ({ protocol: 'esp', words: perhaps(random, '--espspi', () => numbers(random)).join(' ') }),
    ah: (random, family) => family === 'ipv4'
        ? { protocol: 'ah', words: perhaps(random, '--ahspi', () => numbers(random)).join(' ') }
        : {
            words: shuffled(random, perhaps(random, '--ahspi', () => numbers(random)), perhaps(random, '--ahlen', () => random.pick(['0', '24', '0x18'])), flagged(random, '--ahres')),
        },
    mac: (random) => ({ words: `${bang(random)}--mac-source ${random.pick(['00:11:22:33:44:55', 'AA:bb:0:1:2:3'])}` }),
};
const tosWord = (random) => random.pick(['0x10', '8', '0x10/0x3f', '5/0xff', '0/0', 'Minimize-Delay', 'maximize-throughput', '255/0xfc', '3/3']);
const namedMark = (random, zero) => random.pick(['0', zero, '5', '0x10/0xff', '0/5', '7/3', '010', '4294967295', '5/0xffffffff']);
const hops = (random, name) => {
    const value = random.pick(['0', '1', '64', '255', '0x40', String(random.below(256))]);
    return random.pick([
        `${bang(random)}--${name}-eq ${value}`,
        `--${name} ${value}`,
        `--${name}-lt ${value}`,
        `--${name}-gt ${value}`,
    ]);
};
const natTarget = (name) => (random, family) => {
    const first = randomAddress(random, family);
    const addresses = random.oneIn(3) ? `${first}-${randomAddress(random, family)}` : first;
    const ports = random.pick(['', '', ':80', ':8000-8999', ':http']);
    const bracketed = family === 'ipv6' && ports !== '' ? `[${addresses}]` : addresses;
    const extra = name === '--to-source' ? ['--random', '--random-fully', '--persistent'] : ['--random', '--persistent'];
    const base = name === '--to-destination' && ports === ':8000-8999' && random.oneIn(2) ? '/9000' : '';
    const where = random.oneIn(6) && ports !== '' ? ports : `${bracketed}${ports}`;
    return {
        words: [`${name} ${where}${base}`, ...flagged(random, ...extra)].join(' '),
        ...(ports === '' ? {} : { protocol: random.pick(['tcp', 'udp']) }),
    };
};
const portTarget = (name, ...flags) => (random) => {
    const ports = random.pick(['', ` ${name} 15001`, ` ${name} 15001-15010`, ` ${name} http`]);
    return {
        words: `${ports}${flagged(random, ...flags)
            .map((flag) => ` ${flag}`)
            .join('')}`.trim(),
        ...(ports === '' ? {} : { protocol: random.pick(['tcp', 'udp']) }),
    };
};
const markTarget = (random) => random.pick([
    `--set-mark ${mark(random)}`,
    `--set-xmark ${mark(random)}`,
    `--and-mark ${mask(random)}`,
    `--or-mark ${mask(random)}`,
    `--xor-mark ${mask(random)}`,
]);
const plain = () => ({ words: '' });
/** How each target is written at random. QUEUE and the legacy-only forms are left out: the back ends disagree. */
export const TARGET_FORMS = {
    ACCEPT: plain,
    DROP: plain,
    RETURN: plain,
    REDIRECT: portTarget('--to-ports', '--random'),
    MASQUERADE: portTarget('--to-ports', '--random', '--random-fully'),
    DNAT: natTarget('--to-destination'),
    SNAT: natTarget('--to-source'),
    TPROXY: (random, family) => ({
        protocol: random.pick(['tcp', 'udp']),
        words: shuffled(random, [`--on-port ${port(random)}`], perhaps(random, '--on-ip', () => randomAddress(random, family), false), perhaps(random, '--tproxy-mark', () => mark(random), false)),
    }),
    MARK: (random) => ({ words: markTarget(random) }),
    CONNMARK: (random) => {
        const masks = random.pick([
            '',
            ` --mask ${mask(random)}`,
            ` --nfmask ${mask(random)}`,
            ` --ctmask ${mask(random)} --nfmask ${mask(random)}`,
        ]);
        const shift = random.pick(['', '', '', ' --left-shift-mark 3', ' --right-shift-mark 8']);
        return {
            words: random.pick([markTarget(random), `--save-mark${masks}`, `--restore-mark${masks}`]) + shift,
        };
    },
    CT: (random) => ({
        words: random.pick([
            '',
            '--notrack',
            '--zone 1',
            '--zone 65535',
            '--zone 0',
            '--zone mark',
            '--zone-orig 5',
            '--zone-reply mark',
            '--notrack --zone 3',
            '--ctevents destroy,new',
            '--ctevents new,mark --zone 7',
            '--expevents new',
        ]),
    }),
    NOTRACK: plain,
    REJECT: (random, family) => {
        if (random.oneIn(4))
            return { words: '--reject-with tcp-reset', protocol: 'tcp' };
        const kinds = family === 'ipv4'
            ? ['icmp-net-unreachable', 'host-prohib', 'icmp-adm']
            : ['no-route', 'icmp6-adm-prohibited', 'policy-fail'];
        return { words: random.oneIn(2) ? '' : `--reject-with ${random.pick(kinds)}` };
    },
    LOG: (random) => ({
        words: shuffled(random, perhaps(random, '--log-prefix', () => random.pick(['plain', '"two words: "', '"a\\"b"', 'x'.repeat(40)]), false), perhaps(random, '--log-level', () => random.pick(['debug', '4', 'warning', '0', 'info']), false), flagged(random, '--log-uid', '--log-tcp-options', '--log-ip-options', '--log-tcp-sequence', '--log-macdecode')),
    }),
    NFLOG: (random) => ({
        words: shuffled(random, perhaps(random, '--nflog-group', () => String(random.below(10)), false), perhaps(random, '--nflog-prefix', () => random.pick(['plain', '"two words"', 'x'.repeat(63)]), false), perhaps(random, '--nflog-size', () => String(random.below(200)), false), perhaps(random, '--nflog-threshold', () => String(random.below(20)), false)),
    }),
    CHECKSUM: () => ({ words: '--checksum-fill' }),
    // The legacy back end wants to see that the rule asks for a SYN.
    TCPMSS: (random) => random.oneIn(2)
        ? { protocol: 'tcp', before: '-m tcp --syn', words: `--set-mss ${random.pick(['1400', '0x500', '0', '65495'])}` }
        : {
            protocol: 'tcp',
            before: '-m tcp --tcp-flags SYN,RST SYN',
            words: random.pick(['--clamp-mss-to-pmtu', '--set-mss 5 --clamp-mss-to-pmtu']),
            places: { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] },
        },
    NETMAP: (random, family) => {
        const length = family === 'ipv4' ? random.below(33) : random.below(129);
        const mask = family === 'ipv4' ? '255.255.255.0' : 'ffff:ffff::';
        return {
            words: `--to ${randomAddress(random, family)}${random.pick(['', `/${length}`, `/${length}`, `/${mask}`])}`,
        };
    },
    DSCP: (random) => ({
        words: random.pick([
            '--set-dscp 0x2e',
            '--set-dscp 0',
            '--set-dscp 63',
            '--set-dscp-class EF',
            '--set-dscp-class af11',
        ]),
    }),
    TOS: (random) => ({
        words: random.pick([
            `--set-tos ${tosWord(random)}`,
            '--and-tos 0xf0',
            '--or-tos 3',
            '--xor-tos 0x10',
            '--or-tos 0',
        ]),
    }),
    TTL: (random) => ({
        words: random.pick(['--ttl-set 64', '--ttl-set 0', '--ttl-dec 1', '--ttl-inc 255', '--ttl-set 0x10']),
    }),
    HL: (random) => ({
        words: random.pick(['--hl-set 64', '--hl-set 0', '--hl-dec 1', '--hl-inc 255', '--hl-set 0x10']),
    }),
    CLASSIFY: (random) => ({
        words: `--set-class ${random.pick(['1:2', 'ffff:FFFF', '0x1:0x2', '0:0', '10000:abcde'])}`,
    }),
    NFQUEUE: (random) => ({
        words: shuffled(random, random.pick([
            [],
            [`--queue-num ${random.below(65_536)}`],
            ['--queue-balance 0:3'],
            ['--queue-balance 0x10:', '--queue-cpu-fanout'],
        ]), flagged(random, '--queue-bypass')),
    }),
    SET: (random) => {
        const sides = () => Array.from({ length: 1 + random.below(3) }, () => random.pick(['src', 'dst'])).join(',');
        const name = () => random.pick(['hosts', 'services', 'pairs', 'ports']);
        if (random.oneIn(4)) {
            const marks = random.pick([['--map-mark'], ['--map-mark', '--map-prio'], ['--map-queue']]);
            return {
                words: shuffled(random, [`--map-set ${name()} ${sides()}`], marks),
                places: { tables: ['mangle'], hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] },
            };
        }
        if (random.oneIn(3))
            return { words: `--del-set ${name()} ${sides()}` };
        return {
            words: shuffled(random, [`--add-set ${name()} ${sides()}`], random.oneIn(3) ? [`--del-set ${name()} ${sides()}`] : [], flagged(random, '--exist'), perhaps(random, '--timeout', () => random.pick(['0', '60', '0x10']), false)),
        };
    },
    CONNSECMARK: (random) => ({ words: random.pick(['--save', '--restore']) }),
    AUDIT: (random) => ({ words: `--type ${random.pick(['accept', 'DROP', 'reject'])}` }),
    TEE: (random, family) => ({
        words: shuffled(random, [`--gateway ${randomAddress(random, family)}`], perhaps(random, '--oif', () => random.pick(['eth0', 'x'.repeat(20)]), false)),
    }),
    ECN: (random) => {
        const ect = perhaps(random, '--ecn-ip-ect', () => String(random.below(4)), false);
        const flags = random.pick([[], ['--ecn-tcp-remove'], ['--ecn-tcp-cwr 1', '--ecn-tcp-ece 0'], ['--ecn-tcp-ece 1']]);
        return flags.length === 0
            ? { words: ect[0] ?? '--ecn-ip-ect 0' }
            : { protocol: 'tcp', words: shuffled(random, ect, flags) };
    },
    HMARK: (random) => ({
        words: shuffled(random, [
            random.pick([
                '--hmark-tuple src,dst,sport,dport',
                '--hmark-tuple ct,SRC,proto',
                '--hmark-src-prefix 24 --hmark-dst-prefix 8',
                '--hmark-sport-mask 0xff --hmark-dport 80',
                '--hmark-spi-mask 7',
                '--hmark-proto-mask 0xf --hmark-sport 5',
            ]),
        ], [`--hmark-mod ${1 + random.below(1000)}`], [`--hmark-rnd ${random.pick(['0', '0xfeedcafe', '5'])}`], perhaps(random, '--hmark-offset', () => random.pick(['0', '0x10', '10000']), false)),
    }),
    // One timer has one kind, one estimator one rate, however many rules name it.
    IDLETIMER: (random) => ({
        words: random.pick([
            '--timeout 5 --label sidestep.one',
            '--label sidestep-two --alarm --timeout 0x10',
            `--timeout 2147482 --label ${'x'.repeat(30)}`,
        ]),
    }),
    RATEEST: (random) => ({
        words: random.pick([
            '--rateest-name a --rateest-interval 1s --rateest-ewmalog 2s',
            '--rateest-name b --rateest-ewmalog 1s --rateest-interval 100ms',
            '--rateest-name c --rateest-interval 250000us --rateest-ewmalog .5s',
            '--rateest-name d123456789012345 --rateest-interval 5s --rateest-ewmalog 2000sec',
        ]),
    }),
    SYNPROXY: (random) => ({
        protocol: 'tcp',
        words: shuffled(random, flagged(random, '--sack-perm', '--timestamp', '--ecn'), perhaps(random, '--mss', () => random.pick(['1460', '65537', '0x10']), false), perhaps(random, '--wscale', () => random.pick(['7', '0', '256']), false)),
    }),
    TCPOPTSTRIP: (random) => ({
        protocol: 'tcp',
        words: random.pick(['', '--strip-options mss,sack,8', '--strip-options 255,30,0x9', '--strip-options timestamp']),
    }),
    SNPT: () => ({ words: '--src-pfx fd00:1::/48 --dst-pfx 2001:db8:1::/48' }),
    DNPT: () => ({ words: '--dst-pfx fd00:1::/64 --src-pfx 2001:db8:1::/60' }),
    // The legacy back end takes it in raw only.
    TRACE: () => ({ words: '', places: { tables: ['raw'] } }),
};
const PROTOCOLS = ['tcp', 'udp', 'icmp', 'sctp', '253', 'all', 'esp', 'gre', '6'];
/** Whether something with these places may stand in a chain to which these hooks lead. */
export const fits = (places, table, hooks, family) => (!places?.families || places.families.includes(family)) &&
    (!places?.tables || places.tables.includes(table)) &&
    (!places?.hooks || hooks.every((hook) => places.hooks.includes(hook)));
export const placesOf = (name, kind) => {
    const extension = (kind === 'match' ? allMatches : allTargets).find((one) => one.name === name);
    return typeof extension?.places === 'function' ? undefined : extension?.places;
};
/** Matches that have an option of the same name. */
const SHARED_OPTIONS = [
    ['mark', 'connmark'],
    ['recent', 'connlabel', 'set'],
    ['statistic', 'policy'],
];
/** A rule after `-A CHAIN`, as a person or a program might type it, which both back ends take. */
export function randomRule(random, family, table, chain, jumps) {
    const hooks = isBuiltIn(table, chain) ? [chain] : BUILT_IN[table];
    const may = (form, name, kind) => fits(form.places, table, hooks, family) && fits(placesOf(name, kind), table, hooks, family);
    let protocol;
    const parts = [];
    const tryPart = (forms, kind, dash) => {
        const name = random.pick(Object.keys(forms));
        const form = forms[name](random, family);
        if (!may(form, name, kind) || (form.protocol && protocol && form.protocol !== protocol))
            return false;
        if (form.protocol === 'icmp' && family === 'ipv6')
            return false;
        // nft joins the options of two tcp or udp matches.
        if (parts.some((part) => part.startsWith(`-m ${name} `)) && (name === 'tcp' || name === 'udp'))
            return false;
        // Where both have been named before, the tools take a third --mark (--set, --mode) for the wrong one.
        const shared = kind === 'match' && SHARED_OPTIONS.find((names) => names.includes(name));
        if (shared && parts.some((part) => shared.some((other) => part.startsWith(`-m ${other} `))))
            return false;
        if (form.before) {
            if (parts.some((part) => part.startsWith(form.before.split(' ', 2).join(' '))))
                return false;
            parts.push(form.before);
        }
        protocol ??= form.protocol;
        parts.push(`${dash} ${name}${form.words === '' ? '' : ` ${form.words}`}`);
        return true;
    };
    for (let count = random.below(4); count > 0; count -= 1)
        tryPart(MATCH_FORMS, 'match', '-m');
    if (random.oneIn(3) && jumps.length > 0)
        parts.push(`-j ${random.pick(jumps)}`);
    else if (!random.oneIn(8))
        for (let tries = 0; tries < 20 && !tryPart(TARGET_FORMS, 'target', '-j'); tries += 1)
            ;
    const header = [];
    const single = random.oneIn(8) ? `${randomPrefix(random, family)},${randomPrefix(random, family)}` : undefined;
    if (single)
        header.push(`-s ${single}`);
    else if (random.oneIn(3))
        header.push(`${bang(random)}-s ${randomPrefix(random, family)}`);
    if (random.oneIn(3))
        header.push(`${single ? '' : bang(random)}${random.pick(['-d', '--destination', '--dst'])} ${randomPrefix(random, family)}`);
    const interfaces = ['eth0', 'lo', 'eth+', 'veth12.3', 'br-lan'];
    const hasIn = hooks.every((hook) => !['OUTPUT', 'POSTROUTING'].includes(hook)) || !isBuiltIn(table, chain);
    const hasOut = hooks.every((hook) => !['PREROUTING', 'INPUT'].includes(hook)) || !isBuiltIn(table, chain);
    if (hasIn && random.oneIn(4))
        header.push(`${bang(random)}-i ${random.pick(interfaces)}`);
    if (hasOut && random.oneIn(4))
        header.push(`${bang(random)}-o ${random.pick(interfaces)}`);
    if (protocol !== undefined)
        header.push(`-p ${protocol}`);
    else if (random.oneIn(4))
        header.push(`-p ${random.pick(PROTOCOLS)}`);
    else if (random.oneIn(6))
        header.push(`! -p ${random.pick(['tcp', 'udp', 'icmp', '47'])}`);
    if (family === 'ipv4' && random.oneIn(12))
        header.push(`${bang(random)}-f`);
    const words = random.shuffle(header);
    return [...words, ...parts].join(' ');
}
/** The text of a rule set that both back ends take: some tables, some user chains, rules of every kind. */
export function randomSave(random, family, rules = 30) {
    const tables = random.some(['raw', 'mangle', 'nat', 'filter', 'security'], 5);
    return tables.map((table) => randomTable(random, family, table, Math.ceil(rules / tables.length))).join('');
}
export function randomTable(random, family, table, rules) {
    const own = random.some(['ISTIO_INBOUND', 'ISTIO_OUTPUT', 'b', 'a-b', 'Z.9', 'KUMA_MESH_OUTBOUND_REDIRECT'], 4);
    const lines = [`*${table}`, ...own.map((chain) => `:${chain} - [0:0]`)];
    if (table !== 'nat' && random.oneIn(3))
        lines.push(`:${random.pick(BUILT_IN[table])} DROP [0:0]`);
    const chains = [...BUILT_IN[table], ...own];
    for (let count = 0; count < rules; count += 1) {
        const chain = random.pick(chains);
        // Jumps lead to later chains only, so there is no circle; a user chain may be reached from every hook.
        const jumps = own.slice(own.indexOf(chain) + 1);
        lines.push(`-A ${chain} ${randomRule(random, family, table, chain, jumps)}`.trimEnd());
    }
    // nft forgets a table in which nothing is held.
    lines.push(`-A ${BUILT_IN[table][0]} -m comment --comment "the last one"`);
    return `${[...lines, 'COMMIT'].join('\n')}\n`;
}
