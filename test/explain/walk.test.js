import { describe, expect, test } from 'vitest';
import { walkScreen } from '../../src/explain/index.ts';
import { mixed } from '../../src/netfilter/index.ts';
import { parseNft, parseSave, printNftRule } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
/** The whole screen, without its layout. */
const told = (expression, save) => JSON.stringify(walkScreen(traceOf(expression, save), { show: 'all' }));
function traceOf(expression, save) {
    const snapshot = { origin: 'a file', held: parseSave(save).map((rules) => ({ backend: 'nft', rules })) };
    return trace(snapshot, parseQuestion(expression, snapshot), []);
}
const REWRITES = `*nat
-A OUTPUT -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.9.0.2:8080
-A POSTROUTING -j SNAT --to-source 10.0.0.77
COMMIT`;
test('what leaves is said to leave as it is only where nat has not rewritten it', () => {
    expect(told('out tcp > 1.2.3.4:80', REWRITES)).toContain('rewritten by nat: 10.0.0.77:40000 → 10.9.0.2:8080');
    expect(told('out tcp > 1.2.3.4:80', '*nat\nCOMMIT')).toContain('It leaves by eth0 as it is');
});
test('an address that is only taken for one of this host is said to be, with the way to ask otherwise', () => {
    const hint = '8.8.8.8 is taken for an address of this host';
    expect(told('in tcp 172.17.0.2 > 8.8.8.8:53 on docker0', '*filter\nCOMMIT')).toContain(hint);
    expect(told('in tcp 172.17.0.2 > 8.8.8.8:53 on docker0 via eth0', '*filter\nCOMMIT')).not.toContain(hint);
});
test('two open conditions of one rule are told apart', () => {
    const two = '*filter\n-A INPUT -m limit --limit 3/sec -m statistic --mode random --probability 0.5 -j DROP\nCOMMIT';
    const { possible } = traceOf('in tcp/80', two);
    expect(possible.map(({ because }) => because)).toSatisfy((all) => all.every((text) => text.includes('(')));
});
describe('what is possible names each rule once', () => {
    const possible = (rules) => Object.fromEntries(traceOf('in tcp/80', rules).possible.map(({ outcome, because }) => [outcome.kind, because]));
    test('a rule that is met again says when', () => {
        const rules = '*filter\n:sub -\n-A INPUT -p tcp -j sub\n-A INPUT -p tcp -j sub\n-A sub -m limit --limit 5/min -j DROP\nCOMMIT';
        expect(possible(rules)).toEqual({
            dropped: 'if filter sub 1 matches',
            app: 'if filter sub 1 does not match and filter sub 1 does not match the second time',
        });
    });
    test('two matches of one rule that wait for the same are two', () => {
        const random = '-m statistic --mode random';
        const both = `${random} --probability 0.5 ${random} ! --probability 0.5`;
        const labels = '-m connlabel --label 1 -m connlabel ! --label 2';
        for (const matches of [both, labels])
            expect(possible(`*filter\n-A INPUT ${matches} -j DROP\nCOMMIT`)).toEqual({
                dropped: 'if filter INPUT 1 matches',
                app: 'if filter INPUT 1 does not match',
            });
    });
    test('of a verdict map, to which verdict', () => {
        const rules = '\t\tmeta priority vmap { 1:1 : drop, 1:2 : accept }\n\t\tmeta mark 0 reject';
        const native = parseNft(`table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0;\n${rules}\n\t}\n}\n`);
        const snapshot = { origin: 'test', held: [], native };
        const { possible } = trace(snapshot, parseQuestion('in tcp/80', snapshot), []);
        expect(possible.map(({ because }) => because)).toEqual([
            'if ip t c 1 matches (drop)',
            'if ip t c 1 matches (accept)',
            'if ip t c 1 does not match',
        ]);
    });
});
test('a rule of nft’s own in a table of iptables is shown in nft’s words', () => {
    const listed = parseNft('table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport { 80, 443 } counter drop\n\t}\n}\n');
    const [shown] = parseSave('*filter\n-A INPUT -p tcp -j DROP\nCOMMIT');
    const { rules } = mixed(shown, listed, printNftRule);
    const snapshot = { origin: 'here', held: [{ backend: 'nft', rules }] };
    const walk = trace(snapshot, parseQuestion('in tcp/80', snapshot), []);
    expect(JSON.stringify(walkScreen(walk, { show: 'all' }))).toContain('nft: tcp dport { 80, 443 } counter drop');
});
