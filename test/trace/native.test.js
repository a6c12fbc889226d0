import { expect, test } from 'vitest';
import { parseNft } from '../../src/text/index.ts';
import { parseQuestion, prepare, prepareOutcome } from '../../src/trace/index.ts';
import { seeded } from '../support/random.ts';
import { randomNftRuleSet } from '../support/random-nft.ts';
const PACKETS = [
    'in tcp/80',
    'in tcp/8080 state established',
    'in udp/53',
    'in icmp',
    'in tcp > [2001:db8::5]:443',
    'out tcp > 10.0.0.9:80 uid 1000',
    'out udp > [2001:db8::9]:53',
    'self tcp/8080',
    'in tcp 10.0.0.9 > 10.1.0.7:22 via eth1',
];
const snapshotOf = (text) => ({
    origin: 'random',
    held: [],
    native: parseNft(text, { keepGoing: true }),
});
test('random native rule sets: every packet comes to an end, and the same with and without its walk written down', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
        const snapshot = snapshotOf(randomNftRuleSet(seeded(seed)));
        const [trace, outcome] = [prepare(snapshot, [15006]), prepareOutcome(snapshot, [15006])];
        for (const packet of PACKETS) {
            const question = parseQuestion(packet, snapshot);
            const walked = trace(question);
            expect([seed, packet, outcome(question)]).toEqual([seed, packet, walked.outcome]);
            for (const step of walked.steps)
                if (step.kind === 'rule')
                    expect(step.native).toBeDefined();
        }
    }
});
/** One chain of rules at input. */
const input = (...rules) => snapshotOf(`table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n${rules.join('\n')}\n\t}\n}\n`);
const steps = (snapshot, packet) => prepare(snapshot, [])(parseQuestion(packet, snapshot)).steps.flatMap((step) => step.kind === 'rule' ? [`${step.number} ${step.answer}${step.decisive ? ` ${step.decisive.part}` : ''}`] : []);
test('a rule is passed by at the statement that fails, and what it did before is shown', () => {
    const snapshot = input('meta mark set 1 tcp dport 80 accept', 'meta mark 1 drop');
    expect(steps(snapshot, 'in tcp/81')).toEqual(['1 passed by tcp dport', '2 matched']);
    const [first] = prepare(snapshot, [])(parseQuestion('in tcp/81', snapshot)).steps.filter(({ kind }) => kind === 'rule');
    expect(first).toMatchObject({ changed: { mark: 1 }, effect: { kind: 'continue' } });
});
test('a set that rules add to while packets pass is not known but for what is in it', () => {
    const snapshot = snapshotOf('table ip t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags dynamic\n\t\telements = { 10.0.0.7 }\n\t}\n\tchain c {\n' +
        '\t\ttype filter hook input priority 0; policy accept;\n\t\tip saddr @s drop\n\t\tadd @s { ip saddr }\n\t}\n}\n');
    const outcome = prepareOutcome(snapshot, []);
    expect(outcome(parseQuestion('in tcp 10.0.0.7 > :80', snapshot)).kind).toBe('dropped');
    expect(outcome(parseQuestion('in tcp/80', snapshot))).toMatchObject({
        kind: 'unknown',
        because: expect.stringContaining('rules add to the set "s"'),
    });
});
test('what the kernel chooses goes every way, and says on what it hangs', () => {
    const snapshot = input('numgen random mod 2 vmap { 0 : drop, 1 : accept }');
    const { outcome, possible } = prepare(snapshot, [])(parseQuestion('in tcp/80', snapshot));
    expect(outcome.kind).toBe('unknown');
    expect(possible.map((other) => other.outcome.kind).sort()).toEqual(['app', 'dropped']);
    const both = input('numgen inc mod 2 vmap { 0 : drop, 1 : drop }');
    expect(prepareOutcome(both, [])(parseQuestion('in tcp/80', both)).kind).toBe('dropped');
});
test('beside iptables at the very same priority both orders are followed', () => {
    const native = input('tcp dport 80 drop').native;
    const rules = {
        family: 'ipv4',
        tables: [
            {
                name: 'filter',
                chains: [{ name: 'INPUT', policy: 'DROP', rules: [] }],
            },
        ],
    };
    const snapshot = { origin: 'both', held: [{ backend: 'nft', rules }], native };
    const { outcome } = prepare(snapshot, [])(parseQuestion('in tcp/80', snapshot));
    expect(outcome.kind).toBe('dropped');
});
test('how an open connection is mapped is not known where what mapped it is not', () => {
    const snapshot = snapshotOf('table ip nat {\n\tchain PREROUTING {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t\tct state new xt target "REDIRECT"\n\t}\n}\n');
    const outcome = prepareOutcome(snapshot, [15006]);
    expect(outcome(parseQuestion('in tcp/80 state established', snapshot))).toMatchObject({
        kind: 'unknown',
        because: expect.stringContaining("how nat mapped the connection's first packet is not known"),
    });
});
test('rules that only log or count stay open, however many there are; those that do more are followed both ways', () => {
    const logs = Array.from({ length: 10 }, (_, at) => `limit rate 5/second log prefix "${at} "`);
    const counts = Array.from({ length: 10 }, () => 'meta cpu 0 counter');
    const { outcome, possible, steps: walked, } = prepare(input(...logs, ...counts, 'meta cpu 0 meta mark set 1 counter'), [])(parseQuestion('in tcp/80', input()));
    expect(outcome.kind).toBe('app');
    expect(possible).toEqual([]);
    const open = walked.flatMap((step) => (step.kind === 'rule' ? [step.taken] : []));
    expect(open).toEqual([...Array(20).fill(undefined), true]);
});
test('what rules of nft’s ask for is said where it is taken for granted, and nothing else', () => {
    const assumptions = (...rules) => parseQuestion('in tcp/80', input(...rules)).assumptions;
    const usual = assumptions();
    const more = (...rules) => assumptions(...rules).filter((clause) => !usual.includes(clause));
    expect(more('ip ttl 64 accept')).toEqual(['TTL 64 assumed (what Linux sends with)']);
    expect(more('meta length vmap { 60 : drop }')).toEqual(['length 60 assumed (what Linux’s SYN has)']);
    expect(more('meta pkttype host meta ipsec missing accept')).toEqual(['a unicast frame assumed', 'no IPsec assumed']);
    expect(more('tcp dport 80 accept')).toEqual([]);
});
