import { expect, test } from 'vitest';
import { isBuiltIn } from '../../src/netfilter/index.ts';
import { parseRule, parseSave } from '../../src/text/index.ts';
import { parseQuestion, prepare, prepareOutcome } from '../../src/trace/index.ts';
import { seeded } from '../support/random.ts';
const snapshotOf = (rules) => ({ origin: 'random', held: [{ backend: 'nft', rules }] });
const CHAINS = ['ONE', 'TWO', 'THREE'];
/** A condition that the packets below sometimes meet. */
const condition = (random) => random.pick([
    '',
    '-p tcp',
    '-p udp',
    '! -p tcp',
    `-p tcp -m tcp --dport ${random.pick([80, 8080, 8888])}`,
    `-p tcp -m tcp ! --dport ${random.pick([80, 8080, 8888])}`,
    '-p tcp -m multiport --dports 8080,9000:9100',
    '-s 10.0.0.0/24',
    '! -s 10.0.0.9/32',
    '-d 127.0.0.1/32',
    '-m mark --mark 1',
    '-m conntrack --ctstate NEW',
    '-m statistic --mode random --probability 0.5',
    '-p tcp -m nonesuch --x',
]);
/** Chains call only those after them, so that there is no loop. */
function target(random, table, chain) {
    const later = CHAINS.slice(CHAINS.indexOf(chain) + 1);
    const jumps = later.flatMap((name) => [`-j ${name}`, `-g ${name}`]);
    const verdicts = table === 'nat' ? ['-j ACCEPT'] : ['-j ACCEPT', '-j DROP'];
    const redirect = table === 'nat' && /OUTPUT|PREROUTING/.test(chain) ? ['-j REDIRECT --to-ports 15001'] : [];
    return random.pick([...jumps, ...jumps, ...verdicts, ...redirect, '-j RETURN', '-j MARK --set-mark 1', '']);
}
function randomRules(random) {
    const lines = [];
    for (const [table, hooks] of [
        ['mangle', ['PREROUTING', 'INPUT', 'OUTPUT']],
        ['nat', ['PREROUTING', 'OUTPUT']],
        ['filter', ['INPUT', 'OUTPUT']],
    ]) {
        lines.push(`*${table}`, ...CHAINS.map((name) => `:${name} - [0:0]`));
        for (let count = 0; count < 12; count += 1) {
            const chain = random.pick([...hooks, ...CHAINS]);
            const to = target(random, table, chain);
            const when = to.includes('REDIRECT') ? '-p tcp' : condition(random);
            lines.push(['-A', chain, when, to].filter((word) => word !== '').join(' '));
        }
        lines.push('COMMIT');
    }
    return parseSave(`${lines.join('\n')}\n`)[0];
}
const PACKETS = [
    'in tcp/8080',
    'in tcp/8888',
    'in udp/53',
    'in tcp 10.1.0.1 > :80',
    'in tcp/8080 state established',
    'out tcp > 10.0.0.7:80',
    'out tcp > 127.0.0.1:8080',
    'self tcp/8888',
];
/** Outcomes without their words: what may not change. */
const places = (rules) => {
    const snapshot = snapshotOf(rules);
    const trace = prepare(snapshot, [15001]);
    return PACKETS.map((expression) => {
        const { outcome, possible } = trace(parseQuestion(expression, snapshot));
        return [expression, bare(outcome), possible.map((other) => bare(other.outcome))];
    });
};
const bare = ({ because: _because, ...outcome }) => outcome;
const mapRules = (rules, change) => ({
    ...rules,
    tables: rules.tables.map((table) => ({ ...table, chains: table.chains.map((chain) => change(chain, table.name)) })),
});
const SEEDS = Array.from({ length: 150 }, (_, seed) => seed);
test('renaming the chains changes nothing', () => {
    const renamed = (name) => `X-${name}`;
    const jump = (use) => use?.kind === 'jump' || use?.kind === 'goto' ? { ...use, chain: renamed(use.chain) } : use;
    for (const seed of SEEDS) {
        const rules = randomRules(seeded(seed));
        const other = mapRules(rules, (chain, table) => ({
            ...chain,
            name: isBuiltIn(table, chain.name) ? chain.name : renamed(chain.name),
            rules: chain.rules.map((rule) => {
                const to = jump(rule.target);
                return to ? { ...rule, target: to } : rule;
            }),
        }));
        expect(places(other), `seed ${seed}`).toEqual(places(rules));
    }
});
test('a rule that never matches, anywhere, changes nothing', () => {
    for (const seed of SEEDS) {
        const random = seeded(seed);
        const rules = randomRules(random);
        const other = mapRules(rules, (chain, table) => {
            const never = parseRule('-s 192.0.2.1/32 -p tcp -m tcp --dport 1 -j ACCEPT', { family: 'ipv4', table });
            const at = random.below(chain.rules.length + 1);
            return { ...chain, rules: [...chain.rules.slice(0, at), never, ...chain.rules.slice(at)] };
        });
        expect(places(other), `seed ${seed}`).toEqual(places(rules));
    }
});
test('a chain put in line where it is jumped to by one rule that always matches changes nothing', () => {
    for (const seed of SEEDS) {
        const rules = randomRules(seeded(seed));
        // One more chain in between: the built-in chain's rules move there, and a RETURN in it still gives the policy.
        const other = mapRules(rules, (chain) => chain);
        const tables = other.tables.map((table) => ({
            ...table,
            chains: table.chains.flatMap((chain) => {
                if (!isBuiltIn(table.name, chain.name))
                    return [chain];
                const inner = `IN-${chain.name}`;
                const go = { header: {}, matches: [], target: { kind: 'goto', chain: inner } };
                return [
                    { ...chain, rules: [go] },
                    { name: inner, rules: chain.rules },
                ];
            }),
        }));
        expect(places({ ...other, tables }), `seed ${seed}`).toEqual(places(rules));
    }
});
test('the unrecorded walk ends where the recorded one does', () => {
    for (const seed of SEEDS) {
        const snapshot = snapshotOf(randomRules(seeded(seed)));
        const [recorded, unrecorded] = [prepare(snapshot, [15001]), prepareOutcome(snapshot, [15001])];
        for (const expression of PACKETS) {
            const question = parseQuestion(expression, snapshot);
            expect(unrecorded(question)).toEqual(recorded(question).outcome);
        }
    }
});
test('an opened question is the union of its settled ones', () => {
    // Settling the one unknown match either way gives one of the outcomes that the trace called possible.
    const settle = (rules, answer) => mapRules(rules, (chain) => ({
        ...chain,
        rules: chain.rules.flatMap((rule) => {
            const open = rule.matches.some(({ name }) => name === 'nonesuch');
            if (!open)
                return [rule];
            return answer ? [{ ...rule, matches: rule.matches.filter(({ name }) => name !== 'nonesuch') }] : [];
        }),
    }));
    for (const seed of SEEDS) {
        const rules = mapRules(randomRules(seeded(seed)), (chain) => ({
            ...chain,
            rules: chain.rules.filter(({ matches }) => matches.every(({ name }) => name !== 'statistic')),
        }));
        const snapshot = snapshotOf(rules);
        for (const expression of PACKETS) {
            const question = parseQuestion(expression, snapshot);
            const { outcome, possible } = prepare(snapshot, [15001])(question);
            const all = [outcome, ...possible.map((other) => other.outcome)].map((each) => JSON.stringify(plain(each)));
            for (const answer of [true, false]) {
                const settled = prepare(snapshotOf(settle(rules, answer)), [15001])(question).outcome;
                if (outcome.kind !== 'unknown' || possible.length > 0)
                    expect(all).toContain(JSON.stringify(plain(settled)));
            }
        }
    }
});
const plain = (outcome) => JSON.parse(JSON.stringify(bare(outcome)));
test('no rule set keeps the trace busy for ever', () => {
    // Each chain calls the next twice: 2 to the 40th rules, if one were to look at them all.
    const chains = Array.from({ length: 40 }, (_, n) => `C${n}`);
    const lines = [
        '*filter',
        ...chains.map((name) => `:${name} - [0:0]`),
        '-A INPUT -j C0',
        ...chains.slice(1).flatMap((name, n) => [`-A C${n} -j ${name}`, `-A C${n} -j ${name}`]),
        'COMMIT',
    ];
    const snapshot = snapshotOf(parseSave(`${lines.join('\n')}\n`)[0]);
    const { outcome } = prepare(snapshot, [])(parseQuestion('in tcp/80', snapshot));
    expect(outcome).toMatchObject({ kind: 'unknown', because: expect.stringContaining('rules were looked at') });
});
