import { describe, expect, test } from 'vitest';
import { InputRefused, parseNft, parseNftJson, printNft, readInput } from '../../src/text/index.ts';
const inChain = (rule) => `table inet t {\n\tchain c {\n\t\t${rule}\n\t}\n}\n`;
const statements = (rule) => parseNft(inChain(rule))[0].chains[0].rules[0].statements;
function refusal(read) {
    try {
        read();
    }
    catch (error) {
        if (error instanceof InputRefused)
            return error.message;
        throw error;
    }
    throw new Error('nothing was refused');
}
describe('a rule that cannot be read is refused with its place and the likely cause', () => {
    test.each([
        ['ip saddr 10.0.0.300 accept', '3:12: "10.0.0.300" stands where an IPv4 address was expected'],
        ['ip6 saddr fe80:::1 accept', '3:13: "fe80:::1" stands where an IPv6 address was expected'],
        ['tcp dport 80-99999 accept', '3:13: "80-99999" stands where a port from 0 to 65535 was expected'],
        ['tcp dport { 80, 81 accept', '3:22: "accept" stands where , or } was expected'],
        ['tcp dprot 80 accept', 'Did you mean tcp dport?'],
        ['ct sate new accept', 'Did you mean ct state?'],
        ['meta skuidd 5', 'Did you mean meta skuid?'],
        ['redirct to :15006', 'Did you mean redirect?'],
        ['tcp dport', '3:12: the line ends where a port from 0 to 65535 was expected'],
        ['counter packets x bytes 4', '3:19: "x" stands where a number of packets was expected'],
        ['limit rate fast accept', 'where a rate (10/second, 5 mbytes/hour) was expected'],
        ['jump', 'the line ends where the name of a chain was expected'],
        ['log prefix "abc', '3:14: this quote is not closed'],
        ['accept comment "a" drop', '"drop" stands where the end of the rule was expected'],
        ['ct expiration soon', 'where a span of time (30s, 1h) was expected'],
    ])('%s', (rule, told) => {
        expect(refusal(() => parseNft(inChain(rule), { source: 'x' }))).toContain(told);
    });
    test('what follows a fault between braces is read', () => {
        const text = inChain('tcp dport vmap { 22x : accept, 23 : drop }\n\t\ttcp dport { 80, 81\n\t\ttcp dport 80 accept');
        expect(refusal(() => parseNft(text, { source: 'x' })).match(/^x:.*$/gm)).toEqual([
            'x:3:20: "22x" stands where a port from 0 to 65535 was expected',
            'x:5:3: "tcp" stands where , or } was expected',
        ]);
    });
    test.each([
        ['define wan = eth0\ntable ip t {\n}\n', 'x:1:1: "define" stands where table was expected'],
        ['add table ip t\n', 'x:1:1: "add" stands where table was expected'],
        [inChain('iifname $wan accept'), 'x:3:11: $wan is a variable of a script'],
        [inChain('tcp dport { $http, 80 } accept'), 'x:3:15: $http is a variable of a script'],
    ])('a script for nft -f is not run: %j', (text, told) => {
        const said = refusal(() => readInput(text, { source: 'x' }));
        expect(said).toContain(told);
        expect(said).toContain('nft -f FILE; nft list ruleset');
    });
    test('all faults of a text are told at once', () => {
        const text = `table ip t {
	set s {
		type ipv4_addr
		elements = { 1.2.3.4.5 }
	}
	chain c {
		type filter hook imput priority 0; policy accept;
	}
	chain d {
		type filter hook input priority filtre; policy accept;
	}
	chain e {
		ip saddr 1.2.3 accept
		tcp dport 99999 drop
	}
}
table ip t {
}
nonsense
`;
        const told = refusal(() => parseNft(text, { source: 'x' }));
        for (const place of ['x:4:16', 'x:7:20', 'x:10:35', 'x:13:12', 'x:14:13', 'x:17:1', 'x:19:1']) {
            expect(told).toContain(`${place}: `);
        }
        expect(told).toContain('Did you mean filter?');
    });
    test('with keepGoing the rest is read, and what is wrong stays in its place', () => {
        const told = [];
        const text = inChain('ip saddr 1.2.3 accept\n\t\ttcp dport 80 drop');
        const [table] = parseNft(text, { keepGoing: true, report: ({ message }) => told.push(message) });
        expect(table.chains[0].rules.map((rule) => rule.statements[0].kind)).toEqual(['opaque', 'match']);
        expect(told).toHaveLength(1);
        expect(printNft([table])).toBe(text);
    });
});
describe('what is not known is kept word for word', () => {
    test.each([
        'tunnel id 5 accept',
        'meta frobnication 7 drop',
        'tcp dport 80 vxlan vni 5 ip saddr { 1.2.3.4, 5.6.7.8 } accept',
        'frobnicate { a : b, c }',
        'reject with icmpv7 port-unreachable',
    ])('%s', (rule) => {
        expect(statements(rule).at(-1)).toMatchObject({ kind: 'opaque' });
        expect(printNft(parseNft(inChain(rule)))).toBe(inChain(rule));
    });
    test('objects, tables of other families, types of sets', () => {
        const text = `table inet t {
	secmark s {
		"system_u:object_r:ssh_server_packet_t:s0"
	}

	set new {
		typeof frobnication of 5
		elements = { 1, 2 }
	}
}
table bridge b {
	chain c {
		type filter hook forward priority filter; policy accept;
		ether saddr 00:11:22:33:44:55 meta obrname "x}" drop
	}
}
`;
        expect(printNft(parseNft(text))).toContain('table bridge b {\n\tchain c {\n\t\ttype filter hook forward');
        expect(printNft(parseNft(printNft(parseNft(text))))).toBe(printNft(parseNft(text)));
        expect(parseNft(text)[0].objects[0]).toMatchObject({ kind: 'opaque', type: 'secmark', name: 's' });
    });
    test('iptables’ matches and targets: nft shows their names only, and the reason says what would show more', () => {
        const because = 'nft does not show what it says; iptables-save does';
        const match = { kind: 'xt', type: 'match', name: 'multiport', because };
        const target = { kind: 'xt', type: 'target', name: 'REDIRECT', because };
        const rule = 'meta l4proto tcp xt match multiport counter packets 5 bytes 6 xt target REDIRECT';
        expect(statements(rule)).toMatchObject([{ kind: 'match' }, match, { kind: 'counter', packets: 5n }, target]);
        expect(statements('xt match "multiport" xt target "REDIRECT"')).toEqual([match, target]);
        expect(statements('# xt_multiport counter packets 0 bytes 0 # xt_REDIRECT # handle 7')).toMatchObject([
            match,
            { kind: 'counter' },
            target,
        ]);
    });
});
describe('JSON', () => {
    const document = (...objects) => `{"nftables":[${objects.join(',\n')}]}`;
    const TABLE = '{"table":{"family":"ip6","name":"t"}}';
    const CHAIN = '{"chain":{"family":"ip6","table":"t","name":"c"}}';
    const rule = (expressions) => document(TABLE, CHAIN, `{"rule":{"family":"ip6","table":"t","chain":"c","expr":[${expressions}]}}`);
    const read = (expressions) => parseNftJson(rule(expressions))[0].chains[0].rules[0].statements;
    test.each([
        [document('{"rule":{"family":"ip","table":"t","chain":"c","expr":[]}}'), 'is not a table that stands before it'],
        [document(TABLE, TABLE), 'there are two of them'],
        [document('{"add":{"table":{"family":"ip","name":"t"}}}'), 'it is a command'],
        [rule('{"match":{"op":"=~","left":{"meta":{"key":"mark"}},"right":1}}'), 'expr[0].match.op is not one of ==, !='],
        [rule('{"match":{"op":"==","right":1}}'), 'match.left is not there'],
        [document('{"table":{"family":"ip","name":"t","flags":"Lester Gooch #5"}}'), 'nft list ruleset does'],
        [rule('{"jump":{}}'), 'jump.target is not there'],
        [document('{"table":{"family":"ipx","name":"t"}}'), 'table.family is not one of ip, ip6, inet'],
        ['{"nftables":[{"table":{"family":"ip"', 'the JSON ends too early'],
    ])('%s', (text, told) => {
        const message = refusal(() => parseNftJson(text, { source: 'x' }));
        expect(message).toContain(told);
        expect(message).toMatch(/^x:\d+:\d+: /);
    });
    test('every object that is wrong is told', () => {
        const wrong = '{"chain":{"family":"ip6","table":"t"}}';
        expect(refusal(() => parseNftJson(document(TABLE, wrong, wrong))).match(/chain.name is not there/g)).toHaveLength(2);
    });
    test('numbers of 64 bits stay exact, also where nft writes them below zero', () => {
        expect(read('{"counter":{"packets":9007199254740993,"bytes":-1}}')).toEqual([
            { kind: 'counter', packets: 9007199254740993n, bytes: 18446744073709551615n },
        ]);
    });
    test('what is not known stays as it is, and can be printed and read again', () => {
        const tables = parseNftJson(rule('{"frob":{"a":1}},{"match":{"op":"==","left":{"quux":{"key":"mark"}},"right":5}},{"accept":null}'));
        expect(tables[0].chains[0].rules[0].statements).toMatchObject([
            { kind: 'opaque', words: '{"frob":{"a":1}}' },
            { kind: 'match', left: { kind: 'opaque', words: '{"quux":{"key":"mark"}}' } },
            { kind: 'accept' },
        ]);
        const again = parseNft(printNft(tables));
        expect(again[0].chains[0].rules[0].statements[0]).toMatchObject({ kind: 'opaque', words: '{"frob":{"a":1}}' });
    });
    test('what newer releases write: types by expression, tunnels, operators with many operands', () => {
        const set = '{"set":{"family":"ip6","table":"t","name":"s","type":{"typeof":{"payload":{"protocol":"tcp","field":"dport"}}}}}';
        expect(parseNftJson(document(TABLE, set))[0].sets[0].key).toMatchObject({ names: ['inet_service'] });
        const tunnel = '{"payload":{"tunnel":"vxlan","protocol":"tcp","field":"dport"}}';
        expect(read(`{"match":{"op":"==","left":${tunnel},"right":1}}`)).toMatchObject([{ left: { kind: 'opaque' } }]);
        const flags = '{"&":[{"payload":{"protocol":"tcp","field":"flags"}},{"|":["fin","syn","ack"]}]}';
        expect(read(`{"match":{"op":"==","left":${flags},"right":"syn"}}`)).toEqual(statements('tcp flags & (fin | syn | ack) == syn'));
    });
    test('a match of ip6tables names ip6tables-save', () => {
        expect(read('{"xt":{"type":"match","name":"rt"}}')).toMatchObject([{ because: /ip6tables-save/ }]);
    });
});
describe('recognised by content', () => {
    const text = `# Warning: table ip nat is managed by iptables-nft, do not touch!\n${inChain('accept')}`;
    test.each([
        ['text', text],
        ['text with Windows line ends', text.replaceAll('\n', '\r\n')],
        ['text after a byte order mark', `\ufeff${text}`],
        ['JSON', '{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"table": {"family": "inet", "name": "t"}}]}'],
    ])('%s', (_, input) => {
        const snapshot = readInput(input, { source: 'x' });
        expect(snapshot).toMatchObject({ origin: 'x', held: [], native: [{ family: 'inet', name: 't' }] });
    });
    test('a file for nft -f that makes room first', () => {
        const conf = `#!/usr/sbin/nft -f\n\nflush ruleset\n\n${inChain('ct state {established,related} accept; iif lo drop')}`;
        expect(readInput(conf).native?.[0]?.chains[0]?.rules).toHaveLength(2);
    });
    test('a family chooses', () => {
        const both = 'table ip a {\n}\ntable ip6 b {\n}\ntable inet c {\n}\n';
        expect(readInput(both, { family: 'ipv6' }).native?.map(({ name }) => name)).toEqual(['b', 'c']);
    });
});
