import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { BUILT_IN, TABLES } from '../../src/netfilter/index.ts';
import { InputRefused, parseSave } from '../../src/text/index.ts';
import { harmedRule } from '../support/harmed-rule.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { randomRule, randomSets } from '../support/random-rules.ts';
// What the tools and the kernel take or refuse, Sidestep takes or refuses too: random single rules, whole and harmed.
/** How many rules of each family and back end; RULES=12500 for a long run. */
const RULES = Number(process.env.RULES ?? 150);
const SEED = Number(process.env.SEED ?? 8888);
const notRoot = process.getuid?.() !== 0;
const BACKENDS = ['nft', 'legacy'];
const COMBINATIONS = FAMILIES.flatMap((family) => BACKENDS.map((backend) => ({ family, backend })));
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch?.close());
/** Where Sidestep differs on purpose; see docs/exactness.md, "What is taken and what is refused". */
const MEANT = {
    'alone taken': [
        // What is there is not the text's to say: which sets exist, which labels have names, which timers have been made.
        /Set \S+ doesn't exist/,
        /label '.*' not found/,
        /cgroup .*--path .*(?:Invalid argument|line \d+ failed)/,
        /IDLETIMER/,
        // What the tools print for a few bytes a second, and then do not take.
        /Bad value for "--hashlimit-\w+" option: "0b\/s"/,
        // The legacy back end leaves it to the kernel module to ask for SYN.
        /legacy.*TCPMSS/,
    ],
    'alone refused': [
        // 010.1.2.3, and 443 for 0.0.1.187: the tools read octal and short forms, which nobody means.
        /is ambiguous|is not an address|: 0\d*(?:\.\d+){0,3}(?:-\S+)? is not what --(?:to|gateway|ct(?:orig|repl)(?:src|dst)|(?:src|dst)-range) takes/,
        // The nft back end forgets in `! -p tcp --dport 80` that only TCP has the port: other protocols match. Legacy refuses it.
        /^ip6?tables-nft .*! (?:-p|--proto).*(?:unknown option|needs -p)/,
        // Where the resolver reads ports (udp, dccp, conntrack, TPROXY), the tools take 65537 for 1.
        /: [\d:]*\d{5,}[\d:]* is not what --(?:[sd]port|(?:source|destination)-port|ct\w+port|on-port) takes/,
        // An interface cannot be called so.
        /interface|is not what --physdev-(?:in|out) takes/,
    ],
};
function reading(input, family) {
    try {
        const rules = parseSave(input, { family }).flatMap(({ tables }) => tables.flatMap(({ chains }) => chains));
        const uses = rules.flatMap((chain) => chain.rules.flatMap(({ matches, target }) => [...matches, target]));
        // An extension that Sidestep does not know is none of its business to refuse: another iptables may have it.
        return uses.some((use) => use?.kind === 'opaque') ? 'opaque' : 'taken';
    }
    catch (error) {
        if (error instanceof InputRefused)
            return { why: error.message.split('\n')[0] };
        throw error;
    }
}
/** A difference that is not meant, in words. */
const differing = (which, text) => MEANT[which].some((meant) => meant.test(text)) ? [] : [`${which}: ${text}`];
describe.skipIf(notRoot)('single rules are taken and refused as by the tools', () => {
    test.for(COMBINATIONS)('$family, $backend', { timeout: 120_000 + RULES * 100 }, async ({ family, backend }) => {
        const prefix = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
        const random = seeded(SEED);
        const there = await scratch.beside();
        const differences = [];
        let taken = 0;
        try {
            there.must(['ipset', 'restore'], { input: randomSets(family) });
            for (let count = 0; count < RULES; count += 1) {
                const table = random.pick(TABLES);
                const chain = random.pick(BUILT_IN[table]);
                const whole = randomRule(random, family, table, chain, []);
                const rule = random.oneIn(4) ? whole : harmedRule(random, whole);
                const input = `*${table}\n-A ${chain} ${rule}\nCOMMIT\n`;
                const ours = reading(input, family);
                const theirs = there.run([`${prefix}-restore`], { input });
                if (theirs.status !== 0) {
                    const said = theirs.stderr.trim().split('\n').join(' ');
                    if (ours === 'taken')
                        differences.push(...differing('alone taken', `${prefix} ${table} ${chain} ${rule} (${said})`));
                    continue;
                }
                taken += 1;
                if (typeof ours === 'object')
                    differences.push(...differing('alone refused', `${prefix} ${table} ${chain} ${rule} (${ours.why})`));
                there.run([`${prefix}-restore`], { input: `*${table}\nCOMMIT\n` });
            }
        }
        finally {
            there.close();
        }
        console.log(`${prefix}: ${RULES} rules from seed ${SEED}, ${taken} taken, ${differences.length} differ`);
        expect(differences).toEqual([]);
    });
});
