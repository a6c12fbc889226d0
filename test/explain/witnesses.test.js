import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { checkBypass } from '../../src/explain/index.ts';
import { afterBypass, namedPorts, parsePorts, planBypass, proxyPortsOf, } from '../../src/interception/index.ts';
import { parseSave, readInput } from '../../src/text/index.ts';
import { POST as POST_FILE } from '../support/sidestep.ts';
const NOW = 1_800_000_000;
const holding = (text) => ({
    origin: 'a pod',
    held: parseSave(text, { family: 'ipv4' }).map((rules) => ({ backend: 'nft', rules })),
});
const POST = holding(readFileSync(POST_FILE, 'utf8'));
const asking = (words, more = {}) => ({
    ports: parsePorts(words.split(' ')),
    named: namedPorts(words.split(' ')),
    now: NOW,
    ...more,
});
const checked = (before, request, after = afterBypass(before, { request })) => checkBypass(before, after, request, proxyPortsOf(before));
const isMoved = ({ before, after }) => before.kind !== after.kind;
const packets = (witnesses) => witnesses.map(({ packet }) => packet);
describe('every port at which a rule begins or ends is followed', () => {
    test.for(['8000-9000', '1-65535', '80:', '8888 8000-9000'])('%s', (words) => {
        for (const more of [{}, { edit: true }]) {
            const { witnesses, asMeant, left } = checked(POST, asking(words, more));
            expect(packets(witnesses.filter(isMoved))).toEqual(['in tcp/8080', 'in tcp/8888']);
            expect([asMeant, left]).toEqual([true, 0]);
            for (const port of [8079, 8081, 8887, 8889])
                expect(packets(witnesses.filter(({ meant }) => meant))).toContain(`in tcp/${port}`);
        }
    });
    test('and so is a port that was named beside a range that holds it', () => {
        const { witnesses } = checked(POST, asking('8000-9000 8123'));
        expect(packets(witnesses.filter(({ meant }) => meant))).toContain('in tcp/8123');
    });
    test('outside as well: what is not asked for must stay', () => {
        const { witnesses } = checked(POST, asking('8888'));
        const stays = witnesses.filter(({ meant }) => !meant);
        for (const port of [1, 8079, 8080, 8081, 8887, 8889, 65535])
            expect(packets(stays)).toContain(`in tcp/${port}`);
    });
    test('where a TPROXY takes own calls as they come in again, these stay, but for those that are asked for', () => {
        const mesh = holding('*mangle\n-A PREROUTING -p tcp -j TPROXY --on-port 15006 --tproxy-mark 0x1/0x1\nCOMMIT\n');
        const { witnesses, asMeant } = checked(mesh, asking('8888'));
        expect(packets(witnesses.filter(isMoved))).toEqual(['in tcp/8888']);
        expect(asMeant).toBe(true);
        expect(planBypass(mesh, asking('8888')).notCovered.map(({ about }) => about)).toContain('own calls');
        const own = afterBypass(mesh, { request: asking('8888', { self: true }) });
        expect(checked(mesh, asking('8888', { self: true }), own).asMeant).toBe(true);
        // What else moves is not meant: own calls that nobody asked for, other ports.
        expect(checked(mesh, asking('8888'), own).asMeant).toBe(false);
        const wider = afterBypass(mesh, { request: asking('8887 8888') });
        expect(checked(mesh, asking('8888'), wider).asMeant).toBe(false);
    });
    test('lists, ranges and what is negated count alike', () => {
        const before = holding([
            '*nat',
            '-A PREROUTING -p tcp -m multiport --dports 80,9000:9010 -j REDIRECT --to-ports 15001',
            '-A PREROUTING -p tcp -m tcp ! --dport 100:60000 -j REDIRECT --to-ports 15001',
            'COMMIT\n',
        ].join('\n'));
        const { witnesses } = checked(before, asking('50-65000'));
        expect(packets(witnesses.filter(isMoved))).toEqual([50, 79, 80, 81, 99, 9000, 9010, 60001, 65000].map((port) => `in tcp/${port}`));
    });
    test('a slip anywhere in the range is found: a rule that lets more pass, one that lets less', () => {
        const request = asking('8000-9000');
        const { asMeant } = checked(POST, request, afterBypass(POST, { request: asking('8080') }));
        expect(asMeant).toBe(false);
        expect(checked(POST, asking('8080'), afterBypass(POST, { request })).asMeant).toBe(false);
    });
    test("the proxy's own port is the proxy's, however it is reached", () => {
        expect(checked(POST, asking('15001')).asMeant).toBe(true);
        const all = holding('*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15006\nCOMMIT\n');
        expect(checked(all, asking('15000-15010')).asMeant).toBe(true);
    });
    test('beyond what can be followed, the number that was left is told', () => {
        const rules = Array.from({ length: 600 }, (_, index) => `-A PREROUTING -p tcp -m tcp --dport ${1000 + 3 * index} -j REDIRECT --to-ports 1`);
        const { left, witnesses } = checked(holding(['*nat', ...rules, 'COMMIT\n'].join('\n')), asking('1-65535'));
        expect(left).toBeGreaterThan(0);
        expect(witnesses.length).toBeGreaterThan(100);
        expect(witnesses.length).toBeLessThan(600);
    });
});
describe('with an end', () => {
    test('a second after it, every one of the ports is as if there had been no bypass', () => {
        const request = asking('8000-9000', { until: NOW + 90 });
        const { witnesses, asMeant } = checked(POST, request);
        expect(asMeant).toBe(true);
        const late = witnesses.filter(({ packet }) => packet.endsWith(' at 2027-01-15T08:01:31Z'));
        expect(packets(late).map((packet) => packet.split(' at ')[0])).toEqual([8000, 8079, 8080, 8081, 8887, 8888, 8889, 9000].map((port) => `in tcp/${port}`));
        expect(late.find(({ port }) => port === 8888)?.after.kind).toBe('proxy');
    });
    test('also where one without an end stood before', () => {
        const once = afterBypass(POST, { request: asking('8888') });
        expect(checked(once, asking('8888', { until: NOW + 90 })).asMeant).toBe(true);
        // One that never ends would be found.
        expect(checked(POST, asking('8888', { until: NOW + 90 }), once).asMeant).toBe(false);
    });
});
describe('with --self, calls are followed as those make them who are caught', () => {
    const file = readFileSync(new URL('../cases/screens/tproxy.rules', import.meta.url), 'utf8');
    const before = readInput(file, { source: 'tproxy.rules' });
    test('the proxy, by its uid, where the app is left alone', () => {
        const { witnesses, asMeant } = checked(before, asking('8888', { self: true, families: ['ipv4'] }));
        expect(asMeant).toBe(true);
        expect(packets(witnesses.filter((one) => one.self && isMoved(one)))).toEqual(['self tcp/8888 uid 1337 gid 1337']);
        expect(planBypass(before, asking('8888', { self: true, families: ['ipv4'] })).changes).toHaveLength(2);
    });
    test('both in the form of 2018', () => {
        const { witnesses } = checked(POST, asking('8888', { self: true }));
        expect(packets(witnesses.filter((one) => one.self && isMoved(one)))).toEqual([
            'self tcp/8888',
            'self tcp/8888 uid 1337 gid 1337',
        ]);
    });
});
