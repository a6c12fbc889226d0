import { defaultInterception } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';
/** Numbers from 0 to below 1, the same for the same seed. Source: the mulberry32 generator, public domain. */
export function seeded(seed) {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}
/** Any interception that makes sense to somebody: every option, alone and with others. */
export function randomInterception(random) {
    const one = (values) => values[Math.floor(random() * values.length)];
    const some = (values) => values.filter(() => random() < 0.4);
    const dialect = one(['istio', 'istio', 'istio-2018']);
    const usual = defaultInterception(dialect);
    const ports = ['80', '443', '8080', '8888', '8000:8999', '1024:', ':79', '22', '15008', 'http'];
    const networks = ['10.0.0.0/8', '10.1.2.3/16', '127.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::1/128', 'fd00::7/64'];
    const byMark = random() < 0.2;
    const marks = byMark ? some([7, 4242, 0xffff_ffff]) : [];
    const owners = marks.length > 0 && random() < 0.7 ? [[]] : [['1337'], ['0'], ['1337', '1500-1599'], ['3', '4']];
    return {
        ...usual,
        mode: one(['REDIRECT', 'REDIRECT', 'TPROXY', 'NONE']),
        families: one([['ipv4'], ['ipv4', 'ipv6']]),
        outboundPort: one([15001, 16001]),
        inboundPort: one([usual.inboundPort, 16006]),
        tunnelPort: one([15008, 15009]),
        proxy: { uids: one(owners), gids: one(owners), marks },
        inbound: { include: one(['*', [], some(ports)]), exclude: some(ports) },
        outbound: {
            include: one(['*', [], some(networks)]),
            exclude: some(networks),
            includePorts: random() < 0.3 ? some(['80', '443', '9000:9100']) : [],
            excludePorts: random() < 0.3 ? some(['53', '5432', '6000:']) : [],
            ownerGroups: one([
                usual.outbound.ownerGroups,
                usual.outbound.ownerGroups,
                { include: '*', exclude: some(['888', '889']) },
                { include: ['888', '2000-2999'], exclude: [] },
                { include: Array.from({ length: one([49, 50, 64]) }, (_, index) => String(3000 + index)), exclude: [] },
            ]),
        },
        interfaces: {
            exclude: random() < 0.3 ? some(['eth5', 'net+', 'vnet0']) : [],
            virtual: random() < 0.3 ? some(['vnet0', 'vnet1']) : [],
        },
        dns: {
            ...usual.dns,
            capture: random() < 0.3,
            all: random() < 0.4,
            servers: some(['10.96.0.10', '127.0.0.53', '2001:db8::53']),
        },
        dropInvalid: random() < 0.2,
        tproxy: one([usual.tproxy, { mark: 1400, table: 200 }]),
        loopback: one([usual.loopback, usual.loopback, '127.1.0.0/16']),
    };
}
/** What other people keep in the same tables: jumps, chains, a bypass, policies, rules that nearly look like Istio's. */
const FOREIGN = `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:OTHER-MANGLE - [0:0]
-A PREROUTING -j OTHER-MANGLE
-A PREROUTING -i eth5 -j ACCEPT
-A OUTPUT -o lo -p tcp -m mark --mark 0x539 -j ACCEPT
-A OTHER-MANGLE -p tcp -m mark --mark 0x539 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m state --state ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:AAA - [0:0]
:OTHER - [0:0]
-A PREROUTING -p tcp -m tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN
-A PREROUTING -i cni0 -m comment --comment excluded -j RETURN
-A PREROUTING -j OTHER
-A OUTPUT -o cni0 -m comment --comment excluded -j RETURN
-A OUTPUT -j OTHER
-A AAA -j RETURN
-A OTHER -i eth5 -j RETURN
-A OTHER -p tcp -m tcp --dport 9999 -j REDIRECT --to-ports 99
COMMIT
`;
/** Nothing, or the rules of others. */
export const foreignRules = (family) => parseSave(FOREIGN, { family })[0] ?? emptyRuleSet(family);
