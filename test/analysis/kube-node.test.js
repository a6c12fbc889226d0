import { expect, test } from 'vitest';
import { kubeNode } from '../../bench/kube-node.js';
import { parseAddress } from '../../src/address/index.ts';
import { reach } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { prepare } from '../../src/trace/index.ts';
import { seeded } from '../support/random.ts';
import { compare } from './agreement.ts';
import { HOSTS } from './hosts.ts';
// Rules that send packets to very many places: each place is a case of what comes after them, not a way of its own.
/** Two pods are closed to what is sent on and two to this host's own: rules that come after nat ask where it has sent a packet. */
const POLICY = ['-A KUBE-FIREWALL -d 10.244.0.4/31 -j DROP', '-A KUBE-FORWARD -d 10.244.0.2/31 -j DROP'].join('\n');
function node(services, machine, pods = 3) {
    const text = kubeNode(services, pods).replace('-A INPUT -j', `${POLICY}\n-A INPUT -j`);
    return { ...machine, held: parseSave(text).map((rules) => ({ backend: 'nft', rules })) };
}
/** Each pod on the node has a card of its own, and is let through to where nothing tells by which. */
const cards = HOSTS.router.interfaces.slice(2).flatMap((card) => Array.from({ length: 12 }, (_, at) => ({ ...card, name: `cali${at}`, index: 10 + at, addresses: [] })));
const many = {
    ...HOSTS.router,
    interfaces: [...HOSTS.router.interfaces, ...cards],
    routes: [
        ...HOSTS.router.routes,
        ...cards.map(({ name }, at) => ({
            ...HOSTS.router.routes[0],
            destination: parseAddress(`10.244.0.${at + 1}`).value,
            length: 32,
            device: name,
        })),
    ],
};
const MACHINES = { ...HOSTS, 'a card for each pod': many };
test.each(Object.keys(MACHINES))('%s: packets to services agree with their traces', (name) => {
    for (const direction of ['in', 'out']) {
        const { asked, disagreement } = compare(node(12, MACHINES[name]), 'ipv4', direction, seeded(direction.length), 250);
        expect(disagreement).toBeUndefined();
        expect(asked).toBeGreaterThan(100);
    }
});
test('the pod that packets of a service go to is the one that their trace ends at', () => {
    const snapshot = node(12, HOSTS.router, 1);
    const follow = prepare(snapshot, [15001]);
    for (const direction of ['in', 'out']) {
        const pods = new Set();
        for (const { end, surely } of reach({ snapshot, proxyPorts: [15001] }, 'ipv4', direction)) {
            if (!('to' in end) || surely.isEmpty)
                continue;
            const { packet } = follow(surely.witness());
            expect([packet.destination, packet.destinationPort]).toEqual([end.to?.address, end.to?.port]);
            pods.add(packet.destination);
        }
        expect(pods.size).toBe(10);
    }
});
test('every pod of some hundred services is an end', () => {
    for (const direction of ['in', 'out']) {
        const ends = reach({ snapshot: node(200, HOSTS.untold), proxyPorts: [15001] }, 'ipv4', direction);
        const pods = new Set(ends.flatMap(({ end }) => ('to' in end && end.to ? [end.to.address] : [])));
        expect(pods.size).toBe(598);
        expect(ends.filter(({ end }) => end.because.startsWith('too complex'))).toEqual([]);
    }
});
