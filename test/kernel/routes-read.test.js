import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSnapshot } from '../../src/linux/index.ts';
import { parseQuestion, trace } from '../../src/trace/index.ts';
import { namespaceOf } from '../support/change.ts';
import { openScratch } from '../support/namespace.ts';
// Routes that are not plain, and settings that change what becomes of packets: told, never passed over in silence.
let pod;
beforeAll(async () => {
    pod = await openScratch();
    for (const [name, address] of [
        ['d0', '10.70.0.1/24'],
        ['d1', '10.71.0.1/24'],
    ]) {
        pod.must(['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`]);
        pod.must(['ip', 'address', 'add', address, 'dev', name]);
        for (const each of [name, `${name}p`])
            pod.must(['ip', 'link', 'set', each, 'up']);
    }
    pod.must(['ip', 'route', 'add', '10.80.0.0/16', 'dev', 'd0']);
});
afterAll(() => pod?.close());
const answered = async (question) => {
    const snapshot = await readSnapshot(namespaceOf(pod));
    return trace(snapshot, parseQuestion(question, snapshot), []);
};
describe('routes that are not plain', () => {
    test('a throw route sends the lookup on to the next rule', async () => {
        pod.must(['ip', 'route', 'add', 'table', '81', 'throw', '10.80.1.0/24']);
        pod.must(['ip', 'route', 'add', 'table', '81', 'default', 'dev', 'd1']);
        pod.must(['ip', 'rule', 'add', 'to', '10.80.0.0/16', 'lookup', '81']);
        for (const address of ['10.80.1.5', '10.80.2.5']) {
            const [, device] = / dev (\S+)/.exec(pod.must(['ip', 'route', 'get', address])) ?? [];
            expect((await answered(`out udp > ${address}:80`)).outcome, address).toMatchObject({ kind: 'sent', out: device });
        }
    });
    test('which of several next hops is taken is not known', async () => {
        const hops = ['nexthop', 'via', '10.70.0.2', 'dev', 'd0', 'nexthop', 'via', '10.71.0.2', 'dev', 'd1'];
        pod.must(['ip', 'route', 'add', '10.67.9.0/24', ...hops]);
        const { outcome } = await answered('out udp > 10.67.9.4:80');
        const because = 'which of its 2 next hops the route to 10.67.9.0/24 takes is not known';
        expect(outcome).toEqual({ kind: 'unknown', because });
    });
});
test('what goes to everybody leaves by the device, without a gateway', async () => {
    pod.must(['ip', 'route', 'add', 'default', 'via', '10.70.0.2']);
    for (const address of ['10.71.0.255', '10.70.0.255', '255.255.255.255', '224.0.0.1']) {
        const said = pod.must(['ip', 'route', 'get', address]);
        const [, device] = / dev (\S+)/.exec(said) ?? [];
        expect(said).not.toContain('via');
        const { outcome, steps } = await answered(`out udp > ${address}:78`);
        expect(outcome, address).toMatchObject({ kind: 'sent', out: device });
        expect(JSON.stringify(steps.filter(({ kind }) => kind === 'route'))).not.toContain('10.70.0.2');
    }
});
test('a setting that is not followed is among the assumptions, with its value', async () => {
    const before = await answered('in udp/53');
    expect(before.question.assumptions.filter((clause) => clause.includes('plays no part'))).toEqual([]);
    pod.must(['sysctl', '-w', 'net.ipv4.conf.d0.accept_local=1', 'net.ipv4.fwmark_reflect=1']);
    const { assumptions } = (await answered('in udp/53')).question;
    expect(assumptions).toContain('net.ipv4.fwmark_reflect = 1 plays no part (what it changes is not followed)');
    expect(assumptions).toContain('net.ipv4.conf.d0.accept_local = 1 plays no part (what it changes is not followed)');
});
