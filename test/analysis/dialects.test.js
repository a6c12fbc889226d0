import { expect, test } from 'vitest';
import { FAMILIES } from '../../src/address/index.ts';
import { difference } from '../../src/analysis/index.ts';
import { asWritten, defaultInterception, dialectOf } from '../../src/interception/index.ts';
import { TCP } from '../../src/netfilter/index.ts';
import { randomInterception, seeded } from '../interception/random.ts';
/** How many random interceptions are written in both forms. */
const REQUESTS = Number(process.env.INTERCEPTIONS ?? 10);
// What two dialects write for the same interception treats every packet alike that comes in, or that a program here sends. What
// the kernel sends itself has no owner: xt_owner's `! --uid-owner` then holds, nft's `meta skuid !=` does not. See docs/dialects.md.
const written = (interception) => asWritten(dialectOf(interception.dialect).write(interception), interception.dialect);
const side = (interception) => ({ snapshot: written(interception), proxyPorts: [15001, 15006] });
const usual = defaultInterception('istio');
const BOTH = { families: ['ipv4', 'ipv6'] };
const ASKED = [
    [
        'all of it',
        { inbound: { include: '*', exclude: ['15020', '15021'] }, outbound: { ...usual.outbound, include: '*' } },
    ],
    [
        'lists of ports and networks',
        {
            inbound: { include: ['80', '8000:8100'], exclude: [] },
            outbound: {
                ...usual.outbound,
                include: ['10.0.0.0/8'],
                exclude: ['10.1.0.0/16'],
                includePorts: ['9000'],
                excludePorts: ['22'],
            },
        },
    ],
    ['nothing inbound', { outbound: { ...usual.outbound, include: '*', exclude: ['192.0.2.0/24'] } }],
    [
        'DNS, an excluded interface',
        {
            inbound: { include: '*', exclude: [] },
            outbound: { ...usual.outbound, include: '*' },
            dns: { ...usual.dns, capture: true, servers: ['10.96.0.10'] },
            interfaces: { exclude: ['net1'], virtual: [] },
        },
    ],
    [
        'TPROXY, all DNS',
        {
            mode: 'TPROXY',
            inbound: { include: '*', exclude: ['15020'] },
            outbound: { ...usual.outbound, include: '*' },
            dns: { ...usual.dns, capture: true, all: true },
        },
    ],
    [
        'owner groups, a virtual interface',
        {
            inbound: { include: '*', exclude: [] },
            outbound: { ...usual.outbound, include: '*', ownerGroups: { include: ['888', '2000-2999'], exclude: [] } },
            interfaces: { exclude: [], virtual: ['vnet0'] },
        },
    ],
];
/** What the two dialects do differently for one request, in all families and directions. */
const apart = (asked) => {
    const [one, other] = ['istio', 'istio-nft'].map((dialect) => side({ ...asked, ...BOTH, dialect }));
    return FAMILIES.flatMap((family) => ['in', 'out'].flatMap((direction) => difference(one, other, family, direction)));
};
const told = ({ before, after, possibly }) => `${possibly.space.domain.direction} ${before.key} → ${after.key}`;
test.each(ASKED)('istio and istio-nft, %s: they differ for what no program sends alone', (_, asked) => {
    const changes = apart({ ...usual, ...asked });
    expect(changes.filter(({ possibly }) => !possibly.isOfNoProgram).map(told)).toEqual([]);
    expect(changes.map(told)).toContain('out app own → proxy 15001');
});
test('where the proxy is told by a mark, nothing asks for owners, and they differ for no packet', () => {
    const proxy = { uids: [], gids: [], marks: [7] };
    const asked = { inbound: { include: '*', exclude: [] }, outbound: { ...usual.outbound, include: '*' } };
    expect(apart({ ...usual, ...asked, proxy }).map(told)).toEqual([]);
});
test('the native form drops what is invalid of tcp alone', () => {
    const changes = apart({ ...usual, inbound: { include: '*', exclude: [] }, dropInvalid: true });
    const ofPrograms = changes.filter(({ possibly }) => !possibly.isOfNoProgram);
    expect(ofPrograms.length).toBeGreaterThan(0);
    const tcp = ofPrograms.map(({ possibly }) => possibly.where({ kind: 'in', field: 'protocol', ranges: [[TCP, TCP]] }));
    expect(tcp.filter((set) => !set.isEmpty && !set.isOfNoProgram)).toEqual([]);
    expect(new Set(ofPrograms.map(({ before }) => before.kind))).toEqual(new Set(['dropped']));
});
test('so do random requests', () => {
    for (let seed = 0; seed < REQUESTS; seed += 1) {
        const asked = { ...randomInterception(seeded(seed)), dropInvalid: false };
        if (asked.dialect !== 'istio')
            continue;
        const wrong = apart(asked).filter(({ possibly }) => !possibly.isOfNoProgram);
        if (wrong.length > 0)
            expect.fail(`seed ${seed}: ${wrong.map(told)}\n${JSON.stringify(asked)}`);
    }
}, 60_000 + REQUESTS * 1000);
test('both back ends of iptables', () => {
    const { write } = dialectOf('istio');
    const asked = { ...usual, ...BOTH, ...ASKED[3][1] };
    const [nft, legacy] = ['nft', 'legacy'].map((backend) => {
        return { snapshot: asWritten(write(asked), backend, { backend }), proxyPorts: [15001, 15006] };
    });
    for (const family of FAMILIES)
        for (const direction of ['in', 'out'])
            expect(difference(nft, legacy, family, direction).map(told)).toEqual([]);
});
test('what is not the same is told', () => {
    const [one, other] = [['80'], ['81']].map((include) => side({ ...usual, inbound: { include, exclude: [] }, outbound: { ...usual.outbound, include: [] } }));
    expect(difference(one, other, 'ipv4', 'in')
        .map(({ before, after }) => `${before.key} → ${after.key}`)
        .sort()).toEqual(['app own → proxy 15006', 'proxy 15006 → app own']);
});
