import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readInput } from '../../../src/text/index.ts';
import { parseQuestion, trace } from '../../../src/trace/index.ts';
import { openScratch } from '../../support/namespace.ts';
// What the tools' listings leave out of the rules that the kernel holds.
const root = process.getuid?.() === 0;
const RULES = `*nat
-A PREROUTING -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 15001
COMMIT
*filter
-A INPUT -i eth7 -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
`;
let scratch;
beforeAll(async () => {
    scratch = await openScratch();
    scratch.must(['iptables-nft-restore'], { input: RULES });
});
afterAll(() => scratch.close());
describe.runIf(root)('fact 28: nft -j has lost what xt matches and targets say', () => {
    test('the port of REDIRECT is not there, and Sidestep asks for iptables-save', () => {
        const json = scratch.must(['nft', '-j', 'list', 'ruleset']);
        expect(json).toContain('{"xt": {"type": "target", "name": "REDIRECT"}}');
        expect(json).not.toContain('15001');
        const snapshot = readInput(json);
        const told = trace(snapshot, parseQuestion('in tcp/8888', snapshot), []);
        expect(told.outcome.kind).toBe('unknown');
        expect(JSON.stringify(told.possible, (_, value) => (typeof value === 'bigint' ? String(value) : value))).toContain('iptables-save');
    });
    test('the save form has it', () => {
        const snapshot = readInput(scratch.must(['iptables-nft-save']));
        expect(trace(snapshot, parseQuestion('in tcp/8888', snapshot), [15001]).outcome).toMatchObject({ port: 15001 });
    });
});
describe.runIf(root)('fact 29: what iptables -L hides', () => {
    test('without -v interfaces, without -n numbers; -n prints protocols as numbers', () => {
        const list = (...flags) => scratch.must(['iptables-nft', ...flags, '-L', 'INPUT']);
        expect(list('-n')).not.toContain('eth7');
        expect(list('-n', '-v')).toContain('eth7');
        expect(list()).toContain('dpt:http-alt');
        expect(list('-n')).toContain('dpt:8080');
        expect(list('-n')).toMatch(/ACCEPT +6 /);
        expect(list()).toMatch(/ACCEPT +tcp /);
    });
});
