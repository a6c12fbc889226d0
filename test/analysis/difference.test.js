import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { boxesOf, difference, TooComplex } from '../../src/analysis/index.ts';
import { boxWords } from '../../src/explain/packet-set.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, prepare } from '../../src/trace/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { seeded } from '../support/random.ts';
import { placeOf } from './agreement.ts';
import { ALONE, HOSTS, POD } from './hosts.ts';
import { randomPacket } from './packets.ts';
const STORY = readFileSync(new URL('../../docs/examples/post-2018.rules', import.meta.url), 'utf8');
const snapshotOf = (rules, host = HOSTS.untold) => ({
    ...host,
    held: rules.map((set) => ({ backend: 'nft', rules: set })),
});
const sideOf = (text) => ({ snapshot: snapshotOf(parseSave(text)), proxyPorts: [15001] });
const both = (before, after) => ['in', 'out'].flatMap((direction) => difference(sideOf(before), sideOf(after), 'ipv4', direction));
test('a rule set is no different from itself', () => {
    expect(both(STORY, STORY)).toEqual([]);
});
test('renamed chains, and independent rules in another order, are no difference', () => {
    const lines = STORY.replaceAll('ISTIO_', 'X_').split('\n');
    const at = lines.findIndex((line) => line.includes('--dport 8080'));
    [lines[at], lines[at + 1]] = [lines[at + 1], lines[at]];
    expect(both(STORY, lines.join('\n'))).toEqual([]);
});
test('what is open stays open alike: a line above, or what a rule has counted, is no difference', () => {
    const open = (counted) => `*filter
:INPUT ACCEPT [0:0]
[${counted}] -A INPUT -p tcp -m weird --asks 7 -j DROP
[${counted}] -A INPUT -m limit --limit 3/sec -j DROP
COMMIT
`;
    expect(both(open('0:0'), `# saved later\n\n${open('7:420')}`)).toEqual([]);
});
test('of all packets, exactly inbound tcp to 8888 changes, from the proxy to the app', () => {
    const bypassed = STORY.replace(/\n(-A PREROUTING)/, '\n-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN\n$1');
    const changes = both(STORY, bypassed).filter(({ before }) => before.kind === 'proxy');
    expect(changes.map(({ before, after }) => `${before.key} → ${after.key}`)).toEqual(['proxy 15001 → app own']);
    const [{ surely, possibly } = expect.fail()] = changes;
    expect(surely.equals(possibly)).toBe(true);
    const { boxes, complete } = boxesOf(surely);
    expect(complete).toBe(true);
    expect(boxes.map((box) => boxWords(box, 'ipv4', 'in'))).toEqual(['tcp to port 8888']);
    const { snapshot } = sideOf(STORY);
    expect(surely.holds(parseQuestion('in tcp/8888', snapshot))).toBe(true);
    expect(surely.holds(parseQuestion('in tcp/8080', snapshot))).toBe(false);
});
test('nothing comes from outside to a machine that has only loopback; what it sends to itself is compared', () => {
    const [accepting, dropping] = ['ACCEPT', 'DROP'].map((verdict) => ({
        snapshot: snapshotOf(parseSave(`*filter\n-A INPUT -p tcp -j ${verdict}\nCOMMIT\n`), ALONE),
        proxyPorts: [],
    }));
    expect(difference(accepting, dropping, 'ipv4', 'in')).toEqual([]);
    const changes = difference(accepting, dropping, 'ipv4', 'out').filter(({ surely }) => surely.isOrdinary);
    expect(changes.map(({ before, after }) => `${before.key} → ${after.key}`)).toEqual([
        'nobody listens own → dropped',
        'app own → dropped',
    ]);
});
/** The addresses that forwarded packets leave with, by where each of them goes. */
const sourcesTo = (destinations, changes, snapshot) => destinations.map((to) => {
    const question = parseQuestion(`in tcp 10.9.0.1:40000 > ${to}:80 on eth1`, snapshot);
    return changes.flatMap(({ after, surely }) => surely.holds(question) && 'from' in after ? [after.from?.address] : []);
});
test('what this host would send from is told apart where only the second rule set asks for it', () => {
    const card = (name, index, ...addresses) => ({
        name,
        index,
        up: true,
        addresses: addresses.map((value) => ({
            family: 'ipv4',
            value,
            length: 24,
            secondary: false,
            scope: 'global',
        })),
    });
    const [one, other] = [0x0a00_0005, 0x0a02_0005];
    const machine = {
        origin: 'two networks on one card',
        held: [],
        interfaces: [card('eth0', 2, one, other), card('eth1', 3, 0x0a09_0005)],
        sysctls: { ipForward: true, ipv6Forward: true, routeLocalnet: [] },
    };
    const [before, after] = ['ACCEPT', 'MASQUERADE'].map((target) => ({
        snapshot: snapshotOf(parseSave(`*nat\n-A POSTROUTING -o eth0 -j ${target}\nCOMMIT\n`), machine),
        proxyPorts: [],
    }));
    const changes = difference(before, after, 'ipv4', 'in');
    expect(sourcesTo(['10.0.0.9', '10.2.0.9'], changes, before.snapshot)).toEqual([[one], [other]]);
});
test('a rule that is not known is the same rule on another line, and in a chain of another name', () => {
    const text = '*filter\n:A - [0:0]\n-A INPUT -p tcp -j A\n-A A -p tcp -m osf --genre Linux -j DROP\nCOMMIT\n';
    expect(both(text, `# Another line.\n${text.replaceAll('A A', 'A OTHER').replaceAll('j A', 'j OTHER').replace(':A', ':OTHER')}`)).toEqual([]);
});
test('what two rule sets leave open is alike where the same target leaves it open, and else perhaps not', () => {
    const moving = (to, from = '10.0.0.0/8') => `*nat\n-A PREROUTING -d ${from} -j NETMAP --to ${to}\nCOMMIT\n`;
    expect(both(moving('10.1.0.0/16'), moving('10.1.0.0/16'))).toEqual([]);
    const [change, ...others] = both(moving('10.1.0.0/16'), moving('10.2.0.0/16'));
    expect(others).toEqual([]);
    expect([change?.before.kind, change?.after.kind]).toEqual(['unknown', 'unknown']);
    expect([change?.surely.isEmpty, change?.possibly.isEmpty]).toEqual([true, false]);
});
const MACHINES = [...Object.values(HOSTS), POD];
/** How many random rule sets are compared with themselves less a rule. */
const RULE_SETS = Number(process.env.RULE_SETS ?? 12);
test('a difference is where the traces of random packets differ', () => {
    let complex = 0;
    for (let seed = 0; seed < RULE_SETS; seed += 1) {
        const random = seeded(90_000 + seed);
        const rules = parseSave(randomRules(random, 'ipv4'), { family: 'ipv4', keepGoing: true });
        const direction = random.pick(['in', 'out']);
        const host = HOSTS[random.pick(Object.keys(HOSTS))];
        // Now and then it is another machine, too.
        const otherHost = random.oneIn(3)
            ? random.pick(MACHINES.filter((one) => !one.interfaces === !host.interfaces))
            : host;
        // One rule is taken away.
        const chains = rules.flatMap(({ tables }) => tables.flatMap((table) => table.chains.filter((chain) => chain.rules.length > 0)));
        const shorter = random.pick(chains);
        const gone = random.below(shorter.rules.length);
        const others = rules.map((set) => ({
            ...set,
            tables: set.tables.map((table) => ({
                ...table,
                chains: table.chains.map((chain) => chain === shorter ? { ...chain, rules: chain.rules.filter((_, index) => index !== gone) } : chain),
            })),
        }));
        const [before, after] = [snapshotOf(rules, host), snapshotOf(others, otherHost)];
        const proxyPorts = [15001];
        let changes;
        try {
            changes = difference({ snapshot: before, proxyPorts }, { snapshot: after, proxyPorts }, 'ipv4', direction);
        }
        catch (error) {
            // That is an answer, too; it must not be the usual one.
            if (!(error instanceof TooComplex))
                throw error;
            complex += 1;
            continue;
        }
        const follow = [prepare(before, proxyPorts), prepare(after, proxyPorts)];
        for (const { before: was, after: is, surely } of changes) {
            const question = surely.witness();
            if (!question)
                continue;
            // What is open already has its socket on either machine, which the sets do not know.
            if (otherHost !== host && question.packet.ctstate === 2)
                continue;
            const [one, other] = follow.map((each) => each(question));
            if (one.possible.length > 0 || other.possible.length > 0 || was.kind === 'unknown' || is.kind === 'unknown')
                continue;
            expect(placeOf(one.outcome, question.packet), `seed ${seed}`).toBe(placeOf(was, question.packet));
            expect(placeOf(other.outcome, question.packet), `seed ${seed}`).toBe(placeOf(is, question.packet));
        }
        const [first] = changes;
        if (!first)
            continue;
        for (let count = 0; count < 100; count += 1) {
            const question = randomPacket(first.surely.space, random, [0, 1, 4]);
            if (!question || question.packet.ctstate === 2)
                continue;
            const [one, other] = follow.map((each) => each(question));
            if (one.possible.length > 0 || other.possible.length > 0)
                continue;
            const differ = placeOf(one.outcome, question.packet) !== placeOf(other.outcome, question.packet);
            if (differ)
                expect(changes.some(({ possibly }) => possibly.holds(question)), `seed ${seed}`).toBe(true);
        }
    }
    expect(complex).toBeLessThan(1 + RULE_SETS / 20);
}, 60_000 + 5_000 * RULE_SETS);
