import { describe, expect, test } from 'vitest';
import { parseSave } from '../../src/text/index.ts';
import { parseQuestion, prepareConversation } from '../../src/trace/index.ts';
function talk(expression, rules) {
    const held = parseSave(rules).map((set) => ({ backend: 'nft', rules: set }));
    const snapshot = { origin: 'test', held };
    return prepareConversation(snapshot, [15001])(parseQuestion(expression, snapshot));
}
const matched = (expression, rules) => talk(expression, rules).turns.map(({ name, trace }) => `${name}: ${trace.steps.flatMap((step) => (step.kind === 'rule' && step.answer === 'matched' ? [`${step.chain} ${step.number}`] : [])).join(', ')}`);
describe('a connection, packet by packet', () => {
    test('one that rules let through is open, and every packet has its name', () => {
        const { outcome, turns } = talk('in tcp/80', '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n');
        expect(outcome).toEqual({ kind: 'open' });
        expect(turns.map(({ name }) => name)).toEqual(['SYN', 'SYN-ACK', 'ACK', 'data', 'data back', 'FIN', 'FIN back']);
        expect(talk('in udp/53', '').turns.map(({ name }) => name)).toEqual(['first', 'reply', 'later']);
        expect(talk('in icmp', '').turns.map(({ name }) => name)).toEqual(['request', 'reply']);
    });
    test('connection tracking remembers: replied, assured, the mark', () => {
        const rules = `*mangle
-A PREROUTING -m conntrack --ctstate NEW -j CONNMARK --set-mark 1
-A PREROUTING -m conntrack --ctstatus ASSURED -m connmark --mark 2
-A OUTPUT -m conntrack --ctstatus SEEN_REPLY -m connmark --mark 1 -j CONNMARK --set-mark 2
COMMIT
`;
        expect(matched('in tcp/80', rules)).toEqual([
            'SYN: PREROUTING 1',
            'SYN-ACK: OUTPUT 1',
            'ACK: PREROUTING 2',
            'data: PREROUTING 2',
            'data back: ',
            'FIN: PREROUTING 2',
            'FIN back: ',
        ]);
        // UDP is assured after two seconds only.
        expect(matched('in udp/53', rules)).toEqual(['first: PREROUTING 1', 'reply: OUTPUT 1', 'later: ']);
    });
    test('it breaks at the packet that does not get there', () => {
        expect(talk('in tcp/80', '*filter\n-A OUTPUT -p tcp -j DROP\nCOMMIT\n').outcome).toEqual({
            kind: 'broken',
            turn: 'SYN-ACK',
            because: 'filter OUTPUT 1 drops it',
        });
        const acks = '*filter\n-A INPUT -p tcp -m tcp --tcp-flags FIN FIN -j DROP\nCOMMIT\n';
        expect(talk('in tcp/80', acks).outcome).toMatchObject({ kind: 'broken', turn: 'FIN' });
        expect(talk('in tcp/80', '*filter\n-A INPUT -p tcp -j DROP\nCOMMIT\n').outcome.kind).toBe('not opened');
    });
    test('what hangs on an undecided rule is unknown, with every outcome', () => {
        const { outcome, possible } = talk('in tcp/80', '*filter\n-A OUTPUT -m limit --limit 1/s -j DROP\nCOMMIT\n');
        expect(outcome.kind).toBe('unknown');
        expect(possible.map((each) => each.outcome.kind)).toContain('open');
        expect(possible.map((each) => each.outcome.kind)).toContain('broken');
    });
});
