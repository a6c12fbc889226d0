import { describe, expect, test } from 'vitest';
import { conditionWords, effectWords, NAMELESS, ruleWords } from '../../src/explain/index.ts';
import { parseRule } from '../../src/text/index.ts';
const CHAINS = ['ISTIO_INBOUND', 'ISTIO_REDIRECT'];
const nat = { family: 'ipv4', table: 'nat', chains: CHAINS };
const mangle = { family: 'ipv4', table: 'mangle', chains: CHAINS };
describe('what a rule asks for, as people say it', () => {
    test.for([
        ['-j RETURN', ''],
        ['-p tcp -j RETURN', 'tcp'],
        ['-p tcp -m tcp --dport 8080 -j RETURN', 'tcp :8080'],
        ['-p tcp -m tcp --dport 8000:8999 -j RETURN', 'tcp :8000–8999'],
        ['-p tcp -m tcp ! --dport 15008 -j RETURN', 'tcp, not :15008'],
        ['-p tcp -m multiport --dports 80,443 -j RETURN', 'tcp :80 :443'],
        ['-p udp -m udp --sport 53 -j RETURN', 'udp, from port 53'],
        ['! -d 127.0.0.1/32 -o lo -j RETURN', 'out lo, not to 127.0.0.1'],
        ['-s 10.0.0.0/8 -j RETURN', 'from 10.0.0.0/8'],
        ['-i eth+ -j RETURN', 'in eth+'],
        ['! -i eth0 -j RETURN', 'not in eth0'],
        ['-m owner --uid-owner 1337 -j RETURN', 'from uid 1337'],
        ['-m owner ! --uid-owner 1000-1999 -j RETURN', 'not from uid 1000–1999'],
        ['-m mark --mark 0x539 -j RETURN', 'mark 0x539'],
        ['-m mark --mark 0x111/0xfff -j RETURN', 'mark 0x111/0xfff'],
        ['-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN', 'connection state ESTABLISHED or RELATED'],
        ['-m comment --comment "why" -j RETURN', ''],
        ['-m nonsense --some thing -j RETURN', '-m nonsense --some thing'],
    ])('%s → %s', ([rule, words]) => {
        expect(conditionWords(parseRule(rule, nat), 'ipv4')).toBe(words);
    });
    test('says who a uid is', () => {
        const rule = parseRule('-m owner --uid-owner 1337 -j RETURN', nat);
        const naming = (field, value) => (field === 'uid' && value === '1337' ? 'the proxy' : undefined);
        expect(conditionWords(rule, 'ipv4', naming)).toBe('from uid 1337 (the proxy)');
        expect(conditionWords(rule, 'ipv4', NAMELESS)).toBe('from uid 1337');
    });
});
describe('what a rule does', () => {
    const isProxy = (port) => port === 15001;
    test.for([
        ['-j ISTIO_INBOUND', nat, '→ ISTIO_INBOUND'],
        ['-g ISTIO_INBOUND', nat, '⇒ ISTIO_INBOUND (goto)'],
        ['-j RETURN', nat, '↩ RETURN'],
        ['-j ACCEPT', nat, '✓ ACCEPT'],
        ['-j DROP', mangle, '✗ DROP'],
        ['-p tcp -j REDIRECT --to-ports 15001', nat, '→ proxy :15001'],
        ['-p tcp -j REDIRECT --to-ports 53', nat, '→ this host :53'],
        ['-p tcp -j DNAT --to-destination 10.0.0.7:80', nat, '→ 10.0.0.7:80 (DNAT)'],
        ['-j MARK --set-xmark 0x539/0xffffffff', mangle, 'mark := 0x539'],
        ['-j CONNMARK --save-mark', mangle, 'connection mark ← mark'],
        ['-p tcp -j TPROXY --on-port 15001 --tproxy-mark 0x539/0xffffffff', mangle, '→ proxy :15001 (TPROXY)'],
        ['-m comment --comment counted', nat, 'counts'],
        ['-j NONSENSE --with this', { ...nat, chains: [] }, '-j NONSENSE --with this'],
    ])('%s → %s', ([rule, where, words]) => {
        expect(effectWords(parseRule(rule, where), 'ipv4', isProxy)).toBe(words);
    });
});
test('a rule as it is typed leaves out what -p implies, and nothing else', () => {
    const short = (rule) => ruleWords(parseRule(rule, nat), 'ipv4');
    expect(short('-p tcp -m tcp --dport 80 -j RETURN')).toBe('-p tcp --dport 80 -j RETURN');
    expect(short('-p tcp -m tcp ! --dport 80 -j RETURN')).toBe('-p tcp ! --dport 80 -j RETURN');
    expect(short('-m comment --comment "-p tcp -m tcp --dport 80" -j RETURN')).toBe('-m comment --comment "-p tcp -m tcp --dport 80" -j RETURN');
});
