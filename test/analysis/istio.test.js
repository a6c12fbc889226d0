import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PacketSet, reach } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
const text = readFileSync(new URL('../../docs/examples/post-2018.rules', import.meta.url), 'utf8');
const snapshot = {
    origin: 'post-2018.rules',
    held: parseSave(text).map((rules) => ({ backend: 'nft', rules })),
};
const side = { snapshot, proxyPorts: [15001] };
const endsOf = (expression) => {
    const question = parseQuestion(expression, snapshot);
    return reach(side, 'ipv4', question.direction)
        .filter(({ surely }) => surely.holds(question))
        .map(({ end }) => end.key);
};
test('the packets of the 2018 story are where the trace says they are', () => {
    expect(endsOf('in tcp/8888')).toEqual(['proxy 15001']);
    expect(endsOf('in tcp/9999')).toEqual(['app own']);
    expect(endsOf('out tcp > 10.0.0.7:80')).toEqual(['proxy 15001']);
    expect(endsOf('out tcp > 10.0.0.7:80 uid 1337')).toEqual(['sent eth0  ']);
    expect(endsOf('in udp/53')).toEqual(['app own']);
});
test('nothing is left out, and no packet surely ends twice', () => {
    for (const direction of ['in', 'out']) {
        const reached = reach(side, 'ipv4', direction);
        const [first] = reached;
        let all = new PacketSet(first.surely.space, 1);
        for (const { surely } of reached) {
            expect(all.and(surely).isEmpty).toBe(true);
            all = all.or(surely);
        }
        expect(all.not().isEmpty).toBe(true);
    }
});
test('a witness of each set goes where the set says', () => {
    for (const { end, surely } of reach(side, 'ipv4', 'in')) {
        const witness = surely.witness();
        if (!witness)
            continue;
        const { outcome } = trace(snapshot, witness, [15001]);
        expect(outcome.kind).toBe(end.kind);
    }
});
test('an interface that no rule names is one of the others', () => {
    const rules = parseSave('*filter\n-A INPUT -i eth0 -j ACCEPT\n-A INPUT -i veth+ -j REJECT\n-A INPUT -j DROP\nCOMMIT\n');
    const named = { origin: 'names', held: rules.map((set) => ({ backend: 'nft', rules: set })) };
    const reached = reach({ snapshot: named, proxyPorts: [] }, 'ipv4', 'in');
    const ends = ['eth0', 'veth12', 'wlan0'].map((name) => {
        const question = parseQuestion(`in tcp/80 on ${name}`, named);
        return reached.flatMap(({ end, surely }) => (surely.holds(question) ? [end.kind] : []));
    });
    expect(ends).toEqual([['app'], ['rejected'], ['dropped']]);
});
