import { describe, expect, test } from 'vitest';
import { parseSave, restoreScript } from '../../src/text/index.ts';
/** A rule set of one table, from the lines between its first and its last. */
const set = (lines, table = 'nat', family = 'ipv4') => parseSave(`*${table}\n${lines.trim()}\nCOMMIT\n`, { family })[0];
const nothing = { family: 'ipv4', tables: [] };
const commands = (before, after) => restoreScript(before, after)
    .split('\n')
    .filter((line) => line !== '' && !/^(\*|COMMIT)/.test(line));
describe('the script that turns one rule set into another', () => {
    test('equal sets need none', () => {
        expect(restoreScript(nothing, nothing)).toBe('');
        const rules = set(':MINE - [0:0]\n-A OUTPUT -p tcp --dport 80 -j MINE');
        expect(restoreScript(rules, set(':MINE - [0:0]\n-A OUTPUT -p 6 -m tcp --dport http -j MINE'))).toBe('');
        expect(restoreScript(rules, rules)).toBe('');
    });
    test('a rule on top is inserted, one at the end appended, and nothing else is touched', () => {
        const before = set('-A PREROUTING -p tcp -j ACCEPT');
        const after = set('-A PREROUTING -p tcp --dport 8888 -j RETURN\n-A PREROUTING -p tcp -j ACCEPT\n-A PREROUTING -j RETURN');
        expect(restoreScript(before, after)).toBe('*nat\n-I PREROUTING 1 -p tcp -m tcp --dport 8888 -j RETURN\n-A PREROUTING -j RETURN\nCOMMIT\n');
        expect(commands(after, before)).toEqual([
            '-D PREROUTING -p tcp -m tcp --dport 8888 -j RETURN',
            '-D PREROUTING -j RETURN',
        ]);
    });
    test('a jump that moves to another table is there before it is gone', () => {
        const mangle = ':ISTIO_INBOUND - [0:0]\n-A PREROUTING -p tcp -j ISTIO_INBOUND\n-A OUTPUT -p udp -j ACCEPT';
        const nat = '-A PREROUTING -i eth9 -j RETURN';
        const drop = ':ISTIO_DROP - [0:0]\n-A PREROUTING -m conntrack --ctstate INVALID -j ISTIO_DROP';
        const both = (inMangle, inNat) => parseSave(`*mangle\n${inMangle}\nCOMMIT\n*nat\n${inNat}\nCOMMIT\n`)[0];
        const transparent = both(mangle, nat);
        const redirecting = both(drop, ':ISTIO_INBOUND - [0:0]\n-A PREROUTING -p tcp -j ISTIO_INBOUND');
        const order = (script) => [...script.matchAll(/^\*(\w+)/gm)].map(([, table]) => table);
        expect(order(restoreScript(transparent, redirecting))).toEqual(['nat', 'mangle']);
        expect(order(restoreScript(redirecting, transparent))).toEqual(['mangle', 'nat']);
    });
    test('a policy line never names a built-in chain, which would make the nft back end slow', () => {
        const script = restoreScript(set('-A INPUT -j ACCEPT', 'filter'), set('-P INPUT DROP\n-A INPUT -j ACCEPT', 'filter'));
        expect(script).toBe('*filter\n-P INPUT DROP\nCOMMIT\n');
    });
    test('a new chain is declared and filled before rules lead to it; an old one goes when none does any more', () => {
        const before = set(':OLD - [0:0]\n-A OUTPUT -j OLD\n-A OLD -j RETURN');
        const after = set(':NEW - [0:0]\n-A OUTPUT -j NEW\n-A NEW -j ACCEPT');
        expect(commands(before, after)).toEqual([
            ':NEW - [0:0]',
            '-D OUTPUT -j OLD',
            '-A OUTPUT -j NEW',
            '-A NEW -j ACCEPT',
            '-F OLD',
            '-X OLD',
        ]);
    });
    test('a chain of which nothing stays is declared anew; one that keeps a rule is changed in place', () => {
        const before = set(':MINE - [0:0]\n-A MINE -s 10.0.0.1\n-A MINE -s 10.0.0.2');
        expect(commands(before, set(':MINE - [0:0]\n-A MINE -s 10.0.0.3'))).toEqual([
            ':MINE - [0:0]',
            '-A MINE -s 10.0.0.3/32',
        ]);
        expect(commands(before, set(':MINE - [0:0]\n-A MINE -s 10.0.0.2\n-A MINE -s 10.0.0.3'))).toEqual([
            '-D MINE -s 10.0.0.1/32',
            '-A MINE -s 10.0.0.3/32',
        ]);
    });
    test('of equal rules -D takes the first, so the last one can only go with the others', () => {
        const before = set('-A OUTPUT -s 10.0.0.1\n-A OUTPUT -s 10.0.0.2\n-A OUTPUT -s 10.0.0.1');
        const after = set('-A OUTPUT -s 10.0.0.1\n-A OUTPUT -s 10.0.0.2');
        expect(commands(before, after)).toEqual([
            '-D OUTPUT -s 10.0.0.1/32',
            '-D OUTPUT -s 10.0.0.1/32',
            '-I OUTPUT 1 -s 10.0.0.1/32',
        ]);
    });
    test('ip6tables takes rules for equal that differ in the length of a prefix only', () => {
        const before = set('-A OUTPUT -s fe80::/64\n-A OUTPUT -s fe80::/10', 'nat', 'ipv6');
        expect(commands(before, set('-A OUTPUT -s fe80::/64', 'nat', 'ipv6'))).toEqual([
            '-D OUTPUT -s fe80::/64',
            '-D OUTPUT -s fe80::/10',
            '-A OUTPUT -s fe80::/64',
        ]);
    });
    test('tables that gain rules come first, tables that only lose them last', () => {
        const redirect = set('-A PREROUTING -p tcp -j REDIRECT --to-ports 15006');
        const tproxy = set('-A PREROUTING -p tcp -j TPROXY --on-port 15006', 'mangle');
        const tables = (script) => script.match(/^\*.*/gm) ?? [];
        expect(tables(restoreScript(redirect, tproxy))).toEqual(['*mangle', '*nat']);
        expect(tables(restoreScript(tproxy, redirect))).toEqual(['*nat', '*mangle']);
    });
    test('a table that is gone loses its rules, chains and policies', () => {
        const before = set(':MINE - [0:0]\n-P INPUT DROP\n-A INPUT -j MINE\n-A MINE -j ACCEPT', 'filter');
        expect(commands(before, nothing)).toEqual(['-P INPUT ACCEPT', '-D INPUT -j MINE', '-F MINE', '-X MINE']);
    });
    test('two long lists that have nothing in common take no time', () => {
        const list = (octet) => set(Array.from({ length: 20_000 }, (_, index) => `-A OUTPUT -s 10.${octet}.${index >> 8}.${index & 255}`).join('\n'));
        const before = list(1);
        const after = list(2);
        expect(commands(before, after)).toHaveLength(40_000);
    });
});
