import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { afterBypass, commented, compareRules, dialectOf, inferInterception, interceptionOf, planBypass, programmed, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave, printSave } from '../../src/text/index.ts';
import { randomInterception, seeded } from './random.ts';
const SEED = 20181101;
/** The rules of both families after a fresh start, read from the kernel's text as `verify` would. */
const rulesFor = (interception) => {
    const program = dialectOf(interception.dialect).write(interception);
    const fresh = (family) => {
        const text = printSave(programmed(emptyRuleSet(family), program, family));
        return parseSave(text, { family })[0] ?? emptyRuleSet(family);
    };
    return { ipv4: fresh('ipv4'), ipv6: fresh('ipv6') };
};
const snapshotOf = (rules) => ({
    origin: 'a test',
    held: FAMILIES.map((family) => ({ backend: 'nft', rules: rules[family] })),
});
describe('an interception read back from its rules writes the same rules again', () => {
    const random = seeded(SEED);
    // Which rule is left out because ::1 is to be caught, in a namespace without IPv6 rules, cannot be read from the rest.
    const isReadable = ({ families, outbound: { include } }) => families.includes('ipv6') || include === '*' || !include.includes('::1/128');
    const cases = Array.from({ length: 300 }, (_, index) => [index, randomInterception(random)]).filter(([, interception]) => isReadable(interception));
    test.for(cases)('each family by itself: random interception %i', ([, interception]) => {
        const rules = rulesFor(interception);
        const together = FAMILIES.map((family) => rules[family]);
        for (const family of FAMILIES) {
            if (rules[family].tables.every(({ chains }) => chains.every(({ name }) => !name.startsWith('ISTIO_'))))
                continue;
            const read = interceptionOf(rules[family], together);
            expect(read?.dialect).toBe(interception.dialect);
            expect(printSave(rulesFor(read)[family])).toBe(printSave(rules[family]));
        }
    });
    test.for(cases)('both families as one: random interception %i', ([, interception]) => {
        const rules = rulesFor(interception);
        const read = inferInterception(snapshotOf(rules));
        if (!read)
            return expect(printSave(rules.ipv4)).not.toContain('ISTIO_');
        const again = rulesFor(read);
        for (const family of FAMILIES)
            expect(printSave(again[family])).toBe(printSave(rules[family]));
    });
});
describe('what others put between the rules does not change what was asked for', () => {
    const random = seeded(SEED + 1);
    const cases = Array.from({ length: 60 }, (_, index) => [index, randomInterception(random)]);
    test.for(cases)('a bypass, added or edited in: random interception %i', ([index, interception]) => {
        const snapshot = snapshotOf(rulesFor(interception));
        const request = {
            ports: [[8888, 8888]],
            edit: index % 2 === 0,
            self: index % 3 === 0,
            now: 1_700_000_000,
        };
        const after = afterBypass(snapshot, planBypass(snapshot, request));
        expect(inferInterception(after)).toEqual(inferInterception(snapshot));
    });
    test.for(cases)('the reasons as comments: random interception %i', ([, interception]) => {
        const program = dialectOf(interception.dialect).write(interception);
        const held = (of) => snapshotOf({
            ipv4: programmed(emptyRuleSet('ipv4'), of, 'ipv4'),
            ipv6: programmed(emptyRuleSet('ipv6'), of, 'ipv6'),
        });
        expect(inferInterception(held(commented(program)))).toEqual(inferInterception(held(program)));
    });
});
test('rules of nobody are read back as nothing', () => {
    const rules = parseSave('*nat\n-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\nCOMMIT\n')[0];
    expect(interceptionOf(rules)).toBeUndefined();
});
test('what was changed by hand is not taken for what was asked for', () => {
    const asked = `*nat
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A PREROUTING -p tcp -m tcp --dport 8888 -j RETURN
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp -m tcp --dport 15020 -j RETURN
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15006
-A ISTIO_OUTPUT -s 127.0.0.6/32 -o lo -j RETURN
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`;
    const [actual] = parseSave(asked, { family: 'ipv4' });
    const program = dialectOf('istio').write(interceptionOf(actual));
    const drift = compareRules(programmed(emptyRuleSet('ipv4'), program, 'ipv4'), actual);
    expect(drift.map(({ kind, chain, number }) => `${kind} ${chain} ${number}`)).toEqual([
        'extra PREROUTING 1',
        'missing ISTIO_INBOUND 1',
        'missing ISTIO_OUTPUT 3',
        'order ISTIO_OUTPUT 3',
        'order ISTIO_OUTPUT 5',
    ]);
});
