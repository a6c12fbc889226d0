import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { quoted } from '../../src/netfilter/index.ts';
import { parseRule, printRule, readInput } from '../../src/text/index.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
import { contradiction } from '../support/same-rule.ts';
// Whoever chooses a comment, a prefix or a name may write in it what iptables -L shows of other matches and targets. What a
// listing says then is what the rule asks for, or it is said not to be known.
/** How many rules of each place; TEXTS=200 for a long run, from SEED on. */
const TEXTS = Number(process.env.TEXTS ?? 15);
const SEED = Number(process.env.SEED ?? 1);
const BACKENDS = ['nft', 'legacy'];
const notRoot = process.getuid?.() !== 0;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
});
afterAll(() => scratch.close());
/** What may end a text, what may begin one, and what other extensions show. */
const PIECES = [
    ...['*/', '/*', '"', '\\', '" ', ' */', '[goto]', '!', '|0d|', 'a', ' '],
    ...['tcp dpt:80', 'mark match 0x1', '! owner UID match 0', 'ctstate NEW', 'u32 "0x0=0x0"', 'match-set hosts src'],
    ...['STRING match  "x" ALGO name bm', 'helper match "ftp"', 'recent: SET name: a side: source mask: 255.255.255.255'],
    ...[
        'LOG flags 0 level 4 prefix "x"',
        'nflog-prefix x',
        'name: b',
        'src',
        'ALGO name kmp',
        'TO 9',
        '/* c */',
        'eui64 ',
    ],
    ...['match bpf 6 0 0 0', 'redir ports 1', 'reject-with tcp-reset', 'MARK set 0x1', 'quota: 5 bytes', 'socket'],
];
/** Where a text of one's own stands, and how long it may be. */
const PLACES = [
    ['a comment', 255, (text) => `-p tcp -m comment --comment ${text} -m tcp --dport 443 -j ACCEPT`],
    ['a comment before another', 100, (text) => `-m comment --comment ${text} -m comment --comment z -j DROP`],
    ['a string', 128, (text) => `-p tcp -m string --algo bm --string ${text} -m tcp --dport 443 -j DROP`],
    ['a helper', 29, (text) => `-m helper --helper ${text} -m mark --mark 0x7 -j ACCEPT`],
    ['a list', 199, (text) => `-m recent --set --name ${text} -m mark --mark 0x7 -j ACCEPT`],
    ['a prefix of LOG', 29, (text) => `-m mark --mark 0x7 -j LOG --log-prefix ${text}`],
    ['a prefix of NFLOG', 63, (text) => `-m mark --mark 0x7 -j NFLOG --nflog-prefix ${text}`],
    ['a set', 31, (text) => `-m set --match-set ${text} src -m mark --mark 0x7 -j ACCEPT`],
    ['a system', 31, (text) => `-p tcp -m osf --genre ${text} -m mark --mark 0x7 -j DROP`],
    ['a table of hashlimit', 100, (text) => `-m hashlimit --hashlimit-upto 5/sec --hashlimit-name ${text} -j ACCEPT`],
    ['a label', 27, (text) => `-m mark --mark 0x7 -j IDLETIMER --timeout 5 --label ${text}`],
    ['an estimator', 15, (text) => `-j RATEEST --rateest-interval 1s --rateest-ewmalog 2s --rateest-name ${text}`],
    ['two texts', 40, (text) => `-m string --algo bm --string ${text} -m helper --helper ${text} -j ACCEPT`],
    ['a comment and a string', 60, (text) => `-m comment --comment ${text} -m string --algo bm --string ${text} -j DROP`],
];
describe.skipIf(notRoot)('texts that look like other matches (root: the legacy back end’s lock)', () => {
    test.for(BACKENDS)(`%s: ${TEXTS} texts in each place, seed ${SEED}`, { timeout: 60_000 + TEXTS * 10_000 }, async (backend) => {
        const tool = `iptables-${backend}`;
        const random = seeded(SEED);
        const problems = [];
        let compared = 0;
        let told = 0;
        for (const [name, longest, make] of PLACES) {
            const there = await scratch.beside();
            try {
                // The tools do not quote every name when they save it, so that what was typed is the truth.
                const held = [];
                for (let count = 0; count < TEXTS; count += 1) {
                    const text = Array.from({ length: 1 + random.below(5) }, () => random.pick(PIECES))
                        .join(random.pick([' ', ' ', '']))
                        .slice(0, longest);
                    const words = make(quoted(text));
                    if (name === 'a set')
                        there.run(['ipset', 'create', text, 'hash:ip']);
                    const input = `*filter\n-A INPUT ${words}\nCOMMIT\n`;
                    if (there.run([`${tool}-restore`, '--noflush'], { input }).status === 0)
                        held.push(parseRule(words, { family: 'ipv4', table: 'filter', chain: 'INPUT' }));
                }
                const listing = readInput(there.must([tool, '-L', '-n', '-v']), { table: 'filter', keepGoing: true });
                const shown = listing.held[0].rules.tables[0].chains.find((chain) => chain.name === 'INPUT').rules;
                expect(shown, name).toHaveLength(held.length);
                for (const [at, rule] of held.entries()) {
                    const listed = shown[at];
                    const wrong = contradiction(listed, rule, 'ipv4');
                    compared += 1;
                    if (!listed.unshown)
                        told += 1;
                    if (wrong !== undefined)
                        problems.push(`${name}: ${printRule(rule, 'ipv4')}: ${wrong}`);
                }
            }
            finally {
                there.close();
            }
        }
        console.log(`${tool}: ${compared} rules with such texts, ${told} of them shown whole`);
        expect(problems).toEqual([]);
        expect(compared).toBeGreaterThan(TEXTS * 5);
    });
});
