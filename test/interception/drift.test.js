import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareRules } from '../../src/interception/index.ts';
import { parseSave, printRule } from '../../src/text/index.ts';
/** One chain of rules, each named by the port that it is about. */
const chain = (ports, name = 'ISTIO_INBOUND') => {
    const rules = ports.map((port) => `-A ${name} -p tcp -m tcp --dport ${port} -j RETURN\n`).join('');
    return parseSave(`*nat\n:${name} - [0:0]\n${rules}COMMIT\n`, { family: 'ipv4' })[0];
};
const found = (expected, actual) => compareRules(expected, actual).map((drift) => {
    const { kind, table, number, message, rule } = drift;
    const port = rule ? ` (${/--dport (\d+)/.exec(printRule(rule, 'ipv4'))?.[1]})` : '';
    return `${table} ${drift.chain}${number === undefined ? '' : ` ${number}`} ${kind}${port}: ${message}`;
});
describe('what differs between the rules that should be there and those that are', () => {
    test('nothing', () => {
        expect(found(chain([1, 2, 3]), chain([1, 2, 3]))).toEqual([]);
    });
    test('a rule too many, a rule too few', () => {
        expect(found(chain([1, 2, 3]), chain([1, 9, 2, 3]))).toEqual([
            'nat ISTIO_INBOUND 2 extra (9): nobody asked for this rule',
        ]);
        expect(found(chain([1, 2, 3]), chain([1, 3]))).toEqual(['nat ISTIO_INBOUND 2 missing (2): this rule is not there']);
    });
    test('the same rule twice', () => {
        expect(found(chain([1, 2]), chain([1, 1, 2]))).toHaveLength(1);
        expect(found(chain([1, 1, 2]), chain([1, 2]))).toHaveLength(1);
    });
    test('another rule in its place', () => {
        expect(found(chain([1, 2, 3]), chain([1, 9, 3]))).toEqual([
            'nat ISTIO_INBOUND 2 changed (9): another rule stands here',
        ]);
    });
    test('a rule of others, or one that has nothing in common, is no other form of one that is gone', () => {
        const rules = (...lines) => parseSave(`*nat\n:MINE - [0:0]\n:ISTIO_INBOUND - [0:0]\n${lines.join('\n')}\nCOMMIT\n`, { family: 'ipv4' })[0];
        const kinds = (of) => of.map(({ kind, number }) => `${kind} ${number}`);
        const jump = rules('-A PREROUTING -p tcp -j ISTIO_INBOUND');
        expect(kinds(compareRules(jump, rules('-A PREROUTING -j MINE')))).toEqual(['missing 1', 'extra 1']);
        const other = rules('-A PREROUTING -p tcp -m tcp --dport 80 -j ISTIO_INBOUND');
        expect(kinds(compareRules(jump, other))).toEqual(['changed 1']);
        const foreign = new Set(other.tables.flatMap(({ chains }) => chains.flatMap((one) => one.rules)));
        expect(kinds(compareRules(jump, other, foreign))).toEqual(['missing 1', 'extra 1']);
    });
    test('what the chain is with one difference alone, and without it', () => {
        const texts = (rules = []) => rules.map((rule) => /--dport (\d+)/.exec(printRule(rule, 'ipv4'))?.[1]);
        const drifts = compareRules(chain([1, 2, 3, 4, 5]), chain([9, 1, 3, 5, 4]));
        expect(drifts.map(({ kind, alone, mended }) => [kind, texts(alone).join(), texts(mended).join()])).toEqual([
            ['extra', '9,1,2,3,4,5', '1,3,5,4'],
            ['missing', '1,3,4,5', '9,1,2,3,5,4'],
            ['order', '1,2,3,5,4', '9,1,3,4,5'],
        ]);
    });
    test('two rules that have changed places, near and far', () => {
        expect(found(chain([1, 2, 3, 4, 5, 6, 7, 8]), chain([1, 2, 3, 7, 5, 6, 4, 8]))).toEqual([
            'nat ISTIO_INBOUND 4 order (7): rules 4 and 7 are swapped',
        ]);
        expect(found(chain([1, 2, 3]), chain([1, 3, 2]))).toEqual([
            'nat ISTIO_INBOUND 2 order (3): rules 2 and 3 are swapped',
        ]);
    });
    test('the numbers of swapped rules are those of the rules as they are', () => {
        expect(found(chain([1, 2, 3]), chain([9, 1, 3, 2]))).toEqual([
            'nat ISTIO_INBOUND 1 extra (9): nobody asked for this rule',
            'nat ISTIO_INBOUND 3 order (3): rules 3 and 4 are swapped',
        ]);
    });
    test('a rule that moved to the end', () => {
        expect(found(chain([1, 2, 3, 4]), chain([2, 3, 4, 1]))).toEqual([
            'nat ISTIO_INBOUND 4 order (1): rule 4 should be rule 1',
        ]);
    });
    test('chains and policies', () => {
        expect(found(chain([1, 2]), chain([1], 'OTHER'))).toEqual([
            'nat ISTIO_INBOUND missing chain: the chain with its 2 rules is not there',
            'nat OTHER extra chain: a chain with 1 rule that nobody asked for',
        ]);
        const dropping = parseSave('*filter\n:INPUT DROP [0:0]\nCOMMIT\n', { family: 'ipv4' })[0];
        expect(found({ family: 'ipv4', tables: [] }, dropping)).toEqual([
            'filter INPUT policy: the policy is DROP, not ACCEPT',
        ]);
    });
    test('a table that is not there is an empty one', () => {
        const empty = parseSave('*mangle\nCOMMIT\n', { family: 'ipv4' })[0];
        expect(found({ family: 'ipv4', tables: [] }, empty)).toEqual([]);
    });
    test('counters, and where a rule came from, do not count', () => {
        const text = '*nat\n:X - [0:0]\n[7:420] -A X -p tcp -m tcp --dport 1 -j RETURN\nCOMMIT\n';
        expect(found(chain([1], 'X'), parseSave(text, { family: 'ipv4' })[0])).toEqual([]);
    });
    test('a bypass of Sidestep’s is called one', () => {
        const rule = '-A X -p tcp -m tcp --dport 1 -m comment --comment "sidestep bypass" -j RETURN';
        const actual = parseSave(`*nat\n:X - [0:0]\n${rule}\nCOMMIT\n`, { family: 'ipv4' })[0];
        expect(found(chain([], 'X'), actual)).toEqual(["nat X 1 extra (1): a bypass of Sidestep's"]);
    });
    test('any list against any other: none exactly when they are equal, and the numbers add up', () => {
        const ports = fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 9 });
        fc.assert(fc.property(ports, ports, (before, after) => {
            const drifts = compareRules(chain(before), chain(after));
            const equal = before.join() === after.join();
            const kinds = (of) => drifts.filter(({ kind }) => kind === of).length;
            return ((drifts.length === 0) === equal &&
                drifts.length <= before.length + after.length &&
                kinds('extra') - kinds('missing') === after.length - before.length);
        }), { numRuns: 500 });
    });
});
