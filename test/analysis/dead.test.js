import { expect, test } from 'vitest';
import { deadRules } from '../../src/analysis/index.ts';
import { parseSave } from '../../src/text/index.ts';
const dead = (...lines) => {
    const text = ['*filter', ':A - [0:0]', ':B - [0:0]', ...lines, 'COMMIT', ''].join('\n');
    const snapshot = { origin: 'rules', held: parseSave(text).map((rules) => ({ backend: 'nft', rules })) };
    return deadRules({ snapshot, proxyPorts: [] }, 'ipv4').map(({ chain, number, because, by }) => [`${chain} ${number}`, because, ...by.map((one) => `${one.chain} ${one.number}`)].join(' '));
};
test('a rule whose packets one before it takes is shadowed by that one', () => {
    expect(dead('-A INPUT -p tcp -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 80 -j DROP')).toEqual([
        'INPUT 2 shadowed INPUT 1',
    ]);
});
test('several rules together may shadow one', () => {
    expect(dead('-A INPUT -s 10.0.0.0/9 -j DROP', '-A INPUT -s 10.128.0.0/9 -j ACCEPT', '-A INPUT -s 192.168.0.0/16 -j ACCEPT', '-A INPUT -s 10.0.0.0/8 -j REJECT')).toEqual(['INPUT 4 shadowed INPUT 1 INPUT 2']);
});
test('what no packet that comes there is like can never match', () => {
    expect(dead('-A INPUT -s 10.0.0.0/8 -j A', '-A A -s 11.0.0.0/8 -j DROP', '-A A -p udp -j DROP')).toEqual([
        'A 1 impossible',
    ]);
});
test('a chain that nothing leads to is not reached', () => {
    expect(dead('-A B -p tcp -j DROP', '-A INPUT -i eth0 -j A', '-A A -j RETURN')).toEqual(['B 1 unreached']);
});
test('a rule that is met from one place of several is alive', () => {
    expect(dead('-A INPUT -p tcp -j A', '-A INPUT -p udp -j A', '-A A -p udp -j DROP', '-A OUTPUT -p icmp -j A', '-A A -p icmp -j DROP')).toEqual([]);
});
test('a limit shadows nothing for sure', () => {
    expect(dead('-A INPUT -p tcp -m limit --limit 5/sec -j ACCEPT', '-A INPUT -p tcp -j DROP')).toEqual([]);
});
test('what hangs on an open connection is not judged', () => {
    expect(dead('-A INPUT -j DROP', '-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT')).toEqual([]);
});
