import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { allMatches, allTargets, BUILT_IN, TABLES } from '../../src/netfilter/index.ts';
import { parseSave, printRule, readInput } from '../../src/text/index.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { fits, MATCH_FORMS, placesOf, randomSets, TARGET_FORMS } from '../support/random-rules.ts';
import { contradiction, isSameMeaning, notLost } from '../support/same-rule.ts';
// Every match and every target, as `iptables -L` shows it, is read as iptables-save has it; where the listing does not show
// all of it, the reading says what is missing.
/** How many rules of each match and target; RULES=200 for a long run, from SEED on. */
const RULES = Number(process.env.RULES ?? 12);
const SEED = Number(process.env.SEED ?? 1);
const FLAGS = [['-n', '-v'], ['-v'], ['-nvx', '--line-numbers']];
const BACKENDS = ['nft', 'legacy'];
const COMBINATIONS = FAMILIES.flatMap((family) => BACKENDS.map((backend) => ({ family, backend })));
/** What the tools do not show, by the words of the saved rule that it is about, and what is said of it. */
const NOT_SHOWN = [
    [/-m quota /, /whether a quota is negated/],
    [/-m hashlimit /, /does not name the table of a hashlimit match/],
    [/-m osf /, /does not show the --ttl/],
    [/-m cgroup (! )?--cgroup /, /a class of net_cls .* from a path/],
    [/-m cgroup (! )?--path ""/, /cannot tell what "cgroup/],
    // Names without quotation marks, which may hold blanks: nothing says that they end before the next match.
    [/-m (cgroup|osf) .* -m /, /the text after .* may end at several places/],
    [/-m string .*--hex-string /, /from a text with bars/],
    // Too long to be one, they are two.
    [/-m comment (?!.*x{200}).*-m comment /, /the text after \/\* may end at several places/],
    // The legacy back end puts no blank before it.
    [/ -m \w+ .*-m eui64 /, /cannot tell what .*eui64/],
    [/-m conntrack (! --ctstate|--ctstate \S*(INVALID|UNTRACKED))\S* .*--/, /one conntrack match .* or two/],
];
/** Without -n names stand in the place of numbers, which are those of the machine where they were printed. */
const NAMED = [
    ...NOT_SHOWN,
    [/--[ug]id-owner /, /is not known here/],
];
/** What has no form: the kernel of these tests has no module for it, or wants something that is not there. */
const WITHOUT_FORM = ['LED', 'NFACCT', 'QUEUE', 'SECMARK', 'nfacct'];
const notRoot = process.getuid?.() !== 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
const ALL = [
    ...Object.entries(MATCH_FORMS).map(([name, make]) => [name, 'match', make]),
    ...Object.entries(TARGET_FORMS).map(([name, make]) => [name, 'target', make]),
];
/** Something stands before and behind it, so that its text has to be told from theirs. Two comments could be one. */
const BEFORE = ['', '-m comment --comment "a: b" ', '-m mark --mark 0x1/0xff '];
const BEHIND = ['', '-m mark --mark 0x1/0xff ', '-m length --length 5:9 '];
/** Lines of iptables-save that hold nothing but this extension, and what stands around it. */
function linesOf(name, kind, make, family) {
    const random = seeded(SEED * 1000 + ALL.findIndex(([other, of]) => other === name && of === kind));
    const lines = new Map();
    for (let count = 0; count < RULES; count += 1) {
        const form = make(random, family);
        const spots = TABLES.flatMap((table) => BUILT_IN[table].map((chain) => ({ table, chain }))).filter(({ table, chain }) => fits(form.places, table, [chain], family) && fits(placesOf(name, kind), table, [chain], family));
        const spot = spots.find(({ table }) => table === 'filter') ?? spots.find(({ table }) => table !== 'nat') ?? spots[0];
        if (!spot || (form.protocol === 'icmp' && family === 'ipv6'))
            continue;
        // Without -n ip6tables calls every network that begins with :: anywhere.
        const header = family === 'ipv6' ? '-s fd00::/8 -d 2001:db8::/32 ' : '';
        const protocol = form.protocol ? `-p ${form.protocol} ` : '';
        const before = `${random.pick(BEFORE)}${form.before ? `${form.before} ` : ''}`;
        const use = kind === 'match' ? `-m ${name} ${form.words} ${random.pick(BEHIND)}-j RETURN` : `-j ${name} ${form.words}`;
        const line = `-A ${spot.chain} ${header}${protocol}${before}${use}`;
        lines.set(spot.table, [...(lines.get(spot.table) ?? []), line]);
    }
    return lines;
}
/** Loads what the tool takes of it: what it does not take is no matter of listings. */
function load(there, restore, lines) {
    for (const [table, rules] of lines) {
        const script = (some) => `*${table}\n${some.join('\n')}\nCOMMIT\n`;
        if (there.run([restore], { input: script(rules) }).status === 0)
            continue;
        there.run([restore], { input: script([]) });
        for (const rule of rules)
            there.run([restore, '--noflush'], { input: script([rule]) });
    }
}
/** What is wrong with the reading of a rule's line, or undefined. */
function problem(listed, saved, family, numeric) {
    const words = printRule(saved, family);
    const wrong = contradiction(listed, saved, family);
    if (wrong)
        return wrong;
    const open = listed.unshown?.map(({ because }) => because) ?? [];
    const missing = (numeric ? NOT_SHOWN : NAMED).filter(([of]) => of.test(words)).map(([, because]) => because);
    const untrue = open.find((reason) => !missing.some((because) => because.test(reason)));
    if (untrue !== undefined)
        return `it says: ${untrue}`;
    if (open.length > 0 || (!numeric && missing.length > 0) || words.includes('-m eui64'))
        return undefined;
    return missing.length === 0 && isSameMeaning(listed, notLost(listed, saved, family), family)
        ? undefined
        : `it is read as ${printRule(listed, family)}`;
}
test('every match and target has forms, or a reason why it has none', () => {
    const names = [...allMatches, ...allTargets].map(({ name }) => name);
    const without = names.filter((name) => !ALL.some(([known]) => known === name));
    expect(without.filter((name) => !WITHOUT_FORM.includes(name))).toEqual([]);
});
describe.skipIf(notRoot)('what iptables -L shows of each match and target (root: owners, and the legacy lock)', () => {
    test.for(COMBINATIONS)(`$family, $backend: ${RULES} rules of each, seed ${SEED}`, {
        timeout: 60_000 + RULES * 20_000,
    }, async ({ family, backend }) => {
        const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
        const problems = [];
        let compared = 0;
        for (const [name, kind, make] of ALL) {
            const there = await scratch.beside();
            try {
                there.must(['ipset', 'restore'], { input: randomSets(family) });
                load(there, `${tool}-restore`, linesOf(name, kind, make, family));
                const [saved] = parseSave(there.must([`${tool}-save`]), { family });
                for (const table of saved?.tables ?? [])
                    for (const flags of FLAGS) {
                        const text = there.must([tool, '-t', table.name, '-L', ...flags]);
                        const listing = readInput(text, { family, table: table.name });
                        const chains = listing.held[0].rules.tables[0].chains;
                        for (const chain of table.chains) {
                            const shown = chains.find((one) => one.name === chain.name)?.rules ?? [];
                            expect(shown, `${name}: ${text}`).toHaveLength(chain.rules.length);
                            for (const [at, rule] of chain.rules.entries()) {
                                const wrong = problem(shown[at], rule, family, flags[0] !== '-v');
                                compared += 1;
                                if (wrong !== undefined)
                                    problems.push(`${name} (${flags.join(' ')}): ${printRule(rule, family)}: ${wrong}`);
                            }
                        }
                    }
            }
            finally {
                there.close();
            }
        }
        console.log(`${tool}: ${compared} lines compared, ${problems.length} read otherwise`);
        expect(problems).toEqual([]);
    });
});
