import { expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { makePacket } from '../../src/netfilter/index.ts';
import { readInput } from '../../src/text/index.ts';
import { prepareBeside } from '../../src/trace/index.ts';
const packet = makePacket({
    family: 'ipv4',
    in: 'eth0',
    source: parseAddress('10.0.0.9').value,
    destination: parseAddress('10.0.0.5').value,
    sourcePort: 40000,
    destinationPort: 8080,
});
/** The kernel asked one base chain, of which one rule dropped the packet. */
function dropped(table, chain, number) {
    const events = [
        { kind: 'asked', table, chain, packet },
        { kind: 'rule', family: 'ipv4', table, chain, number, verdict: 'drop', mark: 0 },
    ];
    return { direction: 'in', packet, events, seen: 0, quiet: false };
}
const says = (simulated, held, account) => prepareBeside({ simulated, held, proxyPorts: [] })(account).simulated.kind;
test('rules of a file are told by what they say: not by their line, nor by what they have counted', () => {
    const rules = (counted) => `*filter
:INPUT ACCEPT [0:0]
[${counted}] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
[${counted}] -A INPUT -p tcp -m tcp --dport 8080 -j DROP
COMMIT
`;
    const file = readInput(`# saved yesterday\n\n${rules('0:0')}`);
    expect(says(file, readInput(rules('3:180')), dropped('filter', 'INPUT', 2))).toBe('same');
    expect(says(file, readInput(rules('3:180')), dropped('filter', 'INPUT', 1))).toBe('differs');
});
test('native rules, too', () => {
    const rules = (packets) => `table inet mine {
  chain input {
    type filter hook input priority filter; policy accept;
    tcp dport 22 counter packets ${packets} bytes ${packets * 60} accept
    tcp dport 8080 counter packets ${packets} bytes ${packets * 60} drop
  }
}
`;
    const file = readInput(`\n${rules(0)}`);
    expect(says(file, readInput(rules(3)), dropped('inet mine', 'input', 2))).toBe('same');
    expect(says(file, readInput(rules(3)), dropped('inet mine', 'input', 1))).toBe('differs');
});
