/**
 * A native rule set at random, as a script for `nft -f`: named sets and maps, objects, base chains, rules of all kinds that
 * are followed. Every name that is used is there. Each rule is one line: those that the kernel does not take (it depends on
 * how it was built) can be left out by their numbers, see `loadNft`.
 */
export function randomNftRuleSet(random, families = ['ip', 'ip6', 'inet', 'inet']) {
    const family = random.pick(families);
    const chains = Array.from({ length: 1 + random.below(3) }, (_, index) => baseChain(random, family, index));
    return `table ${family} t${random.below(100)} {
${objects(family, random)}
	chain leaf {
${rules(random, family, 'filter', 1 + random.below(5), false)}
	}
${chains.join('\n')}
}
`;
}
const address = (random, family) => family === 'ip6'
    ? `2001:db8::${(1 + random.below(0xfffe)).toString(16)}`
    : `10.${random.below(256)}.${random.below(256)}.${1 + random.below(254)}`;
const port = (random) => 1 + random.below(60_000);
const protocolOf = (family) => (family === 'ip6' ? 'ip6' : 'ip');
const addressTypeOf = (family) => (family === 'ip6' ? 'ipv6_addr' : 'ipv4_addr');
function prefix(random, family) {
    if (family === 'ip6')
        return `2001:db8:${random.below(9)}::/${48 + random.below(16)}`;
    const length = 8 + 8 * random.below(3);
    const octets = [10, length > 8 ? random.below(256) : 0, length > 16 ? random.below(256) : 0, 0];
    return `${octets.join('.')}/${length}`;
}
/** Different items, made by `make`. */
const several = (random, most, make) => [
    ...new Set(Array.from({ length: 1 + random.below(most) }, make)),
];
function objects(family, random) {
    const type = addressTypeOf(family);
    const hosts = several(random, 9, () => address(random, family));
    const ports = several(random, 14, () => String(port(random)));
    const low = 1 + random.below(60_000);
    const verdict = () => random.pick(['accept', 'drop', 'return', 'continue', 'jump leaf', 'goto leaf']);
    const flags = random.pick(['', 'flags constant;', 'policy memory;', 'size 1000;', 'comment "a set";']);
    return `	counter hits { packets ${random.below(1000)} bytes ${random.below(100_000)} }
	quota lot { ${random.pick(['', 'over '])}${1 + random.below(2000)} ${random.pick(['bytes', 'kbytes', 'mbytes'])} }
	limit slow { rate ${random.pick(['', 'over '])}${1 + random.below(99)}/${random.pick(['second', 'minute', 'hour', 'day'])}${random.pick(['', ' burst 9 packets'])} }
	set hosts { type ${type}; ${flags} elements = { ${hosts.join(', ')} } }
	set nets { type ${type}; flags interval; auto-merge; elements = { ${prefix(random, family)} } }
	set ports { ${random.pick(['type inet_service', 'typeof tcp dport'])}; ${random.pick(['', 'flags interval;'])} elements = { ${ports.join(', ')} } }
	set marks { type mark; elements = { ${several(random, 9, () => String(random.below(0xffffffff))).join(', ')} } }
	set names { type ifname; elements = { "eth0", "lo", "veth${random.below(99)}" } }
	set pairs { type ${type} . inet_service; ${random.pick(['', 'timeout 1h;', 'flags timeout;'])} elements = { ${hosts.map((host) => `${host} . ${port(random)}`).join(', ')} } }
	set seen { typeof ${protocolOf(family)} saddr; size 128; flags dynamic,timeout; timeout ${random.pick(['5m', '30s', '1d2h', '500ms'])}; }
	set counted { type ${type}; counter; elements = { ${hosts.map((host) => `${host}${random.pick(['', ' comment "of note"', ' counter packets 7 bytes 99'])}`).join(', ')} } }
	set timed { type ${type}; flags timeout; ${random.pick(['', 'timeout 90s;', 'gc-interval 1h;'])} elements = { ${hosts.map((host) => `${host} timeout ${random.pick(['1h', '36h5m', '250s'])}`).join(', ')} } }
	set wide { type ${type} . inet_proto . inet_service . mark; elements = { ${hosts.map((host) => `${host} . ${random.pick(['tcp', 'udp', '47'])} . ${port(random)} . ${random.below(999)}`).join(', ')} } }
	set areas { type ${type} . inet_service; flags interval; elements = { ${prefix(random, family)} . ${low}-${low + 9}, ${hosts[0]} . ${port(random)} } }
	set kinds { type ${random.pick(['icmp_type', 'icmpv6_type', 'inet_proto', 'ether_type', 'ct_state', 'dscp', 'uid', 'ecn'])}; elements = { 1, 2, 3 } }
	map places { type inet_service : ${type} . inet_service; elements = { ${ports.map((one) => `${one} : ${address(random, family)} . ${port(random)}`).join(', ')} } }
	map marks2 { type ifname . mark : mark; elements = { "eth0" . ${random.below(99)} : ${random.below(99)} } }
	map counters { type inet_service : counter; elements = { ${port(random)} : "hits" } }
	ct helper tftp0 { type "tftp" protocol udp; }
	map fates { type ${random.pick(['inet_service', 'inet_service'])} : verdict; elements = { ${ports.map((one) => `${one} : ${verdict()}`).join(', ')} } }
	map tags { typeof ${protocolOf(family)} saddr : meta mark; elements = { ${hosts.map((host) => `${host} : ${random.below(0xffff)}`).join(', ')} } }`;
}
const KINDS = [
    ['filter', ['prerouting', 'input', 'forward', 'output', 'postrouting'], ['raw', 'mangle', 'filter', 'security']],
    ['nat', ['prerouting', 'output'], ['-100']],
    ['nat', ['input', 'postrouting'], ['100']],
    ['route', ['output'], ['mangle']],
];
function baseChain(random, family, index) {
    const [type, hooks, priorities] = random.pick(KINDS);
    const hook = random.pick(hooks);
    const offset = random.oneIn(3) ? ` ${random.pick(['+', '-'])} ${1 + random.below(9)}` : '';
    const base = random.pick(priorities);
    const priority = /\d$/.test(base) ? base : `${base}${offset}`;
    const policy = random.pick(['accept', 'accept', 'drop']);
    return `	chain base${index} {
		type ${type} hook ${hook} priority ${priority}; policy ${policy};
${rules(random, family, type === 'nat' ? `nat ${hook}` : hook, random.below(12), true)}
	}`;
}
const rules = (random, family, place, count, jumps) => Array.from({ length: count }, () => `\t\t${randomNftRule(random, family, place, jumps)}`).join('\n');
function randomNftRule(random, family, place, jumps) {
    const parts = random.oneIn(6) ? [] : matches(random, family, place);
    if (random.oneIn(2))
        parts.push(random.pick(notes(random)));
    parts.push(end(random, family, place, jumps));
    const comment = random.oneIn(5) ? ` comment "rule ${random.below(99)}"` : '';
    return `${parts.filter((part) => part !== '').join(' ') || 'accept'}${comment}`;
}
/** Matches that do not contradict each other: of one protocol, each field once. */
function matches(random, family, place) {
    const transport = random.pick(['tcp', 'udp', 'icmp', 'any']);
    const pool = [...anyPacket(random, family, place), ...ofProtocol(random, family, transport)];
    return random.some(pool, 3);
}
const not = (random) => (random.oneIn(4) ? '!= ' : '');
function anyPacket(random, family, place) {
    const ip = protocolOf(family);
    const one = () => address(random, family);
    const mark = () => `0x${random.below(0xffff).toString(16)}`;
    return [
        `${ip} saddr ${not(random)}${random.pick([one(), prefix(random, family), '@hosts', '@nets', `{ ${one()}, ${prefix(random, family)} }`])}`,
        `${ip} daddr ${not(random)}${random.pick([one(), prefix(random, family), `{ ${several(random, 5, one).join(', ')} }`])}`,
        `meta mark ${not(random)}${random.pick([mark(), '@marks', `{ ${mark()}, 7 }`])}`,
        `meta mark & 0xff ${random.pick(['==', '!='])} ${mark().slice(0, 4)}`,
        `ct state ${random.pick(['new', 'established,related', '{ new, untracked }', '!= invalid', 'vmap { established : accept, invalid : drop }'])}`,
        `ct mark ${not(random)}${mark()}`,
        `ct mark and 0xf0 == 0x10`,
        `ct direction ${random.pick(['original', 'reply'])}`,
        `ct status ${random.pick(['dnat', 'snat,dnat', 'confirmed'])}`,
        ...(place.includes('output') || place.includes('postrouting')
            ? [
                `meta skuid ${random.pick(['1337', '0', '{ 1, 5-9 }', '1000-2000'])}`,
                `meta skgid ${not(random)}1337`,
                'oif "lo"',
            ]
            : []),
        ...(place.includes('output')
            ? []
            : [`iifname ${not(random)}${random.pick(['"eth0"', '"veth*"', '@names', '{ "lo", "eth1" }'])}`]),
        `oifname ${not(random)}${random.pick(['"eth0"', '"lo"'])}`,
        `meta length ${random.pick(['< 100', '>= 1000', '40-1500', '{ 40, 60-80 }'])}`,
        `meta pkttype ${random.pick(['host', 'broadcast', '{ multicast, other }'])}`,
        `fib daddr type ${random.pick(['local', '!= local', '{ broadcast, multicast }'])}`,
        `numgen random mod ${2 + random.below(9)} ${random.pick(['0', '< 1', '!= 1'])}`,
        `limit rate ${random.pick(['', 'over '])}${1 + random.below(99)}/${random.pick(['second', 'minute'])}${random.pick(['', ' burst 7 packets'])}`,
        `${ip} saddr ${not(random)}${random.pick(['@counted', '@timed'])}`,
        `${ip} saddr . tcp dport @areas`,
        `${ip} saddr . meta l4proto . th dport . meta mark @wide`,
        `${ip} saddr & ${family === 'ip6' ? 'ffff:0:ffff::' : '255.0.255.0'} ${random.pick(['==', '!='])} ${family === 'ip6' ? '2001::' : '10.0.1.0'}`,
        `meta mark & 0xff00 ${random.pick(['vmap { 0x100 : accept, 0x200 : drop }', '{ 0x100, 0x300 }', '!= 0x100', '> 0x100'])}`,
        `ct original ${ip} saddr ${address(random, family)}`,
        `ct reply ${ip} daddr ${prefix(random, family)}`,
        `ct ${random.pick(['', 'original ', 'reply '])}${random.pick(['bytes', 'packets'])} ${random.pick(['> 5', '100-200', '!= 7'])}`,
        `ct zone ${1 + random.below(99)}`,
        `ct expiration ${random.pick(['> 30s', '5m', '10s-1h'])}`,
        `meta priority ${random.pick(['1:2', 'none', '{ 1:1, 1:ff }'])}`,
        `meta day ${random.pick(['"Monday"', '{ "Sunday", "Friday" }'])}`,
        `symhash mod ${2 + random.below(9)} vmap { 0 : accept, 1 : continue }`,
        `numgen inc mod 4 offset 3 vmap { 3-4 : accept, 5-6 : drop }`,
        `fib saddr . iif oif ${random.pick(['missing', 'exists', '!= 0'])}`,
        `fib ${random.pick(['saddr', 'daddr'])}${random.pick(['', ' . mark'])}${random.pick(['', ' . iif'])} ${random.pick(['oif "lo"', 'oif exists', 'oifname != "lo"', 'oif missing'])}`,
        `meta ${random.pick(['iiftype loopback', 'oiftype != loopback', 'ipsec missing', 'ipsec exists', 'cgroup 7', 'random < 99'])}`,
        `rt ${random.pick(['ipsec missing', 'ipsec exists', 'classid 5', 'mtu > 500'])}`,
        `ct ${random.pick([`l3proto ${random.pick(['ipv4', 'ipv6'])}`, 'helper "ftp"', 'helper != "sip"', 'label != 5', 'id 5'])}`,
        `tcp option ${random.pick(['maxseg', 'sack-perm', 'timestamp'])} ${random.pick(['exists', 'missing'])}`,
        `sctp chunk data ${random.pick(['exists', 'missing'])}`,
        `${random.pick(['esp', 'ah'])} ${random.pick(['spi 5', 'spi != 5', 'sequence > 7'])}`,
        'osf name "Linux"',
        `fib daddr . mark type vmap { local : accept, broadcast : drop }`,
        `@nh,8,16 ${random.pick(['0x1234', '!= 0x1', '{ 0x5, 0x9-0xff }'])}`,
        `@th,0,16 & 0xff00 == 0x100`,
        `ether saddr ${random.pick(['00:11:22:33:44:55', '!= 00:11:22:33:44:55', '{ 00:11:22:33:44:55, 00:11:22:33:44:56 }'])}`,
        ...(family === 'ip'
            ? []
            : [
                `exthdr ${random.pick(['frag', 'hbh', 'dst'])} ${random.pick(['exists', 'missing'])}`,
                'frag more-fragments 1',
                'ip6 flowlabel 5',
                `exthdr ${random.pick(['rt', 'mh'])} ${random.pick(['exists', 'missing'])}`,
                `ip6 nexthdr ${not(random)}${random.pick(['tcp', '{ udp, icmpv6 }'])}`,
            ]),
        `jhash ${ip} saddr mod 16 seed 0x${random.below(0xffff).toString(16)} ${random.below(16)}`,
        ...(family === 'ip6'
            ? ['ip6 hoplimit > 5', 'ip6 dscp af11']
            : ['ip ttl 64', 'ip dscp { cs1, ef }', 'ip frag-off & 0x1fff != 0', 'ip length 40-100']),
    ];
}
function ofProtocol(random, family, transport) {
    const one = () => port(random);
    const low = 1 + random.below(1000);
    const ports = () => `${not(random)}${random.pick([`${one()}`, `${low}-${low + 1 + random.below(999)}`, `{ ${several(random, 6, () => String(one())).join(', ')} }`, '@ports'])}`;
    const key = `${protocolOf(family)} saddr . ${transport} dport`;
    if (transport === 'icmp')
        return family === 'ip6'
            ? [`icmpv6 type ${random.pick(['echo-request', '{ nd-neighbor-solicit, nd-router-advert }', '!= echo-reply'])}`]
            : [`icmp type ${random.pick(['echo-request', '{ echo-reply, time-exceeded }', '!= redirect'])}`];
    if (transport === 'any')
        return [
            `meta l4proto ${random.pick(['tcp', '{ tcp, udp }', '!= udp', '47'])}`,
            `meta l4proto { tcp, udp } th dport ${one()}`,
        ];
    return [
        `${transport} dport ${ports()}`,
        `${transport} sport ${ports()}`,
        `${transport} dport vmap @fates`,
        `${transport} dport vmap { ${one()} : accept, ${one()} : return }`,
        `${key} @pairs`,
        `${key} { ${address(random, family)} . ${one()}, ${address(random, family)} . ${one()} }`,
        ...(transport === 'tcp'
            ? [
                `tcp flags ${random.pick(['syn', '& (syn|ack) == syn', '== 0', '& (fin|syn|rst|ack) != syn', 'syn,ack', '! rst', '{ syn, syn|ack }'])}`,
                `tcp option maxseg size ${random.pick(['1-500', '> 1400'])}`,
            ]
            : [`udp length > ${random.below(99)}`]),
    ];
}
/** What lets the packet go on. */
const notes = (random) => [
    'counter',
    `counter packets ${random.below(99)} bytes ${random.below(9999)}`,
    'counter name "hits"',
    'limit name "slow"',
    'quota name "lot"',
    `log prefix "${random.pick(['a: ', 'in the way ', 'x'])}"${random.pick(['', ' level debug', ' group 5', ' flags all'])}`,
    `meta mark set 0x${random.below(0xffffff).toString(16)}`,
    `meta mark set meta mark ${random.pick(['and', 'or', 'xor'])} 0x${random.below(0xffff).toString(16)}`,
    'meta mark set ct mark',
    'ct mark set meta mark',
    `ct mark set 0x${random.below(0xffff).toString(16)}`,
    'meta nftrace set 1',
    'meta mark set iifname . meta mark map @marks2',
    `counter name tcp dport map @counters`,
    `ct zone set ${1 + random.below(99)}`,
    `ct event set ${random.pick(['new', 'new,destroy', 'related,mark'])}`,
    `ct original zone set ${1 + random.below(99)}`,
    'ct helper set "tftp0"',
    `meta priority set ${random.pick(['1:2', 'none'])}`,
    `ct count ${random.pick(['', 'over '])}${1 + random.below(99)}`,
    `ct mark set meta mark & 0xff | 0x${(1 + random.below(255)).toString(16)}00`,
    `ct mark set (meta mark & 0xff00) >> 8`,
    `meta mark set numgen ${random.pick(['inc', 'random'])} mod ${2 + random.below(9)}`,
    `ip dscp set ${random.pick(['cs1', 'af11', '5'])}`,
    `ip6 hoplimit set 5`,
    `tcp option maxseg size set ${500 + random.below(900)}`,
    `quota ${random.pick(['', 'over '])}${1 + random.below(5000)} kbytes`,
];
function end(random, family, place, jumps) {
    const to = address(random, family);
    const inside = family === 'inet' ? `ip to ${to}` : `to ${to}`;
    const host = family === 'ip6' ? `[${to}]` : to;
    const behind = family === 'inet' ? `ip to ${host}` : `to ${host}`;
    const verdicts = ['accept', 'drop', 'return', 'continue', '', ...(jumps ? ['jump leaf', 'goto leaf'] : [])];
    if (place === 'nat prerouting' || place === 'nat output')
        return random.pick([
            ...verdicts.filter((one) => one !== ''),
            `meta l4proto tcp redirect to :${port(random)}`,
            `meta l4proto { tcp, udp } dnat ${behind}:${port(random)}${random.pick(['', ' random', ' persistent'])}`,
            `dnat ${inside}`,
            'redirect',
            `dnat ${family === 'ip' ? '' : `${protocolOf(family)} `}to tcp dport map @places`,
            `dnat ${family === 'inet' ? 'ip ' : ''}to numgen inc mod 2 map { 0 : ${to}, 1 : ${address(random, family)} }`,
            `meta l4proto tcp redirect to :${1000 + random.below(99)}-${2000 + random.below(99)} persistent`,
        ]);
    if (place === 'nat postrouting')
        return random.pick(['masquerade', 'masquerade random,persistent', `snat ${inside}`, 'accept', 'return']);
    if (place === 'nat input')
        return random.pick(['accept', 'return', `snat ${inside}`]);
    return random.pick([
        ...verdicts,
        ...(['input', 'forward', 'output'].includes(place) ? ['reject', 'meta l4proto tcp reject with tcp reset'] : []),
        ...(place === 'prerouting'
            ? [
                'notrack',
                `meta l4proto tcp tproxy ${family === 'inet' ? `ip to ${to}` : `to ${host}`}:${port(random)} accept`,
                'meta l4proto tcp socket transparent 1 accept',
            ]
            : []),
        `update @seen { ${protocolOf(family)} saddr }`,
        `add @seen { ${protocolOf(family)} saddr timeout 30s } accept`,
        `meta mark set ${protocolOf(family)} saddr map @tags`,
        `meta mark set ${protocolOf(family)} saddr map { ${to} : 5 }`,
    ]);
}
