import { BUILT_IN, TABLES } from '../../../src/netfilter/index.ts';
import { ACCOUNTS } from '../../support/accounting.ts';
import { fits, MATCH_FORMS, placesOf, randomRule, TARGET_FORMS } from '../../support/random-rules.ts';
import { CARDS } from './machine.ts';
/** Addresses that the machine has, that are near it, and that are far away. */
export const ADDRESSES = {
    ipv4: [
        ...['10.0.0.5', '10.0.0.6', '10.1.0.5', '127.0.0.1', '10.0.0.9', '10.0.0.77', '10.1.0.7', '10.0.0.255'],
        ...['192.168.7.3', '172.16.5.4', '8.8.8.8', '127.0.0.6', '224.0.0.251'],
    ],
    ipv6: [
        ...['2001:db8::5', '2001:db8::6', '2001:db8:1::5', '::1', '2001:db8::9', '2001:db8::77', '2001:db8:1::7'],
        ...['fd00::3', 'fe80::9', '2606:4700::1111', 'ff02::fb'],
    ],
};
const PORTS = [22, 53, 80, 443, 8080, 8125, 8443, 8888, 15001, 15006, 15021];
/** Picks by weight: `[weight, value]`. */
function weighed(random, choices) {
    let at = random.below(choices.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of choices) {
        if (at < weight)
            return value;
        at -= weight;
    }
    return choices[0][1];
}
const bang = (random) => (random.oneIn(5) ? '! ' : '');
const port = (random) => String(random.oneIn(8) ? random.below(65536) : random.pick(PORTS));
function prefix(random, family) {
    const address = random.pick(ADDRESSES[family]);
    const [whole, usual] = family === 'ipv4' ? [32, [8, 16, 24, 24, 28, 30]] : [128, [16, 32, 48, 64, 64, 126]];
    const length = weighed(random, [
        [5, whole],
        [4, random.pick(usual)],
        [1, 1 + random.below(whole)],
    ]);
    return length === whole && random.oneIn(2) ? address : `${address}/${length}`;
}
/** Matches as real rule sets use them, with values that packets can have. Others come from MATCH_FORMS. */
const USUAL = {
    tcp: (random) => {
        const flags = ['', '', '', '', ' --syn', ' ! --syn', ' --tcp-flags SYN,RST,ACK,FIN SYN', ' --tcp-flags ACK ACK'];
        const ports = random.oneIn(6) ? `${port(random)}:65535` : port(random);
        return (random.pick([`${bang(random)}--dport ${ports}`, `--dport ${ports}`, `${bang(random)}--sport ${ports}`, '']) +
            random.pick(flags));
    },
    udp: (random) => random.pick([`${bang(random)}--dport ${port(random)}`, `${bang(random)}--sport 1024:65535`]),
    multiport: (random) => {
        const list = Array.from({ length: 1 + random.below(5) }, () => port(random)).join(',');
        return `${bang(random)}${random.pick(['--dports', '--dports', '--sports', '--ports'])} ${list}`;
    },
    conntrack: (random) => `${bang(random)}--ctstate ${random.pick(['RELATED,ESTABLISHED', 'NEW', 'INVALID', 'DNAT', 'NEW,UNTRACKED', 'SNAT', 'ESTABLISHED', 'INVALID,UNTRACKED'])}`,
    state: (random) => `${bang(random)}--state ${random.pick(['RELATED,ESTABLISHED', 'NEW', 'INVALID', 'NEW,INVALID', 'UNTRACKED'])}`,
    owner: (random) => `${bang(random)}${random.pick(['--uid-owner 1337', '--gid-owner 1337', '--uid-owner 1000-1999', '--uid-owner 0', '--gid-owner 100', '--socket-exists'])}`,
    mark: (random) => `${bang(random)}--mark ${markValue(random)}`,
    connmark: (random) => `${bang(random)}--mark ${markValue(random)}`,
    comment: () => '--comment "why it is here"',
    addrtype: (random) => `${bang(random)}${random.pick(['--dst-type', '--src-type'])} ${random.pick(['LOCAL', 'UNICAST', 'MULTICAST', 'BROADCAST,MULTICAST', 'LOCAL,BROADCAST'].slice(0, 3))}`,
};
const markValue = (random) => random.pick(['0x1/0x1', '0x4/0x4', '0x1', '0x2/0xff', '0x539', '0', '5/7']);
/** How often real rules use each: facts, "Which matches and targets real rule sets use". The rest is uniform. */
const MATCHES = [
    [40, 'tcp'],
    [12, 'udp'],
    [12, 'conntrack'],
    [6, 'state'],
    [10, 'multiport'],
    [8, 'comment'],
    [6, 'owner'],
    [5, 'addrtype'],
    [5, 'mark'],
    [3, 'connmark'],
    [4, 'icmp'],
    [4, 'icmp6'],
    [2, 'limit'],
];
const TARGETS = {
    raw: [
        [4, 'CT'],
        [2, 'NOTRACK'],
        [2, 'ACCEPT'],
        [3, ''],
        [1, 'DROP'],
        [2, 'RETURN'],
    ],
    mangle: [
        [6, 'MARK'],
        [5, 'CONNMARK'],
        [3, 'ACCEPT'],
        [3, ''],
        [2, 'TPROXY'],
        [1, 'DROP'],
        [3, 'RETURN'],
    ],
    nat: [
        [5, 'REDIRECT'],
        [3, 'DNAT'],
        [2, 'SNAT'],
        [3, 'MASQUERADE'],
        [3, 'RETURN'],
        [2, 'ACCEPT'],
        [2, ''],
    ],
    filter: [
        [8, 'ACCEPT'],
        [3, 'DROP'],
        [3, 'REJECT'],
        [3, 'RETURN'],
        [2, 'LOG'],
        [1, 'NFLOG'],
        [3, ''],
        [1, 'MARK'],
    ],
    security: [
        [3, 'MARK'],
        [3, 'CONNMARK'],
        [3, ''],
        [2, 'ACCEPT'],
        [1, 'DROP'],
    ],
};
const USUAL_TARGETS = {
    REDIRECT: (random) => ({
        words: `--to-ports ${random.pick([15001, 15006, 8080])}`,
        protocol: random.pick(['tcp', 'tcp', 'udp']),
    }),
    DNAT: (random, family) => {
        const to = random.pick(ADDRESSES[family].slice(0, 8).filter((address) => !address.endsWith('.255')));
        if (random.oneIn(2))
            return { words: `--to-destination ${to}` };
        return {
            words: `--to-destination ${family === 'ipv6' ? `[${to}]` : to}:${port(random)}`,
            protocol: random.pick(['tcp', 'udp']),
        };
    },
    SNAT: (random, family) => ({ words: `--to-source ${random.pick(ADDRESSES[family].slice(0, 3))}` }),
    MASQUERADE: () => ({ words: '' }),
    MARK: (random) => ({ words: `${random.pick(['--set-mark', '--set-xmark'])} ${markValue(random)}` }),
    TPROXY: (random) => ({
        words: `--on-port ${random.pick([15006, 15001, 15006])}${random.oneIn(2) ? ' --tproxy-mark 0x1/0x1' : ''}`,
        protocol: random.pick(['tcp', 'udp']),
    }),
};
/** A rule of the kind that people write, after `-A CHAIN`; undefined where the parts that were drawn do not fit. */
/**
 * Their packets are others than those that were sent: TEE's copies, SYNPROXY's own, those that a group's members here get. And
 * a match that changes the packet, which Sidestep does not follow.
 */
