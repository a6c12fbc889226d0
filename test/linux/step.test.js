import { expect, test } from 'vitest';
import { describeStep } from '../../src/linux/index.ts';
import { planOf, stepsOf } from '../../src/linux/step.ts';
import { parseSave } from '../../src/text/index.ts';
const rules = (text) => parseSave(text, { family: 'ipv4' })[0];
const TPROXY = rules('*mangle\n-A PREROUTING -p tcp -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff\nCOMMIT\n');
const REDIRECT = rules('*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n');
const ROUTING = [
    { kind: 'rule', family: 'ipv4', mark: 1337, table: 133 },
    { kind: 'local-route', family: 'ipv4', table: 133 },
];
const snapshot = (more = {}) => ({ origin: 'a test', held: [], ...more });
const there = {
    routingRules: [{ family: 'ipv4', priority: 32765, table: 133, mark: { value: 1337, mask: 0xffff_ffff } }],
    routes: [{ family: 'ipv4', table: 133, kind: 'local', destination: 0, length: 0, device: 'lo', metric: 0 }],
};
const lines = (before, desired) => stepsOf(planOf(before, desired)).map((step) => describeStep(step).split('\n')[0]);
test('routing comes before the rules that need it', () => {
    expect(lines(snapshot(), { held: [{ backend: 'nft', rules: TPROXY }], routing: { add: ROUTING } })).toEqual([
        'ip -4 rule add fwmark 1337 lookup 133',
        'ip -4 route add local default dev lo table 133',
        "iptables-nft-restore --noflush <<'END'",
    ]);
});
test('from TPROXY to REDIRECT: the table that gains rules, the one that loses them, then the routing', () => {
    const before = snapshot({ held: [{ backend: 'nft', rules: TPROXY }], ...there });
    const plan = planOf(before, { held: [{ backend: 'nft', rules: REDIRECT }], routing: { remove: ROUTING } });
    expect(plan.rules.ipv4.map((step) => step.kind === 'restore' && step.table)).toEqual(['nat', 'mangle']);
    expect(plan.last.map((step) => describeStep(step))).toEqual([
        'ip -4 rule del priority 32765 fwmark 1337 lookup 133',
        'ip -4 route del local default dev lo table 133',
    ]);
});
test('from one back end to the other: first the new rules, then the old ones go', () => {
    const before = snapshot({ held: [{ backend: 'legacy', rules: REDIRECT }] });
    const held = [
        { backend: 'legacy', rules: rules('*nat\nCOMMIT\n') },
        { backend: 'nft', rules: REDIRECT },
    ];
    expect(lines(before, { held })).toEqual([
        "iptables-nft-restore --noflush <<'END'",
        "iptables-legacy-restore --noflush <<'END'",
    ]);
});
test('what is there is not added, what is not there is not removed', () => {
    const held = [{ backend: 'nft', rules: REDIRECT }];
    expect(lines(snapshot({ held, ...there }), { held, routing: { add: ROUTING } })).toEqual([]);
    expect(lines(snapshot({ held }), { held, routing: { remove: ROUTING } })).toEqual([]);
});
test('a rule that is there three times is removed three times, and a rule like it under a mask stays', () => {
    const rule = (priority, mask = 0xffff_ffff) => ({ family: 'ipv4', priority, table: 133, mark: { value: 1337, mask } });
    const before = snapshot({ routingRules: [rule(1), rule(2), rule(3, 0xfff), rule(4)] });
    expect(lines(before, { held: [], routing: { remove: ROUTING.slice(0, 1) } })).toEqual([
        'ip -4 rule del priority 1 fwmark 1337 lookup 133',
        'ip -4 rule del priority 2 fwmark 1337 lookup 133',
        'ip -4 rule del priority 4 fwmark 1337 lookup 133',
    ]);
});
test('every step knows what undoes it', () => {
    const steps = stepsOf(planOf(snapshot(), { held: [{ backend: 'nft', rules: REDIRECT }], routing: { add: ROUTING } }));
    expect(steps.map((step) => (step.kind === 'ip' ? step.undo.join(' ') : step.undo))).toEqual([
        'rule del fwmark 1337 lookup 133',
        'route del local default dev lo table 133',
        '*nat\n-D PREROUTING -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n',
    ]);
});
