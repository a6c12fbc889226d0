import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { chainOf, TABLES } from '../../src/netfilter/index.ts';
import { InputRefused, parseRule, parseSave, parseSnapshot, printRule, printSave, printSnapshot, readInput, restoreScript, sameRule, } from '../../src/text/index.ts';
import { seeded } from '../support/random.ts';
import { randomSave, randomTable } from '../support/random-rules.ts';
const families = fc.constantFrom(...FAMILIES);
const seeds = fc.integer({ min: 0, max: 1_000_000 });
const ruleSets = fc
    .tuple(families, seeds)
    .map(([family, seed]) => parseSave(randomSave(seeded(seed), family), { family })[0]);
describe('properties of random rule sets', () => {
    test('print after parse is the identity on printed text, with counters and without', () => {
        fc.assert(fc.property(ruleSets, fc.boolean(), (rules, counters) => {
            const text = printSave(rules, { counters });
            expect(printSave(parseSave(text, { family: rules.family })[0], { counters })).toBe(text);
        }));
    });
    test('each rule is read back from its own words, and is the same as itself', () => {
        fc.assert(fc.property(families, seeds, fc.constantFrom(...TABLES), (family, seed, table) => {
            const rules = parseSave(randomTable(seeded(seed), family, table, 10), { family })[0];
            for (const { rules: list } of rules.tables[0].chains) {
                for (const rule of list) {
                    const again = parseRule(printRule(rule, family), { family, table });
                    expect(printRule(again, family)).toBe(printRule(rule, family));
                    expect(sameRule(rule, again, family)).toBe(true);
                    expect(sameRule(again, rule, family)).toBe(true);
                }
            }
        }), { numRuns: 50 });
    });
    test('what was said before means the same when it is said again, and when it is spelt out word by word', () => {
        fc.assert(fc.property(families, seeds, fc.constantFrom(...TABLES), (family, seed, table) => {
            const once = randomTable(seeded(seed), family, table, 12);
            const rulesIn = (text) => parseSave(text, { family })[0].tables[0].chains.map(({ rules }) => rules);
            const said = once.split('\n').filter((line) => line.startsWith('-A'));
            // Every rule twice: the second time its segments are known. `--jump` is no segment's beginning, so such a rule is
            // read word by word.
            const again = once.replace('COMMIT', [...said, 'COMMIT'].join('\n'));
            const spelt = once.replace(/^(-A .*) -j (?=[^"]*$)/gm, '$1 --jump ');
            const plain = rulesIn(once).map((rules) => rules.map((rule) => printRule(rule, family)));
            const twice = rulesIn(again).map((rules) => rules.map((rule) => printRule(rule, family)));
            expect(twice).toEqual(plain.map((rules) => [...rules, ...rules]));
            expect(rulesIn(spelt)).toEqual(rulesIn(once));
        }));
    });
    test('a rule means the same among others, whose forms it shares, as by itself', () => {
        fc.assert(fc.property(families, seeds, fc.constantFrom(...TABLES), (family, seed, table) => {
            const text = randomTable(seeded(seed), family, table, 60);
            const rulesIn = (lines) => parseSave(lines.join('\n'), { family })[0].tables[0].chains.flatMap(({ name, rules }) => rules.map(({ line: _line, ...rule }) => ({ name, ...rule })));
            const lines = text.split('\n').filter((line) => !line.startsWith('-A'));
            const at = lines.indexOf('COMMIT');
            const alone = text
                .split('\n')
                .filter((line) => line.startsWith('-A'))
                .flatMap((line) => rulesIn(lines.toSpliced(at, 0, line)));
            const order = new Map(parseSave(text, { family })[0].tables[0].chains.map(({ name }, index) => [name, index]));
            expect(rulesIn(text.split('\n'))).toEqual(alone.sort((a, b) => order.get(a.name) - order.get(b.name)));
        }), { numRuns: 30 });
    });
    test('the other family is never taken for this one', () => {
        fc.assert(fc.property(seeds, (seed) => {
            const text = randomSave(seeded(seed), 'ipv6');
            const told = /[0-9a-f]:[0-9a-f]*:|ipv6-icmp|icmpv6|icmp6/.test(text.replace(/"[^"]*"|..:..:..:..:..:../g, ''));
            if (told)
                expect(parseSave(text)[0].family).toBe('ipv6');
        }), { numRuns: 50 });
    });
    test('a restore script, carried out on the model, gives what was wanted', () => {
        fc.assert(fc.property(families, seeds, seeds, (family, one, other) => {
            const before = parseSave(randomTable(seeded(one), family, 'mangle', 12), { family })[0];
            const after = parseSave(randomTable(seeded(other), family, 'mangle', 12), { family })[0];
            expect(printSave(carriedOut(before, restoreScript(before, after)))).toBe(printSave(after));
            expect(restoreScript(after, after)).toBe('');
        }));
    });
    test('a snapshot is read back as it was', () => {
        fc.assert(fc.property(ruleSets, (rules) => {
            const snapshot = { origin: 'here', held: [{ backend: 'nft', rules }] };
            const text = printSnapshot(snapshot);
            expect(printSnapshot(parseSnapshot(text))).toBe(text);
            expect(printSave(readInput(text).held[0].rules)).toBe(printSave(rules));
        }), { numRuns: 30 });
    });
});
/** What iptables-restore --noflush does with a script, on lists of words. */
function carriedOut(before, script) {
    const { family } = before;
    const chains = new Map(before.tables[0].chains.map(({ name, rules }) => [name, rules.map((rule) => printRule(rule, family))]));
    const policies = new Map(before.tables[0].chains.map(({ name, policy }) => [name, policy]));
    for (const line of script.split('\n')) {
        const [command = '', chain = '', ...words] = line.split(' ');
        const rules = chains.get(chain) ?? [];
        const rest = words.join(' ');
        if (line.startsWith(':'))
            chains.set(command.slice(1), []);
        else if (command === '-P')
            policies.set(chain, rest);
        else if (command === '-A')
            rules.push(rest);
        else if (command === '-I')
            rules.splice(Number(words[0]) - 1, 0, words.slice(1).join(' '));
        else if (command === '-F')
            rules.length = 0;
        else if (command === '-X')
            chains.delete(chain);
        else if (command === '-D') {
            const alike = (text) => family === 'ipv4' ? text : text.replace(/(-[sd] [0-9a-f:.]+)\/\S+/g, '$1');
            const at = rules.findIndex((rule) => alike(rule) === alike(rest));
            expect(at, line).toBeGreaterThanOrEqual(0);
            rules.splice(at, 1);
        }
    }
    const lines = [...chains].flatMap(([chain, rules]) => rules.map((rule) => `-A ${chain} ${rule}`));
    const declared = [...chains.keys()].map((chain) => chainOf(before, 'mangle', chain)?.policy ? '' : `:${chain} - [0:0]`);
    const set = [...policies].map(([chain, policy]) => (policy ? `-P ${chain} ${policy}` : ''));
    return parseSave(['*mangle', ...declared, ...set, ...lines, 'COMMIT'].join('\n'), { family })[0];
}
describe('whatever the input, it is read or refused', () => {
    const refusedOrRead = (run) => {
        try {
            run();
        }
        catch (error) {
            if (!(error instanceof InputRefused))
                throw error;
        }
    };
    const words = fc.constantFrom(...'*nat *filter :A - [0:0] -A OUTPUT INPUT A -p tcp udp ! --dport 80 --dports 1,2 -m tcp multiport owner comment'.split(' '), ...'--comment "a b" "x \\ --uid-owner root -j -g REDIRECT MARK ACCEPT X --to-ports --set-mark 1/2 COMMIT # = -I -N'.split(' '), '\n', '\r\n', '\t', '--', '-', '__proto__');
    const soup = fc.array(words, { maxLength: 60 }).map((list) => list.join(' '));
    test('random words of rules', () => {
        fc.assert(fc.property(soup, fc.boolean(), (text, keepGoing) => {
            refusedOrRead(() => printSave(parseSave(text, { keepGoing })[0] ?? { family: 'ipv4', tables: [] }));
            refusedOrRead(() => parseRule(text, { family: 'ipv6', table: 'mangle' }));
        }), { numRuns: 2000 });
    });
    test('random text and random JSON', () => {
        fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
            refusedOrRead(() => readInput(text));
            refusedOrRead(() => parseSnapshot(text));
        }));
        fc.assert(fc.property(fc.json(), (text) => refusedOrRead(() => parseSnapshot(text))));
    });
    test('with keepGoing text is never refused', () => {
        fc.assert(fc.property(soup, (text) => void parseSave(text, { keepGoing: true })), { numRuns: 1000 });
    });
});
