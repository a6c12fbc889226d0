import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { FAMILIES } from '../../src/address/index.ts';
import { manifest, parsePorts, programmed, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave } from '../../src/text/index.ts';
import { programOf } from './cases.ts';
import { KUMA, LINKERD } from './products.ts';
const asking = (ports, more = {}) => ({
    ports: parsePorts([ports]),
    now: 1_800_000_000,
    ...more,
});
const pod = (flags, dialect = 'istio') => {
    const program = programOf(flags.split(' '), dialect);
    const held = FAMILIES.map((family) => programmed(emptyRuleSet(family), program, family));
    return { origin: 'a pod', held: held.map((rules) => ({ backend: 'nft', rules })) };
};
const podOf = (text) => ({
    origin: 'a pod',
    held: [{ backend: 'nft', rules: parseSave(text, { family: 'ipv4' })[0] }],
});
const annotations = (request, snapshot) => parse(manifest('annotation', request, snapshot ? { snapshot } : {})).metadata.annotations;
describe('an init container', () => {
    const [container, ...others] = parse(manifest('init-container', asking('8888'), { image: 'localhost/sidestep' }));
    test('is one item for initContainers', () => {
        expect(others).toEqual([]);
        expect(container).toMatchObject({
            name: 'sidestep-bypass',
            image: 'localhost/sidestep',
            command: ['sidestep', 'bypass', '8888', '--apply', '--ahead', 'REDIRECT'],
        });
    });
    test('asks for what it needs and nothing more', () => {
        expect(container.securityContext).toEqual({
            runAsUser: 0,
            runAsGroup: 0,
            runAsNonRoot: false,
            privileged: false,
            allowPrivilegeEscalation: false,
            capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] },
        });
    });
    test('says where it goes, and in which order', () => {
        const text = manifest('init-container', asking('8888'));
        expect(text).toMatch(/^# Lets tcp :8888 pass/);
        expect(text).toContain('# Order: before or behind');
        expect(manifest('init-container', asking('8888', { edit: true }))).toContain("# Order: behind the mesh's own");
    });
    test.for([
        [asking('8888,9000-9010'), ['8888', '9000-9010', '--apply', '--ahead', 'REDIRECT']],
        [asking('8888', { self: true }), ['8888', '--apply', '--ahead', 'REDIRECT', '--self']],
        [asking('8888', { edit: true }), ['8888', '--apply', '--edit']],
        [asking('8888', { families: ['ipv6'] }), ['8888', '--apply', '--ahead', 'REDIRECT', '--family', 'ipv6']],
        [
            asking('8888', { until: 1_800_000_600 }),
            ['8888', '--apply', '--ahead', 'REDIRECT', '--until', '2027-01-15T08:10:00Z'],
        ],
    ])('runs the bypass that was asked for: %#', ([request, words]) => {
        expect(parse(manifest('init-container', request))[0].command).toEqual(['sidestep', 'bypass', ...words]);
    });
    test('knows the mode of a pod that it is shown', () => {
        const snapshot = pod('-m TPROXY -b * -i *');
        const [{ command }] = parse(manifest('init-container', asking('8888'), { snapshot }));
        expect(command).toEqual(['sidestep', 'bypass', '8888', '--apply', '--ahead', 'TPROXY']);
    });
    test('says where it has its mode from; what is asked for outright counts', () => {
        const text = (request, options = {}) => manifest('init-container', request, options);
        expect(text(asking('8888'))).toMatch(/^# Mode: REDIRECT, the default\./m);
        expect(text(asking('8888'), { unread: 'no iptables' })).toMatch(/^# Mode: REDIRECT, the default: .* not be read/m);
        const snapshot = pod('-m TPROXY -b * -i *');
        expect(text(asking('8888'), { snapshot })).toMatch(/^# Mode: TPROXY, as in a pod\.$/m);
        expect(text(asking('8888', { ahead: 'REDIRECT' }), { snapshot })).toContain('"--ahead", "REDIRECT"');
        const nothing = { origin: 'a\nb: [', held: [] };
        expect(parse(text(asking('8888'), { snapshot: nothing }))).toHaveLength(1);
        expect(text(asking('8888'), { snapshot: nothing })).toContain('nothing is intercepted in a\\x0ab: [');
    });
    test('says when it ends, and what that is to a pod that starts later', () => {
        const until = 1_800_000_600;
        expect(manifest('patch', asking('8888', { until }))).toMatch(/^# End: 2027-01-15 08:10:00 UTC, by the kernel\. In a pod that starts later it has nothing to do\.$/m);
        expect(manifest('patch', asking('8888', { until, edit: true }))).toContain('starts later it is refused');
    });
    test('holds an image’s name as it is, whatever is in it', () => {
        for (const image of ['a"b', 'x: [y]', '#', 'é\u001b[31m', 'no', "'"]) {
            const text = manifest('init-container', asking('8888'), { image });
            expect(parse(text)[0].image).toBe(image);
            expect(text).not.toContain('\u001b');
        }
    });
});
test('a patch is the same container inside a workload, merged by its name', () => {
    const request = asking('8888');
    const options = { image: 'localhost/sidestep' };
    expect(parse(manifest('patch', request, options))).toEqual({
        spec: { template: { spec: { initContainers: parse(manifest('init-container', request, options)) } } },
    });
    expect(manifest('patch', request)).toContain('kubectl patch deployment NAME --patch-file');
});
describe("the mesh's own annotation", () => {
    test('Istio', () => {
        expect(annotations(asking('8888'))).toEqual({ 'traffic.sidecar.istio.io/excludeInboundPorts': '8888' });
    });
    test('Istio: what a pod excludes today stays, but for what the injector adds by itself', () => {
        expect(annotations(asking('8888'), pod('-b * -i * -d 15090,15021,9999,15020'))).toEqual({
            'traffic.sidecar.istio.io/excludeInboundPorts': '8888,9999',
        });
    });
    test('Istio: beside a list of included ports, the list is what counts', () => {
        const snapshot = pod('-p 15001 -i * -b 8080,8888', 'istio-2018');
        expect(annotations(asking('8888'), snapshot)).toEqual({
            'traffic.sidecar.istio.io/includeInboundPorts': '8080',
            'traffic.sidecar.istio.io/excludeInboundPorts': '8888',
        });
    });
    test('Istio takes single ports only', () => {
        expect(annotations(asking('8888,9000-9002'))).toEqual({
            'traffic.sidecar.istio.io/excludeInboundPorts': '8888,9000,9001,9002',
        });
        expect(() => annotations(asking('9000-9999'))).toThrow(/single ports only/);
    });
    test('Linkerd and Kuma', () => {
        expect(annotations(asking('8888,9000-9010'), podOf(LINKERD))).toEqual({
            'config.linkerd.io/skip-inbound-ports': '8888,9000-9010',
        });
        expect(annotations(asking('8888'), podOf(KUMA))).toEqual({ 'traffic.kuma.io/exclude-inbound-ports': '8888' });
    });
    test('without rules of a mesh it is taken to be Istio, and that is said', () => {
        expect(manifest('annotation', asking('8888'))).toContain('# The mesh is taken to be Istio: no rules');
        expect(manifest('annotation', asking('8888'), { unread: 'x' })).toContain('the rules here could not be read');
    });
    test('of a mesh without one', () => {
        const snapshot = podOf('*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 1\nCOMMIT\n');
        expect(() => annotations(asking('8888'), snapshot)).toThrow(/init-container works with any/);
    });
});
