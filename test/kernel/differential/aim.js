import { parseAddress, widthOf } from '../../../src/address/index.ts';
import { CTSTATE, ICMP, ICMPV6, predicateOf, TCP, UDP, } from '../../../src/netfilter/index.ts';
import { isLoopback } from '../../../src/trace/host.ts';
import { CARDS, OWNERS } from './machine.ts';
import { ADDRESSES } from './rules.ts';
/** Packets at the boundaries of a rule set's rules. */
export class Aim {
    #random;
    #family;
    #targets;
    #addresses;
    constructor(random, family, targets) {
        this.#random = random;
        this.#family = family;
        this.#targets = targets;
        this.#addresses = ADDRESSES[family].map((text) => parseAddress(text).value);
    }
    /** A packet that some rule is about, or nearly. */
    probe() {
        const random = this.#random;
        const target = this.#targets.length === 0 || random.oneIn(10) ? undefined : random.pick(this.#targets);
        const out = target ? goesOut(target.hook, random) : random.oneIn(2);
        const draft = this.#plain(out);
        if (target) {
            for (const predicate of target.way)
                this.#satisfy(draft, predicate, true);
            // Local delivery or a way through: INPUT and FORWARD want one or the other.
            if (target.hook === 'INPUT' && !random.oneIn(4))
                draft.destination = this.#own();
        }
        if (random.oneIn(6))
            this.#nudge(draft);
        return this.#tidied(draft);
    }
    #own = () => this.#addresses[this.#random.below(3)];
    #plain(out) {
        const random = this.#random;
        const family = this.#family;
        const protocol = random.pick([
            TCP,
            TCP,
            TCP,
            UDP,
            UDP,
            family === 'ipv4' ? ICMP : ICMPV6,
            random.pick([47, 132, 253]),
        ]);
        return {
            family,
            on: out ? undefined : random.pick(CARDS),
            owner: random.below(OWNERS.length),
            mark: random.oneIn(3) ? random.pick([1, 2, 4, 5, 0x539, 0x8000_0000]) : 0,
            protocol,
            source: out ? this.#own() : this.#addresses[4 + random.below(this.#addresses.length - 5)],
            destination: random.oneIn(2) ? this.#own() : random.pick(this.#addresses),
            ttl: random.oneIn(12) ? random.pick([1, 2, 63, 65, 128, 255]) : 64,
            dscp: random.oneIn(8) ? random.below(64) : 0,
            ecn: random.oneIn(12) ? random.below(4) : 0,
            sourcePort: 1024 + random.below(64000),
            destinationPort: random.oneIn(3) ? random.below(65536) : random.pick([22, 53, 80, 443, 8080, 8888, 15001, 15006]),
            tcpFlags: random.oneIn(4) ? random.below(64) : random.pick([2, 2, 2, 16]),
            icmpType: random.oneIn(3) ? random.below(256) : family === 'ipv4' ? 8 : 128,
            icmpCode: random.oneIn(4) ? random.below(16) : 0,
        };
    }
    /** Sets fields so that the predicate holds, as far as a packet can; `wanted` false: so that it does not. */
    #satisfy(draft, predicate, wanted) {
        const random = this.#random;
        switch (predicate.kind) {
            case 'not':
                this.#satisfy(draft, predicate.of, !wanted);
                return;
            case 'all':
                if (wanted)
                    for (const part of predicate.of)
                        this.#satisfy(draft, part, true);
                else
                    this.#satisfy(draft, random.pick(predicate.of), false);
                return;
            case 'some':
                if (wanted)
                    this.#satisfy(draft, random.pick(predicate.of), true);
                else
                    for (const part of predicate.of)
                        this.#satisfy(draft, part, false);
                return;
            case 'in': {
                if (predicate.ranges.length === 0)
                    return;
                const [low, high] = random.pick(predicate.ranges);
                const inside = wanted !== random.oneIn(12);
                const edge = random.oneIn(2);
                this.#set(draft, predicate.field, inside ? (edge ? low : high) : plus(edge ? low : high, edge ? -1 : 1));
                return;
            }
            case 'bits': {
                const noise = this.#noise(predicate.field);
                const kept = and(noise, not(predicate.mask, this.#width(predicate.field)));
                const bits = wanted ? predicate.value : this.#flipped(predicate.value, predicate.mask);
                this.#set(draft, predicate.field, or(kept, bits));
                return;
            }
            case 'any-bit':
                this.#bit(draft, predicate.field, predicate.mask, wanted);
                return;
            case 'name':
                if (predicate.field !== 'in' || draft.on === undefined)
                    return;
                for (const card of random.shuffle(CARDS)) {
                    const holds = predicate.prefix ? card.startsWith(predicate.text) : card === predicate.text;
                    if (holds === wanted)
                        draft.on = card;
                }
                return;
            default:
                return;
        }
    }
    #width = (field) => /source|destination|src|dst/i.test(field) && !/port/i.test(field) ? widthOf(this.#family) : 32;
    #noise(field) {
        const random = this.#random;
        if (this.#width(field) <= 32)
            return random.oneIn(3) ? 0 : random.below(0x1_0000_0000);
        if (random.oneIn(2))
            return random.pick(this.#addresses);
        return Array.from({ length: 4 }, () => BigInt(random.below(0x1_0000_0000))).reduce((all, word) => (all << 32n) | word);
    }
    /** One bit under the mask turned round. */
    #flipped(value, mask) {
        const random = this.#random;
        const bits = bitsIn(mask);
        if (bits.length === 0)
            return value;
        const bit = random.oneIn(2) ? bits[0] : random.pick(bits);
        return typeof value === 'bigint' ? value ^ (1n << BigInt(bit)) : (value ^ (2 ** bit)) >>> 0;
    }
    #set(draft, field, value) {
        switch (field) {
            case 'source':
            case 'ctorigsrc':
                draft.source = clampAddress(value, this.#family);
                return;
            case 'destination':
            case 'ctorigdst':
                draft.destination = clampAddress(value, this.#family);
                return;
            case 'protocol':
                draft.protocol = Number(value) & 255;
                return;
            case 'sourcePort':
            case 'ctorigsrcport':
                draft.sourcePort = Number(value) & 0xffff;
                return;
            case 'destinationPort':
            case 'ctorigdstport':
                draft.destinationPort = Number(value) & 0xffff;
                return;
            case 'tcpFlags':
                draft.tcpFlags = Number(value) & 255;
                return;
            case 'icmpType':
            case 'icmpCode':
                draft[field] = Number(value) & 255;
                return;
            case 'ttl':
                draft.ttl = Math.max(1, Number(value) & 255);
                return;
            case 'dscp':
                draft.dscp = Number(value) & 63;
                return;
            case 'ecn':
                draft.ecn = Number(value) & 3;
                return;
            case 'mark':
                draft.mark = Number(value) >>> 0;
                return;
            case 'uid':
            case 'gid': {
                const found = OWNERS.findIndex((owner) => owner[field] === Number(value));
                if (found >= 0)
                    draft.owner = found;
                return;
            }
        }
    }
    #bit(draft, field, mask, wanted) {
        if (field === 'ctstate') {
            const state = wanted ? mask : ~mask;
            if ((state & CTSTATE.NEW) === 0 && (state & CTSTATE.INVALID) !== 0) {
                draft.protocol = TCP;
                draft.tcpFlags = this.#random.pick([3, 4, 0]);
            }
            return;
        }
        const bits = [1, 2, 4, 8, 16, 32].filter((bit) => (mask & bit) !== 0);
        if (bits.length > 0)
            this.#set(draft, field, wanted ? this.#random.pick(bits) : 0);
    }
    /** One value a little beside. */
    #nudge(draft) {
        const random = this.#random;
        const by = random.oneIn(2) ? 1 : -1;
        switch (random.below(5)) {
            case 0:
                draft.destinationPort = (draft.destinationPort + by) & 0xffff;
                return;
            case 1:
                draft.destination = clampAddress(plus(draft.destination, by), this.#family);
                return;
            case 2:
                draft.source = clampAddress(plus(draft.source, by), this.#family);
                return;
            case 3:
                draft.protocol = random.pick([TCP, UDP, 132, 136, 58, 1, 47]);
                return;
            default:
                draft.tcpFlags = random.below(64);
        }
    }
    /** What can be sent at all. */
    #tidied(draft) {
        const family = this.#family;
        if (family === 'ipv6' && draft.protocol === ICMP)
            draft.protocol = ICMPV6;
        if (family === 'ipv4' && draft.protocol === ICMPV6)
            draft.protocol = ICMP;
        // A header that says what follows is none of these: extension headers, and protocols that Linux gave up.
        if (UNSENDABLE.has(draft.protocol))
            draft.protocol = 253;
        if (BigInt(draft.destination) === 0n)
            draft.destination = this.#own();
        if (draft.on === undefined && isGroup(draft.destination))
            draft.destination = this.#own();
        // Whether a broadcast may be a source hangs on send_redirects, which is off here.
        if (draft.on !== undefined && family === 'ipv4' && (Number(draft.source) & 0xff) === 0xff)
            draft.source = this.#addresses[4];
        // Nor from loopback to elsewhere, which only a raw socket gets past the first routing decision.
        if (draft.on === undefined && (isGroup(draft.source) || isLoopback(family, draft.source)))
            draft.source = this.#own();
        return draft;
    }
}
const UNSENDABLE = new Set([0, 33, 43, 44, 51, 59, 60, 135, 136, 139, 140]);
/** Addresses of many, to and from which a socket may not send: multicast, broadcast, nobody. */
const isGroup = (address) => typeof address === 'bigint'
    ? address >> 120n === 0xffn || address === 0n
    : address >>> 28 >= 0xe ||
        address >>> 24 === 0 ||
        address === 0x7fff_ffff ||
        ((address & 0xff) === 0xff && address >>> 24 === 10);
