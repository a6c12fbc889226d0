import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { afterBypass, bypassesIn, defaultInterception, dialectOf, planBypass, programmed, unbypassed, withoutExpired, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave, restoreScript } from '../../src/text/index.ts';
import { startAgent } from '../support/agent.ts';
import { openLasting, startLasting } from '../support/lasting.ts';
import { CLIENT, ORDINARY_USER, openPair, POD } from '../support/namespace.ts';
const ALL = { include: '*', exclude: ['15020'] };
const LISTED = { include: ['8080', '8888', '9000:9020'], exclude: [] };
const form = (title, given, user) => {
    const usual = defaultInterception(given.dialect);
    const families = given.dialect === 'istio' ? FAMILIES : ['ipv4'];
    const outbound = { ...usual.outbound, include: '*' };
    const options = user === undefined ? {} : { user };
    return { title, options, interception: { ...usual, families, outbound, ...given } };
};
/** The ways in which a pod's ports are intercepted. */
const FORMS = [
    form('Istio 2018, REDIRECT, listed ports', { dialect: 'istio-2018', inbound: LISTED }),
    form('Istio 2018, TPROXY, all ports', { dialect: 'istio-2018', mode: 'TPROXY', inbound: ALL }),
    form('Istio, REDIRECT, all ports', { dialect: 'istio', inbound: ALL }),
    form('Istio, REDIRECT, listed ports', { dialect: 'istio', inbound: LISTED }),
    form('Istio, TPROXY, all ports', { dialect: 'istio', mode: 'TPROXY', inbound: ALL }),
    form('Istio, TPROXY, listed ports', { dialect: 'istio', mode: 'TPROXY', inbound: LISTED }),
    // In a user namespace of one's own. An ordinary user's tests are of this kind throughout.
    ...(process.getuid?.() === 0
        ? [form('Istio, TPROXY, as an ordinary user', { dialect: 'istio', mode: 'TPROXY', inbound: ALL }, ORDINARY_USER)]
        : []),
];
const command = (family, tool) => `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-nft${tool}`;
const seconds = () => Math.floor(Date.now() / 1000);
describe.for(FORMS)('$title', ({ interception, options }) => {
    let pair;
    let client;
    /** Whoever calls from within the pod. */
    let inside;
    const { families, mode } = interception;
    const known = { uids: ['1337'], gids: ['1337'], marks: [] };
    /** The proxy's own calls: by its uid, or, where no second uid exists, by its mark. */
    let asProxy;
    const save = (family) => pair.pod
        .must([command(family, '-save')])
        .replace(/^#.*\n/gm, '')
        .replace(/\[\d+:\d+\]/g, '[0:0]');
    const both = () => FAMILIES.map(save).join('');
    const read = () => ({
        origin: 'the pod',
        held: FAMILIES.map((family) => ({
            backend: 'nft',
            rules: parseSave(save(family), { family })[0] ?? emptyRuleSet(family),
        })),
    });
    const change = (before, after) => {
        const script = restoreScript(before, after);
        if (script !== '')
            pair.pod.must([command(after.family, '-restore'), '--noflush'], { input: script });
    };
    const changeAll = (of) => {
        for (const { rules } of read().held)
            change(rules, of(rules));
    };
    /** Plans a bypass on what the kernel holds and carries it out. */
    const bypass = (asked) => {
        const before = read();
        const request = { ...asked, now: seconds() };
        const plan = planBypass(before, request);
        const after = afterBypass(before, plan);
        for (const [index, { rules }] of before.held.entries())
            change(rules, after.held[index].rules);
        return plan;
    };
    const undo = (ports = []) => changeAll((rules) => unbypassed(rules, { ports, now: seconds() }));
    const reached = async (from, to, port, as = {}) => {
        const answer = await from.send({ protocol: 'tcp', to, port, ...as }, 2000);
        return answer.reached?.name ?? answer.code ?? 'silence';
    };
    const comesTo = (family, port) => reached(client, POD[family], port);
    beforeAll(async () => {
        pair = await openPair(options);
        const proxy = pair.pod.manyUsers ? known : { uids: [], gids: [], marks: [4242] };
        asProxy = pair.pod.manyUsers ? { uid: 1337 } : { mark: 4242 };
        const program = dialectOf(interception.dialect).write({ ...interception, proxy });
        for (const family of FAMILIES) {
            // What the form of 2018 does to all of IPv6 is not the matter here.
            if (families.includes(family))
                change(emptyRuleSet(family), programmed(emptyRuleSet(family), program, family));
        }
        for (const { kind, family, ...rest } of program.routing) {
            const ip = ['ip', family === 'ipv4' ? '-4' : '-6'];
            if (kind === 'rule' && 'mark' in rest)
                pair.pod.must([...ip, 'rule', 'add', 'fwmark', String(rest.mark), 'lookup', String(rest.table)]);
            if (kind === 'local-route' && 'table' in rest)
                pair.pod.must([...ip, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', String(rest.table)]);
        }
        [client, inside] = [startAgent(pair.client), startAgent(pair.pod)];
        const ports = new Set([interception.inboundPort, interception.outboundPort]);
        for (const address of ['0.0.0.0', '::']) {
            const tcp = { protocol: 'tcp', address, only: address === '::' };
            for (const port of [8080, 8888, 9000, 9010, 9011, 9020])
                await inside.listen({ ...tcp, name: 'app', port });
            // A transparent listener on :: takes IPv4 as well.
            const transparent = mode === 'TPROXY';
            if (!transparent || address === '::')
                for (const port of ports)
                    await inside.listen({ ...tcp, name: 'proxy', port, transparent });
            await client.listen({ ...tcp, name: 'elsewhere', port: 8888 });
        }
    });
    afterAll(() => pair?.close());
    test.for(families)('%s: one port reaches the app, the others the proxy; undone, the rules are as before', async (family) => {
        const before = both();
        expect(await comesTo(family, 8888)).toBe('proxy');
        expect(await comesTo(family, 8080)).toBe('proxy');
        const { changes, unneeded } = bypass({ ports: [[8888, 8888]], families: [family] });
        expect(changes.map((one) => [one.table, one.chain, one.number])).toEqual([
            [mode === 'TPROXY' ? 'mangle' : 'nat', 'PREROUTING', 1],
        ]);
        expect(unneeded).toEqual([]);
        expect(await comesTo(family, 8888)).toBe('app');
        expect(await comesTo(family, 8080)).toBe('proxy');
        for (const other of families)
            if (other !== family)
                expect(await comesTo(other, 8888)).toBe('proxy');
        undo();
        expect(both()).toBe(before);
        expect(await comesTo(family, 8888)).toBe('proxy');
    });
    test('a second run changes nothing, and neither does one beside an equal rule made by hand', () => {
        const before = both();
        bypass({ ports: [[8888, 8888]] });
        const once = both();
        const again = bypass({ ports: [[8888, 8888]] });
        expect(again.changes).toEqual([]);
        expect(again.already.map(({ because }) => because)).toContainEqual(expect.stringMatching(/is a bypass of Sidestep's/));
        expect(both()).toBe(once);
        undo();
        expect(both()).toBe(before);
        const table = mode === 'TPROXY' ? 'mangle' : 'nat';
        const byHand = ['-t', table, '-I', 'PREROUTING', '-p', 'tcp', '--dport', '8888', '-j', 'RETURN'];
        for (const family of families)
            pair.pod.must([command(family, ''), ...byHand]);
        const hand = both();
        const beside = bypass({ ports: [[8888, 8888]] });
        expect(beside.changes).toEqual([]);
        expect(beside.already[0]?.because).toBe(`${table} PREROUTING 1 lets it pass: -p tcp -m tcp --dport 8888 -j RETURN`);
        undo();
        expect(both()).toBe(hand);
        for (const family of families)
            pair.pod.must([command(family, ''), ...byHand.map((word) => (word === '-I' ? '-D' : word))]);
        expect(both()).toBe(before);
    });
    test.for(families)("%s: with --edit the mesh's own list changes, and comes back as it was", async (family) => {
        const before = both();
        const { changes } = bypass({ ports: [[8888, 8888]], edit: true });
        expect(new Set(changes.map(({ chain }) => chain))).toEqual(new Set(['ISTIO_INBOUND']));
        expect(await comesTo(family, 8888)).toBe('app');
        expect(await comesTo(family, 8080)).toBe('proxy');
        expect(bypass({ ports: [[8888, 8888]], edit: true }).changes).toEqual([]);
        undo();
        expect(both()).toBe(before);
        expect(await comesTo(family, 8888)).toBe('proxy');
    });
    test.for(families)('%s: a range and a port in one rule; one of them taken back', async (family) => {
        const before = both();
        const { changes } = bypass({
            ports: [
                [8888, 8888],
                [9000, 9010],
            ],
            families: [family],
        });
        expect(changes).toHaveLength(1);
        const meets = async () => Object.fromEntries(await Promise.all([8080, 8888, 9000, 9010, 9011].map(async (port) => [port, await comesTo(family, port)])));
        expect(await meets()).toEqual({ 8080: 'proxy', 8888: 'app', 9000: 'app', 9010: 'app', 9011: 'proxy' });
        undo([[9000, 9005]]);
        expect(await meets()).toEqual({ 8080: 'proxy', 8888: 'app', 9000: 'proxy', 9010: 'app', 9011: 'proxy' });
        undo();
        expect(both()).toBe(before);
    });
    test('the kernel ends it: after its last second a new connection meets the proxy again', async () => {
        const before = both();
        // Long enough for a busy machine to look before it is over.
        const until = seconds() + 6;
        bypass({ ports: [[8888, 8888]], until });
        for (const family of families)
            expect(await comesTo(family, 8888)).toBe('app');
        expect(bypassesIn(read(), seconds()).map((one) => [one.until, one.expired])).toEqual(families.map(() => [until, false]));
        while (Date.now() < (until + 1) * 1000 + 50)
            await sleep(50);
        for (const family of families)
            expect(await comesTo(family, 8888)).toBe('proxy');
        expect(bypassesIn(read(), seconds()).every(({ expired }) => expired)).toBe(true);
        // Anew, it takes the place of the one that is over.
        bypass({ ports: [[8888, 8888]], until: seconds() + 600 });
        expect(bypassesIn(read(), seconds())).toHaveLength(families.length);
        for (const family of families)
            expect(await comesTo(family, 8888)).toBe('app');
        changeAll((rules) => withoutExpired(rules, seconds() + 601));
        expect(both()).toBe(before);
    });
    test.for(families)("%s: --self lets the pod's calls to itself pass, and nothing else that it sends", async (family) => {
        const before = both();
        // Istio's TPROXY takes the calls of the proxy's group as they come in again.
        const byGroup = mode === 'TPROXY' && interception.dialect === 'istio' && pair.pod.manyUsers;
        const calls = async () => ({
            ...(byGroup
                ? { 'its group to :8888 here': await reached(inside, POD[family], 8888, { uid: 1000, gid: 1337 }) }
                : {}),
            'the proxy to :8888 here': await reached(inside, POD[family], 8888, asProxy),
            'the proxy to :8080 here': await reached(inside, POD[family], 8080, asProxy),
            'the app to :8888 elsewhere': await reached(inside, CLIENT[family], 8888),
            'the proxy to :8888 elsewhere': await reached(inside, CLIENT[family], 8888, asProxy),
        });
        const usual = {
            ...(byGroup ? { 'its group to :8888 here': 'proxy' } : {}),
            'the proxy to :8888 here': 'proxy',
            'the proxy to :8080 here': 'proxy',
            'the app to :8888 elsewhere': 'proxy',
            'the proxy to :8888 elsewhere': 'elsewhere',
        };
        expect(await calls()).toEqual(usual);
        const plain = bypass({ ports: [[8888, 8888]] });
        expect(plain.notCovered.map(({ about }) => about)).toContain('own calls');
        expect(await calls()).toEqual(usual);
        const self = bypass({ ports: [[8888, 8888]], self: true });
        expect(self.changes.map((one) => `${one.table} ${one.chain}`)).toEqual(families.flatMap(() => (mode === 'TPROXY' ? ['mangle PREROUTING', 'nat OUTPUT'] : ['nat OUTPUT'])));
        expect(self.notCovered.map(({ about }) => about)).not.toContain('own calls');
        expect(await calls()).toEqual({
            ...usual,
            'the proxy to :8888 here': 'app',
            ...(byGroup ? { 'its group to :8888 here': 'app' } : {}),
        });
        undo();
        expect(both()).toBe(before);
        expect(await calls()).toEqual(usual);
    });
    test.for(families)('%s: an open connection stays where it is, before, during and after', async (family) => {
        const address = family === 'ipv4' ? '0.0.0.0' : '::';
        const port = 9020;
        const other = await openPair(options);
        try {
            // A pod of its own: here the listeners keep their connections.
            for (const one of FAMILIES) {
                const held = parseSave(save(one), { family: one })[0] ?? emptyRuleSet(one);
                const script = restoreScript(emptyRuleSet(one), held);
                if (script !== '')
                    other.pod.must([command(one, '-restore'), '--noflush'], { input: script });
            }
            for (const ip of mode === 'TPROXY' ? ['-4', '-6'] : []) {
                other.pod.must(['ip', ip, 'rule', 'add', 'fwmark', '1337', 'lookup', '133']);
                other.pod.must(['ip', ip, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '133']);
            }
            await startLasting(other.pod, { name: 'app', address, port });
            const to = interception.inboundPort;
            await startLasting(other.pod, { name: 'proxy', address, port: to, transparent: mode === 'TPROXY' });
            const rules = parseSave(save(family), { family })[0];
            const after = afterBypass({ origin: '', held: [{ backend: 'nft', rules }] }, { request: { ports: [[port, port]], now: seconds() } }).held[0].rules;
            const apply = (script) => other.pod.must([command(family, '-restore'), '--noflush'], { input: script });
            const early = await openLasting(other.client, POD[family], port);
            expect(await early.ask()).toBe('proxy');
            apply(restoreScript(rules, after));
            const during = await openLasting(other.client, POD[family], port);
            expect([await early.ask(), await during.ask()]).toEqual(['proxy', 'app']);
            apply(restoreScript(after, rules));
            const late = await openLasting(other.client, POD[family], port);
            expect([await early.ask(), await during.ask(), await late.ask()]).toEqual(['proxy', 'app', 'proxy']);
        }
        finally {
            other.close();
        }
    });
});
