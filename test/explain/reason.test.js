import { describe, expect, test } from 'vitest';
import { parseIpv4 } from '../../src/address/index.ts';
import { whyNot } from '../../src/explain/index.ts';
import { CTSTATE, compile, conditionsOf, makePacket } from '../../src/netfilter/index.ts';
import { parseRule } from '../../src/text/index.ts';
const packet = (given = {}) => makePacket({
    family: 'ipv4',
    in: 'eth0',
    source: parseIpv4('10.0.0.9'),
    sourcePort: 40000,
    destination: parseIpv4('10.0.0.5'),
    destinationPort: 8888,
    ...given,
});
/** Why the first condition that does not hold does not. */
function reason(rule, of) {
    const parsed = parseRule(`${rule} -j RETURN`, { family: 'ipv4', table: 'mangle' });
    const failing = conditionsOf(parsed, 'ipv4').find(({ predicate }) => compile(predicate)(of) !== true);
    return failing ? whyNot(failing.predicate, of) : 'it matches';
}
describe('why a rule passes a packet by', () => {
    test.for([
        ['-p tcp -m tcp --dport 8080', {}, 'port 8888 is not 8080'],
        ['-p tcp -m tcp --dport 8000:8100', {}, 'port 8888 is not 8000–8100'],
        ['-p tcp -m multiport --dports 80,443,8080', {}, 'port 8888 is not 80, 443 or 8080'],
        ['-p tcp -m tcp ! --dport 8888', {}, 'port is 8888'],
        ['-p tcp -m multiport --dports 80,443', { fragment: 1, destinationPort: undefined }, 'it is a later fragment'],
        ['-p tcp', { protocol: 17 }, 'protocol udp is not tcp'],
        ['! -p tcp', {}, 'protocol is tcp'],
        ['-d 127.0.0.1/32', {}, 'destination 10.0.0.5 is not 127.0.0.1'],
        ['-s 192.168.0.0/16', {}, 'source 10.0.0.9 is not in 192.168.0.0/16'],
        ['! -s 10.0.0.0/8', {}, 'source 10.0.0.9 is in 10.0.0.0/8'],
        ['-i lo', {}, 'incoming interface eth0 is not lo'],
        ['! -i eth+', {}, 'incoming interface eth0 begins with eth'],
        ['-o lo', {}, 'there is no outgoing interface here'],
        ['-m owner --uid-owner 1337', { owned: 1, uid: 1000 }, 'uid 1000 is not 1337'],
        ['-m owner --uid-owner 1337', { owned: 0 }, 'no process of this host sent it'],
        ['-m mark --mark 0x539', { mark: 1 }, 'mark 0x1 is not 0x539'],
        ['-m conntrack --ctstate INVALID', {}, 'connection state NEW is not INVALID'],
        [
            '-m conntrack --ctstate RELATED,ESTABLISHED',
            { ctstate: CTSTATE.NEW },
            'connection state NEW is not ESTABLISHED or RELATED',
        ],
    ])('%s: %s', ([rule, given, words]) => {
        expect(reason(rule, packet(given))).toBe(words);
    });
});
describe('why a rule cannot be decided', () => {
    test.for([
        ['-m owner --uid-owner 1337', { owned: 1, uid: undefined }, 'the uid is not known'],
        ['-i lo', { in: undefined }, 'the incoming interface is not known'],
    ])('%s: %s', ([rule, given, words]) => {
        expect(reason(rule, packet(given))).toBe(words);
    });
    test('a match that Sidestep does not know', () => {
        expect(reason('-m nonsense --some thing', packet())).toBe('Sidestep does not know the match "nonsense"');
    });
});
