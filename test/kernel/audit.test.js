import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditDocument } from '../../src/explain/schema/index.ts';
import { startAgent } from '../support/agent.ts';
import { openPair, POD, WAYS } from '../support/namespace.ts';
import { SIDESTEP } from '../support/sidestep.ts';
const ENVIRONMENT = { COLUMNS: '300', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
// What an audit of a live pod says, against what really becomes of connections.
describe.each(WAYS)('audit of a pod, $title', ({ options }) => {
    let pair;
    const inside = (...args) => pair.pod.run([process.execPath, SIDESTEP, ...args], { env: ENVIRONMENT });
    const found = (...args) => {
        const { stdout, stderr, status } = inside('audit', '-o', 'json', ...args);
        expect(stderr).not.toMatch(/defect/);
        const document = auditDocument.parse(JSON.parse(stdout));
        return { status, ...document, kinds: document.findings.map(({ kind, family }) => `${kind} ${family}`) };
    };
    const init = (...flags) => {
        const identity = pair.pod.manyUsers ? [] : ['--proxy-mark', '7'];
        expect(inside('init', '-b', '*', '-i', '*', '--reconcile', ...identity, ...flags).status).toBe(0);
    };
    beforeAll(async () => {
        pair = await openPair(options);
        const agent = startAgent(pair.pod);
        for (const address of ['0.0.0.0', '::'])
            await agent.listen({ protocol: 'tcp', address, only: address === '::', name: 'app', port: 8080 });
    });
    afterAll(() => pair?.close());
    test('a family that is open is found, and its packet does reach the app; the other finds nobody', async () => {
        init('--family', 'ipv4');
        const { kinds, status, findings } = found();
        expect(status).toBe(1);
        expect(kinds.filter((kind) => kind.startsWith('family-open'))).toEqual(['family-open ipv6', 'family-open ipv6']);
        expect(kinds).toContain('deaf-proxy ipv4');
        expect(findings[0]?.level).toBe('high');
        const client = startAgent(pair.client);
        const send = (to) => client.send({ protocol: 'tcp', to, port: 8080 }, 2000);
        expect((await send(POD.ipv6)).reached?.name).toBe('app');
        expect((await send(POD.ipv4)).code).toBe('ECONNREFUSED');
    });
    test('with both families, and a proxy, nothing is found', async () => {
        init('--family', 'both');
        const agent = startAgent(pair.pod);
        for (const port of [15001, 15006])
            for (const address of ['0.0.0.0', '::'])
                await agent.listen({ protocol: 'tcp', address, only: address === '::', name: 'proxy', port });
        const { kinds, lanes } = found();
        expect(kinds.filter((kind) => !kind.startsWith('app-exempt'))).toEqual([]);
        expect(lanes).toHaveLength(6);
        const client = startAgent(pair.client);
        for (const to of [POD.ipv4, POD.ipv6])
            expect((await client.send({ protocol: 'tcp', to, port: 8080 }, 2000)).reached?.name).toBe('proxy');
    });
    test('--fail-on says which findings count', () => {
        expect(inside('bypass', '8080', '--apply').status).toBe(0);
        expect(found().kinds).toContain('bypass ipv4');
        expect(inside('audit', '--fail-on', 'medium').status).toBe(found().findings.some((one) => one.level !== 'info') ? 1 : 0);
        expect(inside('audit', '--fail-on', 'never').status).toBe(0);
        expect(inside('audit').stdout).toMatch(/info +bypass +IPv4 nat PREROUTING 1 .* is a bypass of Sidestep's: in tcp\/8080 goes to the app/);
    });
});
