import { parseAddress, parsePrefix } from '../../src/address/index.ts';
import { ICMP, TCP, UDP } from '../../src/netfilter/index.ts';
import { CARDS } from './hosts.ts';
/** Words of ports, uids and gids, as people give them. */
function rangeOf(word) {
    if (word === 'http')
        return [80, 80];
    const [low = '', high = low] = word.split(/[:-]/);
    return [low === '' ? 0 : Number(low), high === '' ? 65535 : Number(high)];
}
const networkOf = (word) => {
    const prefix = parsePrefix(word);
    if (typeof prefix.value === 'number') {
        const first = (prefix.value & Number(prefix.mask)) >>> 0;
        return [first, (first | ~Number(prefix.mask)) >>> 0];
    }
    const [value, mask] = [BigInt(prefix.value), BigInt(prefix.mask)];
    return [value & mask, (value & mask) | (mask ^ ((1n << 128n) - 1n))];
};
const cardsOf = (names) => Object.keys(CARDS).filter((card) => names.some((name) => (/^$|\+$/.test(name) ? card.startsWith(name.replace('+', '')) : card === name)));
const networksBehind = (card) => [`10.${CARDS[card]}.0.0/24`, `2001:db8:${CARDS[card]}::/64`];
const addressesOf = (card) => [`10.${CARDS[card]}.0.5/32`, `2001:db8:${CARDS[card]}::5/128`];
const familyOf = (word) => (word.includes(':') ? 'ipv6' : 'ipv4');
/** All that the options name, so that sets can hold to it whatever the rules ask. */
export function cutsFor(i, family) {
    const ports = [
        ...[...listed(i.inbound.include), ...i.inbound.exclude, ...i.outbound.includePorts, ...i.outbound.excludePorts].map(rangeOf),
        ...[22, 53, i.tunnelPort, i.inboundPort, i.outboundPort, i.dns.port].map((port) => [port, port]),
    ];
    const networks = [
        ...[...listed(i.outbound.include), ...i.outbound.exclude, ...i.dns.servers]
            .filter((word) => familyOf(word) === family)
            .map(networkOf),
        networkOf(loopbackWord(i, family)),
        networkOf(passthroughWord(family)),
    ];
    return [
        ...ports.map((range) => ({ kind: 'in', field: 'destinationPort', ranges: [range] })),
        ...networks.flatMap((range) => [
            { kind: 'in', field: 'destination', ranges: [range] },
            { kind: 'in', field: 'source', ranges: [range] },
        ]),
        ...[TCP, UDP, ICMP].map((number) => ({ kind: 'in', field: 'protocol', ranges: [[number, number]] })),
    ];
}
const listed = (include) => (include === '*' ? [] : include);
const passthroughWord = (family) => (family === 'ipv4' ? '127.0.0.6/32' : '::6/128');
/** Packets that are told apart by what the options speak of. */
class Packets {
    all;
    #family;
    constructor(all, family) {
        this.all = all;
        this.#family = family;
    }
    none = () => this.all.minus(this.all);
    any = (...sets) => sets.reduce((one, other) => one.or(other), this.none());
    but = (set) => this.all.minus(set);
    protocol = (number) => this.all.where({ kind: 'in', field: 'protocol', ranges: [[number, number]] });
    ports = (words) => this.any(...words.map((word) => this.any(this.protocol(TCP), this.protocol(UDP)).where({
        kind: 'in',
        field: 'destinationPort',
        ranges: [rangeOf(String(word))],
    })));
    to = (words) => this.#at('destination', words);
    from = (words) => this.#at('source', words);
    owned = (field, words) => this.any(...words.map((word) => this.all.where({ kind: 'in', field, ranges: [rangeOf(word)] })));
    marked = (marks) => this.any(...marks.map((value) => this.all.where({ kind: 'bits', field: 'mark', mask: 0xffff_ffff, value })));
    /** What comes by these cards. */
    by = (names) => this.any(...cardsOf(names).map((text) => this.all.where({ kind: 'name', field: 'in', text, prefix: false })));
    /** What goes to the networks behind these cards: it leaves by them. */
    behind = (names) => this.to(cardsOf(names).flatMap(networksBehind)).minus(this.self());
    /** What stays on this host. */
    self = () => this.to(['127.0.0.0/8', '::1/128', ...cardsOf(['']).flatMap(addressesOf)]);
    #at(field, words) {
        const here = words.filter((word) => familyOf(word) === this.#family);
        return this.any(...here.map((word) => this.all.where({ kind: 'in', field, ranges: [networkOf(word)] })));
    }
}
/** What of these packets is turned, and where, if an interception is what its options say. */
export function askedOf(i, all, family, direction) {
    // The 2018 form catches no IPv6.
    if (!i.families.includes(family) || (i.dialect === 'istio-2018' && family === 'ipv6'))
        return [];
    if (i.dialect === 'istio-2018')
        return direction === 'in' ? inbound2018(i, all, family) : outbound2018(i, all, family);
    return direction === 'in' ? inbound(i, all, family) : outbound(i, all, family);
}
function inbound(i, all, family) {
    const p = new Packets(all, family);
    const tcp = p.protocol(TCP);
    // What a virtual interface brings is outbound traffic of what stands behind it, and never inbound.
    const virtual = p.by(i.interfaces.virtual);
    const wanted = i.outbound.include === '*' ? all : p.to(i.outbound.include);
    const brought = i.outbound.include === '*' || i.outbound.include.length > 0 ? virtual.and(tcp).and(wanted) : p.none();
    const closed = p.by(i.interfaces.exclude);
    const tproxy = i.mode === 'TPROXY';
    const taken = tcp.and(portsAsked(i, p)).minus(closed);
    return [
        [
            i.inboundPort,
            tproxy ? taken.minus(p.to([loopbackWord(i, family)])) : taken.minus(virtual).minus(p.ports([i.tunnelPort])),
        ],
        [i.outboundPort, tproxy ? brought.minus(taken) : brought],
    ];
}
/** The inbound ports that are asked for. */
function portsAsked({ mode, inbound: { include, exclude } }, p) {
    if (mode === 'NONE')
        return p.none();
    return include === '*' ? p.but(p.ports(exclude)) : p.ports(include);
}
const loopbackWord = ({ dialect, loopback }, family) => family === 'ipv6' ? '::1/128' : dialect === 'istio-2018' ? '127.0.0.1/32' : loopback;
function outbound(i, all, family) {
    const p = new Packets(all, family);
    const tcp = p.protocol(TCP);
    const self = p.self();
    const here = p.to([loopbackWord(i, family)]);
    const dns = i.dns.capture && (i.dns.all || i.dns.servers.length > 0);
    const { uids, gids, marks } = i.proxy;
    let left = all;
    const turned = new Map();
    const take = (packets) => {
        const taken = left.and(packets);
        left = left.minus(packets);
        return taken;
    };
    const turn = (port, packets) => {
        const taken = take(packets);
        turned.set(port, (turned.get(port) ?? p.none()).or(taken));
    };
    take(p.behind(i.interfaces.exclude));
    take(p.ports(i.outbound.excludePorts));
    // The proxy hands an inbound connection to the app.
    const passed = self.and(p.from([passthroughWord(family)]));
    take(passed);
    // The proxy calls its own pod: inbound, but for the tunnel, and for DNS where that is captured (said by uid).
    const loopbackWanted = listed(i.outbound.include).some((word) => /^127\./.test(word) || parseAddress(word.replace(/\/.*/, ''))?.value === 1n);
    const proxy = p.any(p.marked(marks), p.owned('uid', uids), p.owned('gid', gids));
    // With TPROXY all calls of the proxy to its own pod bear a mark; where it is known by marks, this is one of them.
    const calls = i.mode === 'TPROXY' ? self.and(tcp).and(proxy).minus(here) : p.none();
    const owners = [
        ...(marks.length > 0
            ? [{ mine: p.marked(marks).or(calls), other: uids.length + gids.length === 0, byUid: true }]
            : []),
        ...uids.map((uid) => ({ mine: p.owned('uid', [uid]), other: true, byUid: true })),
        ...gids.map((gid) => ({ mine: p.owned('gid', [gid]), other: true, byUid: false })),
    ];
    for (const { mine, other, byUid } of owners) {
        const own = p.ports([i.tunnelPort, ...(dns && byUid ? [53] : [])]);
        turn(i.inboundPort, self.and(tcp).and(mine).minus(here).minus(own));
        // What others send to their own host stays, but for questions to a name server here.
        if (other && !loopbackWanted)
            take((dns ? self.and(tcp).minus(p.ports([53])) : self).minus(mine));
        take(mine);
    }
    const groups = i.outbound.ownerGroups;
    if (groups.include === '*')
        take(p.owned('gid', groups.exclude));
    else if (groups.include.length > 0)
        take(p.but(p.owned('gid', groups.include)));
    if (dns)
        turn(i.dns.port, p.ports([53]).and(i.dns.all ? all : p.to(i.dns.servers.map((server) => server))));
    take(here);
    take(p.to(i.outbound.exclude));
    turn(i.outboundPort, tcp.and(p.ports(i.outbound.includePorts)));
    turn(i.outboundPort, tcp.and(i.outbound.include === '*' ? all : p.to(i.outbound.include)));
    if (i.mode === 'TPROXY') {
        // What nat has left alone comes in over lo, and there whatever the proxy sends to its own pod is inbound.
        const rest = [...turned.values()].reduce((some, set) => some.minus(set), calls.minus(passed));
        turned.set(i.inboundPort, p.any(turned.get(i.inboundPort) ?? p.none(), rest.and(portsAsked(i, p))));
    }
    return [...turned];
}
function inbound2018(i, all, family) {
    const p = new Packets(all, family);
    const asked = i.mode === 'NONE'
        ? p.none()
        : i.inbound.include === '*'
            ? p.but(p.ports([22, ...i.inbound.exclude]))
            : p.ports(i.inbound.include);
    const taken = p.protocol(TCP).and(asked);
    return i.mode === 'TPROXY' ? [[i.outboundPort, taken.minus(p.to(['127.0.0.1/32']))]] : [[i.inboundPort, taken]];
}
function outbound2018(i, all, family) {
    const p = new Packets(all, family);
    const tcp = p.protocol(TCP);
    const here = p.to(['127.0.0.1/32']);
    const calls = tcp.and(p.self()).minus(here);
    const proxy = p.any(p.owned('uid', i.proxy.uids), p.owned('gid', i.proxy.gids), p.marked(i.proxy.marks));
    const wanted = i.outbound.include === '*' ? all : p.to(i.outbound.include);
    return [[i.outboundPort, calls.or(tcp.and(wanted).minus(proxy).minus(here).minus(p.to(i.outbound.exclude)))]];
}
