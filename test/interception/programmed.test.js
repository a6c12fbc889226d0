import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { cleaned, commented, dialectOf, programmed } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave, printSave, restoreScript } from '../../src/text/index.ts';
import { programOf } from './cases.ts';
import { foreignRules, randomInterception, seeded } from './random.ts';
const read = (text, family = 'ipv4') => parseSave(text, { family })[0] ?? emptyRuleSet(family);
/** The rules as the kernel would hand them back: nothing of how they were made is left. */
const reread = (rules) => read(printSave(rules), rules.family);
/** Text without the tables that hold nothing. */
const essence = (rules) => printSave(rules).replace(/\*\w+\n(:\S+ ACCEPT \[0:0\]\n)+COMMIT\n/g, '');
const nat = (...rules) => {
    const chains = new Set(rules.flatMap((rule) => /^-A ([A-Z]+_\S+)/.exec(rule)?.[1] ?? []));
    return read(`*nat\n${[...chains].map((chain) => `:${chain} - [0:0]\n`).join('')}${rules.join('\n')}\nCOMMIT\n`);
};
const chain = (rules, name) => printSave(rules, { table: 'nat' }).match(new RegExp(`^-A ${name} .*`, 'gm')) ?? [];
describe('over 150 random pairs of configurations, among rules of others', () => {
    const random = seeded(20181127);
    const pairs = Array.from({ length: 150 }, () => [randomInterception(random), randomInterception(random)]);
    test.for(FAMILIES)('%s: a second run changes nothing, any state leads to the same, clean leaves what was', (family) => {
        for (const [one, other] of pairs) {
            // Every fourth program writes the reasons of its rules as their comments.
            const [first, second] = [one, other].map((interception) => {
                const program = dialectOf(interception.dialect).write(interception);
                return random() < 0.25 ? commented(program) : program;
            });
            for (const before of [emptyRuleSet(family), foreignRules(family)]) {
                // Both families, as the namespace has them: the 2018 form's IPv6 rules are proved by the IPv4 ones.
                const beside = family === 'ipv6' ? [reread(programmed(emptyRuleSet('ipv4'), first, 'ipv4'))] : [];
                const after = reread(programmed(before, first, family));
                const together = [after, ...beside];
                expect(printSave(programmed(after, first, family, together))).toBe(printSave(after));
                expect(restoreScript(after, programmed(after, first, family, together))).toBe('');
                expect(essence(programmed(after, second, family, together))).toBe(essence(programmed(before, second, family)));
                expect(printSave(cleaned(after, together))).toBe(printSave(cleaned(before)));
                expect(essence(cleaned(before))).toBe(essence(before));
            }
        }
    });
});
describe('where the rules go', () => {
    const plain = programOf(['-b', '*', '-i', '*'], 'istio');
    test('behind those that are there, in a fresh start', () => {
        const before = nat('-A PREROUTING -p tcp --dport 8888 -j RETURN', '-A OUTPUT -p udp -j ACCEPT');
        const after = programmed(before, plain, 'ipv4');
        expect(chain(after, 'PREROUTING')).toEqual([
            '-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN',
            '-A PREROUTING -p tcp -j ISTIO_INBOUND',
        ]);
        expect(chain(after, 'OUTPUT')).toEqual(['-A OUTPUT -p udp -j ACCEPT', '-A OUTPUT -j ISTIO_OUTPUT']);
    });
    test('where they are, when others put rules before and behind them since', () => {
        const text = printSave(programmed(emptyRuleSet('ipv4'), plain, 'ipv4'));
        const jump = '-A PREROUTING -p tcp -j ISTIO_INBOUND\n';
        const now = read(text.replace(jump, `-A PREROUTING -i cni0 -p tcp -j RETURN\n${jump}-A PREROUTING -j ACCEPT\n`));
        expect(restoreScript(now, programmed(now, plain, 'ipv4'))).toBe('');
    });
    test('an insertion stays below a bypass that was put over it', () => {
        const program = programOf(['-b', '*', '-i', '*', '-k', 'vnet0'], 'istio');
        const text = printSave(programmed(emptyRuleSet('ipv4'), program, 'ipv4'));
        const now = read(text.replace('-A PREROUTING', '-A PREROUTING -p tcp --dport 8888 -j RETURN\n-A PREROUTING'));
        expect(restoreScript(now, programmed(now, program, 'ipv4'))).toBe('');
    });
    test('a rule that others put into a chain of the interception goes; a jump of theirs into one stays', () => {
        const fresh = programmed(nat('-A MY_CHAIN -p tcp -j ISTIO_REDIRECT', '-A ISTIO_REDIRECT -j ACCEPT'), plain, 'ipv4');
        expect(chain(fresh, 'ISTIO_REDIRECT')).toEqual(['-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001']);
        expect(chain(fresh, 'MY_CHAIN')).toEqual(['-A MY_CHAIN -p tcp -j ISTIO_REDIRECT']);
        expect(printSave(cleaned(reread(fresh)))).not.toContain('ISTIO');
    });
    test('a rule that stays keeps its counters', () => {
        const text = printSave(programmed(emptyRuleSet('ipv4'), plain, 'ipv4'), { counters: true });
        const counted = read(text.replace('[0:0] -A ISTIO_REDIRECT', '[7:420] -A ISTIO_REDIRECT'));
        const other = programOf(['-b', '8080', '-i', '*'], 'istio');
        expect(printSave(programmed(counted, other, 'ipv4'), { counters: true })).toContain('[7:420] -A ISTIO_REDIRECT');
    });
    test('rules of one family do not go into the other', () => {
        expect(() => programmed(emptyRuleSet('ipv6'), plain, 'ipv4')).toThrow('ipv4 rules do not go into ipv6 rules');
    });
});
describe('whose is a rule in a built-in chain?', () => {
    const everything = ['-b', '*', '-i', '*'];
    const made = (words) => programmed(emptyRuleSet('ipv4'), programOf(words, 'istio'), 'ipv4');
    const withRule = (rules, rule) => read(printSave(rules).replace(/(?=-A PREROUTING -p tcp -j ISTIO_INBOUND)/, `${rule}\n`));
    test('an interface returned by hand is not a virtual one: nothing of it is redirected', () => {
        const now = withRule(made(everything), '-A PREROUTING -i docker0 -j RETURN');
        expect(chain(cleaned(now), 'PREROUTING')).toEqual(['-A PREROUTING -i docker0 -j RETURN']);
    });
    test('nor an excluded one: it stands in PREROUTING only', () => {
        const now = withRule(made([...everything, '-c', 'eth5']), '-A PREROUTING -i docker0 -j RETURN');
        expect(chain(cleaned(now), 'PREROUTING')).toEqual(['-A PREROUTING -i docker0 -j RETURN']);
    });
    test('nor a pair behind the jump: Istio puts its own before it', () => {
        const text = printSave(made(everything));
        const now = read(text
            .replace('-A PREROUTING -p tcp', '-A PREROUTING -i docker0 -j RETURN\n-A PREROUTING -p tcp')
            .replace('-A OUTPUT -j ISTIO_OUTPUT', '-A OUTPUT -j ISTIO_OUTPUT\n-A OUTPUT -o docker0 -j RETURN'));
        expect(chain(cleaned(now), 'PREROUTING')).toEqual(['-A PREROUTING -i docker0 -j RETURN']);
        expect(chain(cleaned(now), 'OUTPUT')).toEqual(['-A OUTPUT -o docker0 -j RETURN']);
    });
    test('the limit: where nothing outbound is redirected, one at the very top counts as virtual', () => {
        const now = withRule(made(['-b', '*']), '-A PREROUTING -i docker0 -j RETURN');
        expect(chain(cleaned(now), 'PREROUTING')).toEqual([]);
        const commented = withRule(made(['-b', '*']), '-A PREROUTING -i docker0 -m comment --comment mine -j RETURN');
        expect(chain(cleaned(commented), 'PREROUTING')).toHaveLength(1);
    });
    test('below a rule of others it is theirs; below a bypass of Sidestep’s it is not', () => {
        const under = (rule) => withRule(withRule(made(['-b', '*']), rule), '-A PREROUTING -i docker0 -j RETURN');
        const others = under('-A PREROUTING -p tcp --dport 8888 -j RETURN');
        expect(restoreScript(others, programmed(others, programOf(['-b', '*'], 'istio'), 'ipv4'))).toBe('');
        expect(chain(cleaned(others), 'PREROUTING')).toHaveLength(2);
        const bypass = under('-A PREROUTING -p tcp --dport 8888 -m comment --comment "sidestep bypass" -j RETURN');
        expect(chain(cleaned(bypass), 'PREROUTING')).toHaveLength(1);
    });
    test('a virtual interface that is asked for again is known under whatever was put over it', () => {
        const words = ['-b', '*', '-k', 'vnet0'];
        const text = printSave(made(words));
        const now = read(text.replace('-A PREROUTING', '-A PREROUTING -p tcp --dport 1 -j ACCEPT\n-A PREROUTING'));
        expect(restoreScript(now, programmed(now, programOf(words, 'istio'), 'ipv4'))).toBe('');
    });
    test('one that carries the comment of init --comment is the interception’s for certain', () => {
        const program = commented(programOf(['-b', '*', '-k', 'vnet0'], 'istio'));
        const now = read(printSave(programmed(emptyRuleSet('ipv4'), program, 'ipv4')).replace('-A PREROUTING', '-A PREROUTING -i docker0 -m comment --comment mine -j RETURN\n-A PREROUTING'));
        expect(restoreScript(now, programmed(now, program, 'ipv4'))).toBe('');
        expect(chain(cleaned(now), 'PREROUTING')).toEqual(['-A PREROUTING -i docker0 -m comment --comment mine -j RETURN']);
    });
    test('without an interception every rule is somebody else’s', () => {
        const mine = nat('-A PREROUTING -i eth5 -j RETURN', '-A OUTPUT -o eth5 -j RETURN');
        expect(cleaned(mine)).toEqual(mine);
    });
    test('the IPv6 rules of the 2018 form: only beside its IPv4 rules', () => {
        const program = programOf(everything, 'istio-2018');
        const ipv4 = programmed(emptyRuleSet('ipv4'), program, 'ipv4');
        const ipv6 = programmed(emptyRuleSet('ipv6'), program, 'ipv6');
        expect(cleaned(ipv6, [ipv4, ipv6]).tables).toEqual([]);
        expect(cleaned(ipv6)).toEqual(ipv6);
        expect(cleaned(ipv6, [made(everything), ipv6])).toEqual(ipv6);
    });
    test('nor a pair of which one half stands behind a jump', () => {
        const text = printSave(made(everything));
        const now = read(text
            .replace('-A PREROUTING -p tcp -j ISTIO_INBOUND', '$&\n-A PREROUTING -i docker0 -j RETURN')
            .replace('-A OUTPUT -j ISTIO_OUTPUT', '-A OUTPUT -o docker0 -j RETURN\n$&'));
        expect(chain(cleaned(now), 'PREROUTING')).toEqual(['-A PREROUTING -i docker0 -j RETURN']);
        expect(chain(cleaned(now), 'OUTPUT')).toEqual(['-A OUTPUT -o docker0 -j RETURN']);
    });
    test('nor a pair in mangle where only invalid packets are dropped there', () => {
        const before = read('*mangle\n-A PREROUTING -i docker0 -j RETURN\n-A OUTPUT -o docker0 -j RETURN\n' +
            '-A OUTPUT -p tcp -m connmark --mark 0x7 -j CONNMARK --restore-mark\nCOMMIT\n');
        const program = programOf([...everything, '--drop-invalid'], 'istio');
        const after = programmed(before, program, 'ipv4');
        expect(printSave(programmed(reread(after), program, 'ipv4'))).toBe(printSave(after));
        expect(printSave(cleaned(reread(after)))).toBe(printSave(before));
    });
    test('what the real tool leaves behind goes too: jumps that are there twice, chains that nothing leads to', () => {
        const text = printSave(made(everything));
        const twice = read(text.replace(/-A (OUTPUT|PREROUTING) .*\n/g, '$&$&').replace('*nat\n', '*nat\n:ISTIO_DIVERT - [0:0]\n'));
        expect(printSave(programmed(twice, programOf(everything, 'istio'), 'ipv4'))).toBe(text);
    });
    test('and so do an excluded interface and blocked IPv6 that were appended a second time', () => {
        const program = programOf([...everything, '-c', 'eth5'], 'istio');
        const text = printSave(programmed(emptyRuleSet('ipv4'), program, 'ipv4'));
        const twice = read(text.replace(/(-A OUTPUT .*\n)+|(-A PREROUTING .*\n)+/g, '$&$&'));
        expect(printSave(programmed(twice, program, 'ipv4'))).toBe(text);
        expect(cleaned(twice).tables).toEqual([]);
        const earlier = programOf(everything, 'istio-2018');
        const ipv4 = programmed(emptyRuleSet('ipv4'), earlier, 'ipv4');
        const blocked = printSave(programmed(emptyRuleSet('ipv6'), earlier, 'ipv6'));
        const ipv6 = read(blocked.replace(/(-A INPUT .*\n)+/, '$&$&'), 'ipv6');
        expect(printSave(programmed(ipv6, earlier, 'ipv6', [ipv4, ipv6]))).toBe(blocked);
        expect(cleaned(ipv6, [ipv4, ipv6]).tables).toEqual([]);
    });
});
