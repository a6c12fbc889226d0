import { expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { dialectOf, programmed, routingAfter, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { programOf, routingCommand } from './cases.ts';
import { randomInterception, seeded } from './random.ts';
const TPROXY = ['-m', 'TPROXY', '-b', '*', '-i', '*', '--dual-stack'];
const ALL_ONES = 0xffff_ffff;
const fwmark = (mark, table, more = {}) => ({
    family: 'ipv4',
    priority: 32765,
    table,
    mark: { value: mark, mask: ALL_ONES },
    ...more,
});
const localDefault = (table) => ({
    family: 'ipv4',
    table,
    kind: 'local',
    destination: 0,
    length: 0,
    device: 'lo',
    metric: 0,
});
const state = (rules, routes, held = []) => ({
    held,
    routingRules: rules,
    routes,
    interfaces: [],
});
/** Carries changes out on a state, as the kernel would: adding twice gives two rules, a removal takes one away. */
function carriedOut(current, add, remove) {
    const rules = [...(current.routingRules ?? [])];
    const routes = [...(current.routes ?? [])];
    const addresses = [...(current.interfaces?.[0]?.addresses ?? [])];
    for (const change of remove) {
        const { family } = change;
        if (change.kind === 'rule') {
            rules.splice(rules.findIndex((rule) => rule.family === family && rule.mark?.value === change.mark && rule.table === change.table), 1);
        }
        else if (change.kind === 'local-route') {
            routes.splice(routes.findIndex((route) => route.family === family && route.table === change.table), 1);
        }
        else
            addresses.length = 0;
    }
    for (const change of add) {
        const { family } = change;
        if (change.kind === 'rule')
            rules.push(fwmark(change.mark, change.table, { family }));
        else if (change.kind === 'local-route') {
            routes.push({ ...localDefault(change.table), family, destination: family === 'ipv4' ? 0 : 0n });
        }
        else {
            addresses.push({ family, value: parseAddress('::6').value, length: 128, secondary: false, scope: 'global' });
        }
    }
    return { ...current, routingRules: rules, routes, interfaces: [{ name: 'lo', index: 1, up: true, addresses }] };
}
const commands = (changes) => changes.map(routingCommand);
test('TPROXY needs a rule and a route in each family, and IPv6 its passthrough address', () => {
    const { add, remove } = routingAfter(state([], []), programOf(TPROXY, 'istio'));
    expect(commands(add)).toEqual([
        'ip -4 rule add fwmark 1337 lookup 133',
        'ip -6 rule add fwmark 1337 lookup 133',
        'ip -4 route add local default dev lo table 133',
        'ip -6 route add local default dev lo table 133',
        'ip -6 address add ::6/128 dev lo',
    ]);
    expect(remove).toEqual([]);
});
test('what is there already stays; copies of it go', () => {
    const copies = state([fwmark(1337, 133), fwmark(1337, 133), fwmark(1337, 133)], [localDefault(133)]);
    const { add, remove } = routingAfter(copies, programOf(['-m', 'TPROXY', '-b', '*'], 'istio'));
    expect(add).toEqual([]);
    expect(remove).toHaveLength(2);
});
test('without a program everything of Istio goes, a rule before its route', () => {
    const made = carriedOut(state([], []), routingAfter(state([], []), programOf(TPROXY, 'istio')).add, []);
    const { add, remove } = routingAfter(made, undefined);
    expect(add).toEqual([]);
    expect(remove.map(({ kind, family }) => `${kind} ${family}`)).toEqual([
        'rule ipv4',
        'rule ipv6',
        'local-route ipv4',
        'local-route ipv6',
        'address ipv6',
    ]);
});
test('another mark and table are known by the mark that ISTIO_DIVERT sets', () => {
    const program = programOf(['-m', 'TPROXY', '-b', '*', '-t', '1400', '-r', '200'], 'istio');
    const rules = programmed(emptyRuleSet('ipv4'), program, 'ipv4');
    const made = [[fwmark(1400, 200)], [localDefault(200)]];
    expect(commands(routingAfter(state(...made, [{ backend: 'nft', rules }]), undefined).remove)).toHaveLength(2);
    expect(routingAfter(state(...made), undefined).remove).toEqual([]);
});
test.for([
    ['a mark under a mask', [fwmark(1337, 133, { mark: { value: 1337, mask: 0xfff } })], [localDefault(133)]],
    ['a rule that asks for more', [fwmark(1337, 133, { other: 'from 10.0.0.0/8' })], [localDefault(133)]],
    [
        'a table with other routes',
        [fwmark(1337, 133)],
        [localDefault(133), { ...localDefault(133), kind: 'unicast', device: 'eth0' }],
    ],
    ['another mark', [fwmark(1, 100)], [localDefault(100)]],
    ['a table of the system', [fwmark(1337, 254)], [localDefault(254)]],
])('somebody else’s: %s', ([, rules, routes]) => {
    expect(routingAfter(state(rules, routes), undefined)).toEqual({ add: [], remove: [] });
});
test('a table of one’s choice that has other routes is used, once', () => {
    const program = programOf(['-m', 'TPROXY', '-b', '*', '-r', '200'], 'istio');
    const shared = state([], [{ ...localDefault(200), kind: 'unicast', length: 8, device: 'eth0' }]);
    const { add, remove } = routingAfter(shared, program);
    expect(add).toHaveLength(2);
    expect(routingAfter(carriedOut(shared, add, remove), program)).toEqual({ add: [], remove: [] });
});
test('over 300 random pairs of configurations: a second run changes nothing, any state leads to the same', () => {
    const random = seeded(133);
    const sets = (program) => ['ipv4', 'ipv6'].map((family) => ({
        backend: 'nft',
        rules: programmed(emptyRuleSet(family), program, family),
    }));
    for (let count = 0; count < 300; count += 1) {
        const [one, other] = [randomInterception(random), randomInterception(random)].map((interception) => dialectOf(interception.dialect).write(interception));
        const none = state([], []);
        const first = carriedOut(none, routingAfter(none, one).add, []);
        const held = { ...first, held: sets(one) };
        expect(routingAfter(held, one)).toEqual({ add: [], remove: [] });
        const { add, remove } = routingAfter(held, other);
        const second = carriedOut(held, add, remove);
        const fresh = carriedOut(none, routingAfter(none, other).add, []);
        const sorted = (rules) => [
            (rules.routingRules ?? []).map(({ family, table, mark }) => `${family} ${mark?.value} ${table}`).sort(),
            (rules.routes ?? []).map(({ family, table }) => `${family} ${table}`).sort(),
            rules.interfaces?.[0]?.addresses ?? [],
        ];
        expect(sorted(second)).toEqual(sorted(fresh));
        const clean = routingAfter(held, undefined);
        expect(sorted(carriedOut(held, clean.add, clean.remove))).toEqual(sorted(carriedOut(none, [], [])));
    }
});
