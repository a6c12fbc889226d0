import { expect, test } from 'vitest';
import { difference, TooComplex } from '../../src/analysis/index.ts';
import { KnownRules, parseSave } from '../../src/text/index.ts';
import { randomRules } from '../kernel/differential/rules.ts';
import { seeded } from '../support/random.ts';
import { HOSTS } from './hosts.ts';
/** How many random rule sets are compared with themselves less a rule, more one, or in another order. */
const RULE_SETS = Number(process.env.ALIKE ?? 60);
const told = (changes) => changes
    .map(({ before, after, surely, possibly }) => [before.key, after.key, surely.count(), possibly.count()].join(' '))
    .sort();
test('chains that two rule sets have in common are looked at once, and nothing else is found for it', () => {
    let [differ, complex] = [0, 0];
    for (let seed = 0; seed < RULE_SETS; seed += 1) {
        const random = seeded(70_000 + seed);
        const family = random.pick(['ipv4', 'ipv6']);
        const text = randomRules(random, family);
        const lines = text.split('\n');
        const rules = lines.flatMap((line, at) => (line.startsWith('-A ') ? [at] : []));
        for (let changes = random.pick([1, 2, 4]); changes > 0; changes -= 1) {
            const at = random.pick(rules);
            const line = lines[at];
            const change = random.below(4);
            if (change === 0)
                lines[at] = '';
            else if (change === 1)
                [lines[at], lines[at + 1]] = [lines[at + 1], line];
            else
                lines[at] = line.replace(/ -j .*/, ' -j DROP');
        }
        const host = HOSTS[random.pick(Object.keys(HOSTS))];
        const direction = random.pick(['in', 'out']);
        const known = new KnownRules();
        const side = (from, sets, shared) => ({
            snapshot: {
                ...host,
                ...(sets ? { sets } : {}),
                held: parseSave(from, { family, keepGoing: true, ...(shared ? { known: shared } : {}) }).map((set) => ({
                    backend: 'nft',
                    rules: set,
                })),
            },
            proxyPorts: [15001],
        });
        const sets = new Map();
        const other = lines.join('\n');
        try {
            const alike = difference(side(text, sets, known), side(other, sets, known), family, direction);
            // Of sets that are not the same object it is not known that they hold the same.
            const apart = difference(side(text, sets), side(other, new Map()), family, direction);
            expect(told(alike), `seed ${seed}`).toEqual(told(apart));
            if (alike.length > 0)
                differ += 1;
        }
        catch (error) {
            if (!(error instanceof TooComplex))
                throw error;
            complex += 1;
        }
    }
    expect(differ).toBeGreaterThan(RULE_SETS / 8);
    expect(complex).toBeLessThan(1 + RULE_SETS / 10);
}, 60_000 + 5_000 * RULE_SETS);