const ELSEWHERE = /-j (TEE|SYNPROXY)\b|--restore-skmark|--to(-destination)? \[?(ff|22[4-9])/;
/** Some quotas are those of accounting objects, in their place: a seed keeps its other rules. */
const QUOTA = /-m quota (?:! )?--quota (1000|0x10)\b/;
const accounted = (_, bytes) => `-m nfacct --nfacct-name ${ACCOUNTS[bytes === '1000' ? 0 : 1]}`;
function usualRule(random, family, table, hooks, jumps) {
    let protocol;
    const parts = [];
    const take = (kind, name) => {
        const usual = kind === 'match' ? USUAL[name] : undefined;
        const forms = kind === 'match' ? MATCH_FORMS : TARGET_FORMS;
        if (!usual && !forms[name] && !USUAL_TARGETS[name])
            return false;
        const drawn = usual && !random.oneIn(6)
            ? {
                words: usual(random, family),
                ...(name === 'tcp' || name === 'udp' ? { protocol: name } : {}),
                ...(name === 'multiport' ? { protocol: random.pick(['tcp', 'udp']) } : {}),
            }
            : kind === 'target' && USUAL_TARGETS[name] && !random.oneIn(5)
                ? USUAL_TARGETS[name](random, family)
                : forms[name]?.(random, family);
        if (!drawn)
            return false;
        const places = 'places' in drawn ? drawn.places : undefined;
        if (!fits(places, table, hooks, family) || !fits(placesOf(name, kind), table, hooks, family))
            return false;
        if (drawn.protocol && protocol && drawn.protocol !== protocol)
            return false;
        if (drawn.protocol === 'icmp' && family === 'ipv6')
            return false;
        if (parts.some((part) => part.startsWith(`-m ${name} `)))
            return false;
        if (/mark$/.test(name) && kind === 'match' && parts.some((part) => /^-m (conn)?mark /.test(part)))
            return false;
        protocol ??= drawn.protocol;
        parts.push(`${kind === 'match' ? '-m' : '-j'} ${name}${drawn.words === '' ? '' : ` ${drawn.words}`}`);
        return true;
    };
    const count = weighed(random, [
        [3, 0],
        [8, 1],
        [4, 2],
        [1, 3],
    ]);
    const names = Object.keys(MATCH_FORMS);
    for (let index = 0; index < count; index += 1)
        take('match', random.oneIn(4) ? random.pick(names) : weighed(random, MATCHES));
    const header = [];
    if (random.oneIn(4))
        header.push(`${bang(random)}-s ${prefix(random, family)}`);
    if (random.oneIn(3))
        header.push(`${bang(random)}-d ${prefix(random, family)}`);
    const comes = hooks.some((hook) => hook !== 'OUTPUT' && hook !== 'POSTROUTING');
    const goes = hooks.some((hook) => hook !== 'PREROUTING' && hook !== 'INPUT');
    if (comes && random.oneIn(6))
        header.push(`${bang(random)}-i ${random.pick([...CARDS, 'lo', 'eth+'])}`);
    if (goes && random.oneIn(6))
        header.push(`${bang(random)}-o ${random.pick([...CARDS, 'lo', 'eth+'])}`);
    if (jumps.length > 0 && random.oneIn(3))
        parts.push(`-${random.oneIn(4) ? 'g' : 'j'} ${random.pick(jumps)}`);
    else {
        const all = Object.keys(TARGET_FORMS);
        const name = random.oneIn(5) ? random.pick(all) : weighed(random, TARGETS[table]);
        // A rule that ends everything for every packet hides those behind it.
        if (name !== '' && !(['DROP', 'ACCEPT', 'REJECT'].includes(name) && header.length + parts.length === 0))
            take('target', name);
    }
    if (protocol)
        header.push(`-p ${protocol}`);
    else if (random.oneIn(5))
        header.push(`${bang(random)}-p ${random.pick(family === 'ipv4' ? ['tcp', 'udp', 'icmp', 'sctp', '47'] : ['tcp', 'udp', 'icmpv6', 'sctp', '47'])}`);
    const rule = [...header, ...parts].join(' ').replace(QUOTA, accounted);
    return rule === '' && random.oneIn(2) ? undefined : rule;
}
/** A rule set as iptables-restore takes it, shaped like real ones: few chains, conditions that packets meet. */
export function randomRules(random, family) {
    const chances = { raw: 3, mangle: 6, nat: 7, filter: 8, security: 2 };
    const drawn = TABLES.filter((table) => random.below(10) < chances[table]);
    const tables = drawn.length === 0 ? [random.pick(TABLES)] : drawn;
    return tables.map((table) => randomTable(random, family, table)).join('');
}
function randomTable(random, family, table) {
    const names = random.some(['ISTIO_INBOUND', 'ISTIO_OUTPUT', 'b', 'a-b', 'LOGGING'], 4).slice(random.below(2));
    // What may stand in a chain hangs on the hooks that lead to it. Jumps lead to later chains only.
    const own = names.map((name) => ({
        name,
        hooks: random.oneIn(3) ? BUILT_IN[table] : [random.pick(BUILT_IN[table])],
    }));
    const built = BUILT_IN[table].filter(() => !random.oneIn(3)).map((name) => ({ name, hooks: [name] }));
    const lines = [`*${table}`, ...names.map((name) => `:${name} - [0:0]`)];
    if (table !== 'nat' && random.oneIn(5))
        lines.push(`:${random.pick(BUILT_IN[table])} DROP [0:0]`);
    const chains = [
        ...(built.length === 0 ? [{ name: BUILT_IN[table][0], hooks: BUILT_IN[table].slice(0, 1) }] : built),
        ...own,
    ];
    for (const [index, { name, hooks }] of chains.entries()) {
        const later = own.slice(Math.max(0, index + 1 - (chains.length - own.length)));
        const jumps = later.filter((to) => hooks.every((hook) => to.hooks.includes(hook))).map((to) => to.name);
        for (let count = 1 + random.below(index < chains.length - own.length ? 6 : 4); count > 0; count -= 1) {
            const rule = random.oneIn(10) && hooks.length === BUILT_IN[table].length
                ? randomRule(random, family, table, name, jumps)
                : usualRule(random, family, table, hooks, jumps);
            if (rule !== undefined && !ELSEWHERE.test(rule))
                lines.push(`-A ${name} ${rule}`.trimEnd());
        }
    }
    return `${[...lines, 'COMMIT'].join('\n')}\n`;
}