const goesOut = (hook, random) => hook === 'OUTPUT' ||
    (hook === 'POSTROUTING' && random.oneIn(2)) ||
    ((hook === 'INPUT' || hook === 'PREROUTING') && random.oneIn(6));
/** The rules of iptables' tables. */
export const targetsOf = ({ tables, family }) => tables.flatMap((table) => targetsIn(table, family));
function targetsIn(table, family) {
    const targets = [];
    const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
    const visit = (hook, name, before, depth) => {
        for (const rule of chains.get(name)?.rules ?? []) {
            const way = [...before, predicateOf(rule, family)];
            targets.push({ hook, way });
            const to = jumpOf(rule);
            if (to && depth < 4 && targets.length < 500)
                visit(hook, to, way, depth + 1);
        }
    };
    for (const { name, policy } of table.chains)
        if (policy !== undefined)
            visit(name, name, [], 0);
    return targets;
}
const jumpOf = ({ target }) => target?.kind === 'jump' || target?.kind === 'goto' ? target.chain : undefined;
const plus = (value, by) => typeof value === 'bigint' ? value + BigInt(by) : value + by;
const and = (a, b) => typeof a === 'bigint' || typeof b === 'bigint' ? BigInt(a) & BigInt(b) : (a & b) >>> 0;
const or = (a, b) => typeof a === 'bigint' || typeof b === 'bigint' ? BigInt(a) | BigInt(b) : (a | b) >>> 0;
const not = (mask, width) => width > 32 ? BigInt.asUintN(128, ~BigInt(mask)) : ~Number(mask) >>> 0;
/** The numbers of the bits of a mask. */
function bitsIn(mask) {
    const bits = [];
    for (let word = 0; word < (typeof mask === 'bigint' ? 4 : 1); word += 1) {
        const part = typeof mask === 'bigint' ? Number(BigInt.asUintN(32, mask >> BigInt(32 * word))) : mask;
        for (let bit = 0; bit < 32; bit += 1)
            if ((part >>> bit) & 1)
                bits.push(32 * word + bit);
    }
    return bits;
}
const clampAddress = (value, family) => family === 'ipv6' ? BigInt.asUintN(128, BigInt(value)) : Number(value) >>> 0;
