import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { parseSave, printRule, readInput } from '../../src/text/index.ts';
import { parseQuestion, prepareOutcome } from '../../src/trace/index.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { randomSave, randomSets } from '../support/random-rules.ts';
import { asText, contradiction, notLost } from '../support/same-rule.ts';
/** How many random rule sets of each family and back end; SEEDS=50 for a long run, from SEED on. */
const SEEDS = Number(process.env.SEEDS ?? 8);
const FIRST = Number(process.env.SEED ?? 1);
const FLAGS = [
    [],
    ['-n'],
    ['-v'],
    ['-n', '-v'],
    ['-n', '-v', '-x'],
    ['-n', '--line-numbers'],
    ['-nvx', '--line-numbers'],
];
const BACKENDS = ['nft', 'legacy'];
const COMBINATIONS = FAMILIES.flatMap((family) => BACKENDS.map((backend) => ({ family, backend })));
const notRoot = process.getuid?.() !== 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
/** The differences of two readings of the same rules. */
function differences(listed, saved) {
    const found = [];
    for (const table of saved.tables) {
        const other = listed.tables.find(({ name }) => name === table.name);
        for (const chain of table.chains) {
            const shown = other?.chains.find(({ name }) => name === chain.name);
            if (shown?.rules.length !== chain.rules.length || shown.policy !== chain.policy) {
                found.push(`${table.name} ${chain.name}: ${shown?.rules.length} rules for ${chain.rules.length}`);
                continue;
            }
            for (const [index, rule] of chain.rules.entries()) {
                const problem = contradiction(shown.rules[index], rule, saved.family);
                if (problem)
                    found.push(`${table.name} ${chain.name}: ${printRule(rule, saved.family)}: ${problem}`);
            }
        }
    }
    return found;
}
/** The saved rules, with what iptables-save loses and the listing has. */
const withNothingLost = (listed, saved) => ({
    ...saved,
    tables: saved.tables.map((table) => ({
        ...table,
        chains: table.chains.map((chain) => {
            const tables = listed.tables.filter(({ name }) => name === table.name);
            const shown = tables.flatMap(({ chains }) => chains).find(({ name }) => name === chain.name);
            return { ...chain, rules: chain.rules.map((rule, at) => notLost(shown.rules[at], rule, saved.family)) };
        }),
    })),
});
const PACKETS = {
    ipv4: [
        'in tcp/80',
        'in udp/53',
        'in icmp',
        'in tcp 10.1.2.3 > :443 state established',
        'out tcp > 10.0.0.7:15001 uid 1337',
    ],
    ipv6: [
        'in tcp [2001:db8::9]:40000 > :80',
        'in udp [2001:db8::9]:40000 > :53',
        'out tcp > [2001:db8::7]:15001 uid 1337',
    ],
};
const bare = ({ because: _because, ...outcome }) => asText(outcome);
/** Packets whose way the listing tells otherwise than the saved text. */
function astray(listed, saved, family) {
    const [onListing, onSaved] = [prepareOutcome(listed, [15001]), prepareOutcome(saved, [15001])];
    return PACKETS[family].filter((expression) => {
        const told = onListing(parseQuestion(expression, saved));
        return told.kind !== 'unknown' && bare(told) !== bare(onSaved(parseQuestion(expression, saved)));
    });
}
describe.skipIf(notRoot)('listings (root: owners, and the legacy back end’s lock)', () => {
    describe.for(COMBINATIONS)('$family, $backend', ({ family, backend }) => {
        const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
        test(`what a listing says, iptables-save says too: ${SEEDS} random rule sets from seed ${FIRST}`, {
            timeout: 60_000 + SEEDS * 20_000,
        }, async () => {
            let rules = 0;
            let whole = 0;
            for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
                const random = seeded(9000 + seed);
                const fresh = await scratch.beside();
                try {
                    fresh.must(['ipset', 'restore'], { input: randomSets(family) });
                    fresh.must([`${tool}-restore`], { input: randomSave(random, family) });
                    const [saved] = parseSave(fresh.must([`${tool}-save`]));
                    for (const flags of random.some(FLAGS, 3)) {
                        const text = saved.tables
                            .map(({ name }) => `$ ${tool} -t ${name} -L\n${fresh.must([tool, '-t', name, '-L', ...flags])}`)
                            .join('\n');
                        const listing = readInput(text, { family });
                        const [listed] = listing.held;
                        expect(differences(listed.rules, saved), `seed ${seed}, ${flags.join(' ')}`).toEqual([]);
                        const all = {
                            origin: 'saved',
                            held: [{ backend, rules: withNothingLost(listed.rules, saved) }],
                        };
                        expect(astray(listing, all, family), `seed ${seed}, ${flags.join(' ')}`).toEqual([]);
                        if (!flags.join('').includes('n') || !flags.join('').includes('v'))
                            continue;
                        const shown = listed.rules.tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules));
                        rules += shown.length;
                        whole += shown.filter(({ unshown, target }) => !unshown && target?.kind !== 'opaque').length;
                    }
                }
                finally {
                    fresh.close();
                }
            }
            // Of a few matches a listing does not show all; with -n and -v it tells most rules whole.
            console.log(`${tool}: ${whole} of ${rules} rules whole`);
            expect(whole / rules).toBeGreaterThan(0.8);
        });
        test('what -Z prints is read, a rule alone and what -vv adds are refused with the way out', async () => {
            const fresh = await scratch.beside();
            try {
                fresh.must([tool, '-N', 'WEB']);
                fresh.must([tool, '-A', 'INPUT', '-i', 'eth0', '-p', 'tcp', '--dport', '80', '-j', 'WEB']);
                fresh.must([tool, '-A', 'WEB', '-j', 'DROP']);
                const list = (...flags) => readInput(fresh.must([tool, ...flags]), { family });
                const rules = ({ held: [held] }) => held.rules.tables[0].chains.flatMap((chain) => chain.rules.map((rule) => printRule(rule, family)));
                expect(rules(list('-L', '-n', '-v', '-Z'))).toEqual(rules(list('-L', '-n', '-v')));
                for (const flags of [[], ['-n'], ['-v'], ['-n', '-v', '--line-numbers']])
                    expect(() => list('-L', 'INPUT', '1', ...flags)).toThrow('a rule without its chain');
                expect(() => list('-L', '-n', '-vv')).toThrow('what a second -v adds');
            }
            finally {
                fresh.close();
            }
        });
    });
});
