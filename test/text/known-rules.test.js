import { expect, test } from 'vitest';
import { KnownRules, parseSave } from '../../src/text/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { seeded } from '../support/random.ts';
/** What a text is read as, and what is said of it. */
function read(text, known) {
    const said = [];
    const report = (diagnostic) => void said.push(diagnostic);
    return { rules: parseSave(text, { keepGoing: true, report, ...(known ? { known } : {}) }), said };
}
test('a text reads as ever, whatever was read before', () => {
    for (let seed = 0; seed < 150; seed += 1) {
        const random = seeded(60_000 + seed);
        const family = random.pick(['ipv4', 'ipv6']);
        const known = new KnownRules();
        const lines = randomRules(random, family).split('\n');
        for (let texts = 0; texts < 4; texts += 1) {
            const text = lines.join('\n');
            expect(read(text, known), `seed ${seed}`).toEqual(read(text));
            // Rules and chains go, and rules stand elsewhere.
            const [one, other] = [random.below(lines.length), random.below(lines.length)];
            if (random.oneIn(2))
                lines.splice(one, 1);
            else
                [lines[one], lines[other]] = [lines[other], lines[one]];
        }
    }
});
test('what two texts have in common is one object in both', () => {
    const known = new KnownRules();
    const rule = '-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j ACCEPT\n';
    const [before, after] = ['', '# Another line.\n'].map((head) => read(`*filter\n${head}${rule}COMMIT\n`, known).rules[0].tables[0].chains[0].rules[0]);
    expect(after).toEqual({ ...before, line: 3 });
    expect(after.header).toBe(before.header);
    expect(after.matches).toBe(before.matches);
});
test.each([
    ['the chain that a rule leads to is gone', ':MINE - [0:0]\n-A INPUT -j MINE\n', '-A INPUT -j MINE\n'],
    [
        'the same words stand in another chain',
        '-A OUTPUT -m owner --uid-owner 1 -j DROP\n',
        '-A INPUT -m owner --uid-owner 1 -j DROP\n',
    ],
])('%s: that is said as ever', (_, before, after) => {
    const known = new KnownRules();
    expect(read(`*filter\n${before}COMMIT\n`, known).said).toEqual([]);
    const { said } = read(`*filter\n${after}COMMIT\n`, known);
    expect(said).toHaveLength(1);
    expect(said).toEqual(read(`*filter\n${after}COMMIT\n`).said);
});
