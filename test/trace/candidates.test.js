import { expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { makePacket } from '../../src/netfilter/index.ts';
import { parseNft, parseSave } from '../../src/text/index.ts';
import { prepare, prepareEnd, prepareOutcome } from '../../src/trace/index.ts';
import { seeded } from '../support/random.ts';
import { randomNftRuleSet } from '../support/random-nft.ts';
import { randomAddress, randomRule } from '../support/random-rules.ts';
/** So many packets that every long chain is asked through its rows of bits. */
const PACKETS = 150;
/** Every packet is also followed with each step written down, every way. */
const LASTING = { timeout: 120_000 };
/** A few addresses, so that rules and packets often speak of the same. */
const pool = (random, family) => Array.from({ length: 8 }, () => randomAddress(random, family));
function header(random, family, addresses) {
    const not = random.oneIn(4) ? '! ' : '';
    const width = family === 'ipv4' ? 32 : 128;
    const holes = family === 'ipv4' ? '255.0.255.0' : 'ffff:0:ffff::';
    const prefix = `${random.pick(addresses)}/${random.oneIn(5) ? holes : random.below(width + 1)}`;
    const port = random.pick([80, 443, 8080]);
    return random.pick([
        `${not}-s ${prefix}`,
        `${not}-d ${random.pick(addresses)}`,
        `-p tcp -m tcp ${not}--dport ${port}`,
        `-p udp -m udp ${not}--sport ${port - 10}:${port}`,
        `-p tcp -m multiport ${not}--ports 1:99,${port}`,
        `${not}-p udp`,
        `${not}-i eth${random.pick(['0', '+'])}`,
        `-m iprange ${not}--src-range ${random.pick(addresses)}-${random.pick(addresses)}`,
        '-m conntrack --ctstate NEW',
        random.oneIn(6) ? '-m nonesuch --unknown' : '-p icmp',
    ]);
}
const backwards = /--src-range (\S+)-(\S+)/;
/** Long chains of rules that ask for ends and ports, a few of every other kind among them. */
function rulesOf(random, family) {
    const addresses = pool(random, family);
    const lines = [
        '*filter',
        ':INPUT ACCEPT [0:0]',
        ':FORWARD DROP [0:0]',
        ':OUTPUT ACCEPT [0:0]',
        ':a - [0:0]',
        ':b - [0:0]',
    ];
    for (const chain of ['INPUT', 'FORWARD', 'OUTPUT', 'a', 'b'])
        for (let count = 10 + random.below(60); count > 0; count -= 1) {
            const jumps = { a: ['b'], b: [] }[chain] ?? ['a', 'b'];
            const verdict = random.pick([...jumps, 'ACCEPT', 'DROP', 'RETURN', 'MARK --set-mark 1']);
            const plain = `${header(random, family, addresses)} -j ${verdict}`;
            const range = backwards.exec(plain);
            if (range && parseAddress(range[1]).value > parseAddress(range[2]).value)
                continue;
            if (plain.includes('-i ') && chain === 'OUTPUT')
                continue;
            lines.push(`-A ${chain} ${random.oneIn(12) ? randomRule(random, family, 'filter', chain, jumps) : plain}`);
        }
    const rules = parseSave([...lines, 'COMMIT', ''].join('\n'), { family, keepGoing: true });
    return { origin: 'random', held: rules.map((one) => ({ backend: 'nft', rules: one })) };
}
/** A packet of which much is known, and now and then something is not. */
function question(random, family, words) {
    const address = () => {
        const { value } = parseAddress(random.oneIn(4) ? randomAddress(random, family) : random.pick(words));
        // One beside it, now and then.
        const step = random.pick([0, 0, 1, -1]);
        return typeof value === 'bigint' ? value + BigInt(step) : value + step;
    };
    const port = () => (random.oneIn(9) ? undefined : random.pick([79, 80, 81, 443, 8080, random.below(65_536)]));
    const inward = random.below(3) > 0;
    const protocol = random.pick([6, 6, 17, 17, 1, 47]);
    const forwarded = inward && random.oneIn(2) ? { out: 'eth1' } : {};
    const ends = { source: random.oneIn(9) ? undefined : address(), destination: address() };
    const ports = { sourcePort: port(), destinationPort: port() };
    const place = inward ? { in: random.pick(['eth0', 'eth1', undefined]), ...forwarded } : { owned: 1, uid: 7, gid: 7 };
    const packet = makePacket({
        family,
        protocol,
        ...ends,
        ...ports,
        ...place,
        ...(random.oneIn(9) ? { fragment: 1 } : {}),
    });
    return { direction: inward ? 'in' : 'out', packet, assumptions: [] };
}
const bare = ({ because: _, ...end }) => end;
function sameEnds(random, snapshot, family, words) {
    const [recorded, unrecorded] = [prepare(snapshot, [15001]), prepareOutcome(snapshot, [15001])];
    const unexplained = prepareEnd(snapshot, [15001]);
    for (let count = 0; count < PACKETS; count += 1) {
        const asked = question(random, family, words);
        const { outcome } = recorded(asked);
        expect(unrecorded(asked), `packet ${count}`).toEqual(outcome);
        expect(unexplained(asked), `packet ${count}`).toMatchObject(bare(outcome));
    }
}
test.each(['ipv4', 'ipv6'])('%s: rules that are passed by would not have matched', LASTING, (family) => {
    for (let seed = 1; seed <= 8; seed += 1) {
        const random = seeded(seed);
        const snapshot = rulesOf(random, family);
        const words = pool(seeded(seed), family);
        sameEnds(random, snapshot, family, words);
    }
});
test('native rules, too', LASTING, () => {
    for (let seed = 1; seed <= 2; seed += 1) {
        const random = seeded(seed);
        const native = parseNft(randomNftRuleSet(random), { keepGoing: true });
        const long = native.map((table) => ({
            ...table,
            chains: table.chains.map((chain) => ({ ...chain, rules: Array.from({ length: 6 }, () => chain.rules).flat() })),
        }));
        for (const family of ['ipv4', 'ipv6'])
            sameEnds(random, { origin: 'random', held: [], native: long }, family, pool(random, family));
    }
});
