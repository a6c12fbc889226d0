import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import * as documents from '../../src/explain/schema/index.ts';
import { startAgent } from '../support/agent.ts';
import { openPair, POD } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const ENVIRONMENT = { COLUMNS: '160', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
// What `init` says of all packets where others have rules, and where connections then go.
let pair;
let client;
const init = (...args) => pair.pod.run([process.execPath, SIDESTEP, 'init', '-u', '1337', '-i', '*', '-b', '*', '--family', 'ipv4', ...args], {
    env: ENVIRONMENT,
});
const reached = async (port) => (await client.send({ protocol: 'tcp', to: POD.ipv4, port }, 500)).reached?.name ?? 'nobody';
describe.runIf(process.getuid?.() === 0)('init beside the rules of others', () => {
    beforeAll(async () => {
        pair = await openPair();
        client = startAgent(pair.client);
        const agent = startAgent(pair.pod);
        for (const port of [8080, 8888])
            await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'app', port });
        await agent.listen({ protocol: 'tcp', address: '0.0.0.0', name: 'proxy', port: 15006 });
    });
    afterAll(() => pair?.close());
    afterEach(() => {
        pair.pod.run([process.execPath, SIDESTEP, 'clean']);
        for (const table of ['raw', 'mangle', 'nat', 'filter'])
            pair.pod.must(['iptables', '-t', table, '-F']);
    });
    test('where there are none, not a word is said of it; --prove says what is caught', () => {
        expect(init().stderr).not.toContain('packets');
        const proved = init('--prove');
        expect([proved.status, proved.stderr]).toEqual([0, expect.stringMatching(/^✓ Of all packets, exactly what was/)]);
        expect(proved.stderr).toMatch(/^ +inbound IPv4 +tcp to any port but 15008 +the proxy on :15006$/m);
    });
    test.for([
        ['a rule before it that takes packets away', 'nat -A PREROUTING -p tcp --dport 8888 -j ACCEPT', 8888, 'app'],
        ['a rule in raw that drops', 'raw -A PREROUTING -p tcp --dport 8888 -j DROP', 8888, 'nobody'],
        [
            'a firewall that does not let the proxy be reached',
            'filter -A INPUT -p tcp --dport 15006 -j DROP',
            8080,
            'nobody',
        ],
    ])('%s is told, and so it is', async ([, rule, port, whom]) => {
        pair.pod.must(['iptables', '-t', ...rule.split(' ')]);
        const dry = documents.programDocument.parse(JSON.parse(init('--dry-run', '-o', 'json').stdout));
        expect(dry.catching).toMatchObject({
            exact: false,
            missed: expect.arrayContaining([expect.objectContaining({ family: 'ipv4', direction: 'in' })]),
        });
        const refused = init('--prove');
        expect([refused.status, refused.stdout]).toEqual([1, '']);
        expect(refused.stderr).toContain('✗ Asked for, and not caught, because of rules of others:');
        expect(pair.pod.must(['iptables-save'])).not.toContain('ISTIO');
        const done = init();
        expect([done.status, done.stderr]).toEqual([0, expect.stringContaining('✗ Asked for, and not caught')]);
        expect(await reached(port)).toBe(whom);
    });
    test('a firewall that lets everything be reached is nobody’s finding, a bypass of Sidestep’s is neither', () => {
        pair.pod.must(['iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP']);
        expect(init().stderr).not.toContain('packets');
        expect(pair.pod.run([process.execPath, SIDESTEP, 'bypass', '8888', '--apply', '--no-witness']).status).toBe(0);
        expect(init('--reconcile').stderr).not.toContain('packets');
    });
});
