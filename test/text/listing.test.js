import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { printRule, readInput } from '../../src/text/index.ts';
import { POST, sidestep } from '../support/sidestep.ts';
const post = readFileSync(new URL('../cases/listing/post-2018.txt', import.meta.url), 'utf8');
const verbose = readFileSync(new URL('../cases/listing/post-2018-nv.txt', import.meta.url), 'utf8');
/** A chain of one table, with the lines of its rules. */
const listing = (columns, ...rules) => ['Chain INPUT (policy ACCEPT)', columns, ...rules, ''].join('\n');
const PLAIN = 'target     prot opt source               destination         ';
const VERBOSE = ' pkts bytes target     prot opt in     out     source               destination         ';
/** The rules of the first chain as iptables-save would print them, and what is not known of each. */
function read(text, table) {
    const notes = [];
    const snapshot = readInput(text, {
        source: 'rules.txt',
        note: (note) => notes.push(note),
        ...(table ? { table } : {}),
    });
    const [held] = snapshot.held;
    const rules = held?.rules.tables[0]?.chains[0]?.rules ?? [];
    return {
        snapshot,
        notes,
        rules: rules.map((rule) => printRule(rule, held?.rules.family ?? 'ipv4')),
        unshown: rules.map(({ unshown = [] }) => unshown.map(({ part }) => part)),
    };
}
describe('a listing is recognised by its content', () => {
    test.each([
        ['tcp  --  anywhere             anywhere             TIME from 09:00:00 to 17:00:00 UTC', 'ipv4'],
        ['tcp  --  anywhere             anywhere             MAC 00:11:22:33:44:55', 'ipv4'],
        ['tcp  --  0.0.0.0/0            0.0.0.0/0            TIME from 09:00:00 to 17:00:00 UTC', 'ipv4'],
        ['tcp      anywhere             !2001:db8::/32       TIME from 09:00:00 to 17:00:00 UTC', 'ipv6'],
        ['tcp      ::/0                 ::/0                 ', 'ipv6'],
        ['tcp      ::1                  2001:db8:0:0:0:0:0:9/128 ', 'ipv6'],
    ])('by its addresses: %s', (rest, family) => {
        expect(read(listing(PLAIN, `ACCEPT     ${rest}`)).snapshot.held[0]?.rules.family).toBe(family);
    });
    test('the post’s, of one table that its chains tell', () => {
        const { snapshot } = read(post);
        expect(snapshot.held[0]?.rules.tables.map(({ name }) => name)).toEqual(['nat']);
    });
    test.for([
        ['Windows line ends', (text) => text.replace(/\n/g, '\r\n')],
        ['tabs, as a mail leaves them', (text) => text.replace(/ {2,}/g, '\t')],
        ['indented', (text) => text.replace(/^/gm, '    ')],
        ['quoted in a mail', (text) => text.replace(/^/gm, '> ')],
        ['with the command before it', (text) => `root@web-0:/# iptables -t nat -L -n -v\n${text}root@web-0:/# \n`],
        ['with the command of another prompt', (text) => `$ sudo iptables -L -t nat -nv\n${text}`],
        ['line numbers', (text) => text.replace(/^ pkts/gm, 'num   pkts').replace(/^ +\d/gm, (from) => `1   ${from}`)],
    ])('%s', ([, change]) => {
        const whole = read(verbose).snapshot.held[0]?.rules;
        const changed = read(change(verbose)).snapshot.held[0]?.rules;
        const plain = (rules) => JSON.parse(JSON.stringify(rules, without));
        expect(plain(changed)).toEqual(plain(whole));
    });
    const without = (key, value) => key === 'line' ? undefined : typeof value === 'bigint' ? String(value) : value;
    test('several tables, one after the other, of both families', () => {
        const text = [
            '$ iptables -t nat -L -n',
            ...['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'].map((chain) => `Chain ${chain} (policy ACCEPT)\n${PLAIN}\n`),
            '$ ip6tables-legacy -L -n',
            ...['INPUT', 'FORWARD', 'OUTPUT'].map((chain) => `Chain ${chain} (policy DROP)\n${PLAIN}\n`),
        ].join('\n');
        const { held } = read(text).snapshot;
        expect(held.map(({ backend, rules: { family, tables } }) => [backend, family, tables.map(({ name }) => name)])).toEqual([
            ['nft', 'ipv4', ['nat']],
            ['legacy', 'ipv6', ['filter']],
        ]);
        expect(held[1]?.rules.tables[0]?.chains.map(({ policy }) => policy)).toEqual(['DROP', 'DROP', 'DROP']);
    });
    test('a chain alone: its table is the flag’s, or what its targets tell, and the other chains are not known', () => {
        const text = listing(PLAIN, 'REDIRECT   tcp  --  anywhere             anywhere             redir ports 15001').replace('INPUT', 'OUTPUT');
        const { snapshot } = read(text);
        expect(snapshot.held[0]?.rules.tables[0]?.name).toBe('nat');
        expect(snapshot.held[0]?.rules.tables[0]?.chains.find(({ name }) => name === 'PREROUTING')?.rules).toHaveLength(1);
    });
});
describe('a rule is read by its columns', () => {
    test.for([
        ['ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:ssh', '-p tcp -m tcp --dport 22 -j ACCEPT'],
        ['           tcp  --  anywhere             anywhere', '-p tcp'],
        [
            'ACCEPT     6    --  10.0.0.0/8           0.0.0.0/0            tcp dpts:1024:65535 flags:0x17/0x02',
            '-s 10.0.0.0/8 -p tcp -m tcp --dport 1024:65535 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT',
        ],
        ['DROP      !udp  -f  anywhere            !localhost           ', '! -d 127.0.0.1/32 ! -p udp -f -j DROP'],
        [
            'ACCEPT     all  --  anywhere             anywhere             ctstate RELATED,ESTABLISHED /* a b */',
            '-m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "a b" -j ACCEPT',
        ],
        [
            'REJECT     icmp --  anywhere             anywhere             icmp echo-request reject-with icmp-port-unreachable',
            '-p icmp -m icmp --icmp-type 8 -j REJECT --reject-with icmp-port-unreachable',
        ],
        [
            'LOG        all  --  anywhere             anywhere             limit: avg 3/hour burst 5 LOG level warn prefix "a "b" "',
            '-m limit --limit 3/hour -j LOG --log-prefix "a \\"b\\" "',
        ],
        [
            'ACCEPT     all  --  anywhere             anywhere             policy match dir in pol ipsec ! proto esp ! ctstate NEW',
            '-m policy --dir in --pol ipsec ! --proto esp -m conntrack ! --ctstate NEW -j ACCEPT',
        ],
        [
            'ACCEPT     all  --  anywhere             anywhere             match-set a-set-with-a-name-of-29-bytes- src return-nomatch match-set b dst',
            '-m set --match-set a-set-with-a-name-of-29-bytes- src --return-nomatch -m set --match-set b dst -j ACCEPT',
        ],
        [
            'WEB        tcp  --  anywhere             anywhere            [goto]  multiport dports  !80,443',
            '-p tcp -m multiport ! --dports 80,443 -g WEB',
        ],
    ])('%s', ([line, rule]) => {
        const text = `${listing(PLAIN, line)}\nChain WEB (1 references)\n${PLAIN}\n`;
        expect(read(text, 'filter').rules).toEqual([rule]);
    });
    test('IPv6, whose column opt was empty up to 1.8.8', () => {
        const text = listing(PLAIN, 'ACCEPT     tcp      anywhere             fd00::/8             tcp dpt:http', '           all      ::/0                 ::/0');
        const { snapshot, rules } = read(text, 'filter');
        expect(snapshot.held[0]?.rules.family).toBe('ipv6');
        expect(rules).toEqual(['-d fd00::/8 -p tcp -m tcp --dport 80 -j ACCEPT', '']);
    });
    test('counters that are rounded are read as far as they go', () => {
        const { snapshot } = read(listing(VERBOSE, '  12K 3456M ACCEPT     all  --  lo     *       0.0.0.0/0            0.0.0.0/0'));
        const rule = snapshot.held[0]?.rules.tables[0]?.chains[0]?.rules[0];
        expect(rule?.counters).toEqual({ packets: 12000n, bytes: 3456000000n });
        expect(rule?.unshown).toBeUndefined();
    });
});
describe('what is not shown is not known', () => {
    test('interfaces without -v', () => {
        expect(read(post).unshown[0]).toEqual(['-i, -o']);
        expect(read(verbose).unshown[0]).toEqual([]);
    });
    test.for([
        ['the address behind a name', 'ACCEPT     all  --  web.example          anywhere', '-s'],
        [
            'the port behind a name',
            'ACCEPT     tcp  --  anywhere             anywhere             tcp dpt:my-own-service',
            'tcp',
        ],
        [
            'an unknown match, and what looks like one behind it',
            'ACCEPT     tcp  --  anywhere             anywhere             FOO match  "x tcp dpt:80" bar',
            'FOO match  "x tcp dpt:80" bar',
        ],
        [
            'a comment that ends twice',
            'ACCEPT     tcp  --  anywhere             anywhere             /* a */ tcp dpt:80 /* b */',
            '/* a */ tcp dpt:80 /* b */',
        ],
    ])('%s', ([, line, part]) => {
        expect(read(listing(PLAIN, line), 'filter').unshown).toEqual([expect.arrayContaining([part])]);
    });
    test('trace tells both ends, and the interface as the reason', () => {
        const { stdout } = sidestep(['trace', 'out tcp > 127.0.0.1:80 uid 1337', '--from', '-'], { input: post });
        expect(stdout).toContain('UNKNOWN');
        expect(stdout.replace(/\s+/g, ' ')).toContain('the listing does not show interfaces: iptables -L -v shows them');
        const out = sidestep(['trace', 'out tcp > 10.0.0.5:80 uid 1337', '--from', '-'], { input: post }).stdout;
        expect(out).toMatch(/possible +the proxy on :15001/);
        expect(out).toMatch(/possible +sent by eth0/);
    });
    test.for([
        ['quota: 16 bytes', /whether a quota is negated/],
        ['limit: up to 5/sec burst 5 mode srcip', /the table of a hashlimit match/],
        ['OS fingerprint match Linux', /the --ttl of an osf match/],
        ['cgroup 5', /a class of net_cls .* from a path/],
        ['STRING match  "|0d0a|" ALGO name bm', /the bytes of "\|0d0a\|" from a text/],
        ['helper match "a" STRING match  "b" ALGO name bm', /the text after helper match " may end at several places/],
        ['match-set a src match-set b dst', /the text after match-set may end at several places/],
        [
            'recent: SET name: a side: source mask: 255.255.255.255 recent: UPDATE name: b side: source mask: 255.255.255.255',
            /the text after recent: SET name: may end at several places/,
        ],
        ['OS fingerprint match Linux tcp dpt:80', /the text after OS fingerprint match may end at several places/],
        ['/* a */ tcp dpt:80 /* b */', /the text after \/\* may end at several places/],
        ['ctstate UNTRACKED ctorigdst 10.0.0.1', /one conntrack match .* or two/],
        ['tcp dpt:my-own-service', /"tcp dpt:my-own-service" asks for: iptables -L -n shows numbers/],
    ])('%s: the reason is the true one', ([words, because]) => {
        const line = `ACCEPT     tcp  --  0.0.0.0/0            0.0.0.0/0            ${words}`;
        const { snapshot } = read(listing(PLAIN, line), 'filter');
        const reasons = snapshot.unread?.map((one) => one.because) ?? [];
        expect(reasons.filter((reason) => because.test(reason))).toHaveLength(1);
    });
    test('the chains that a listing leaves out are no rules of it', () => {
        const { snapshot } = read(listing(VERBOSE, '    0     0 ACCEPT     all  --  *  *  0.0.0.0/0  0.0.0.0/0  quota: 16 bytes'));
        expect(snapshot.unread?.map(({ what }) => what)).toEqual([
            'all that the rule in line 3 asks for',
            'the chains FORWARD and OUTPUT of filter',
            'the tables raw, mangle, nat and security',
        ]);
    });
    test('a chain that is not listed, where not all chains are', () => {
        const rules = [
            'WEB        6    --  0.0.0.0/0            0.0.0.0/0            tcp dpt:80',
            'WEB        17   --  0.0.0.0/0            0.0.0.0/0',
        ];
        const { snapshot } = read(listing(PLAIN, ...rules), 'filter');
        expect(snapshot.unread?.map(({ what, because }) => `${what}: ${because}`)).toContain('what 2 rules do, the first in line 3: the listing does not show the chain WEB');
        const [rule] = snapshot.held[0]?.rules.tables[0]?.chains[0]?.rules ?? [];
        expect(rule?.target).toMatchObject({ kind: 'opaque', name: 'WEB', words: [] });
    });
    test('what a target does, where its words are not those of any that Sidestep reads', () => {
        const line = 'REJECT     6    --  0.0.0.0/0            0.0.0.0/0            reject-with something-new';
        const { snapshot } = read(listing(PLAIN, line), 'filter');
        const reasons = snapshot.unread?.map(({ what, because }) => `${what}: ${because}`) ?? [];
        expect(reasons.find((one) => one.startsWith('what the rule in line 3 does: '))).toContain('what REJECT does here');
    });
    test('list says once what is missing, and the command that shows it', () => {
        const { stdout } = sidestep(['list', '--from', '-'], { input: post });
        expect(stdout.match(/not shown: the interfaces/g)).toHaveLength(1);
        expect(stdout).toContain('iptables -t nat -L -n -v shows them');
        expect(stdout).toContain('not read: the tables raw, mangle, filter and security');
    });
    test('with -n and -v the post’s rules are those of iptables-save', () => {
        const trace = (path) => sidestep(['trace', 'out tcp > 10.0.0.5:80 uid 1337', '--from', path]).stdout.replace(/\(assumed[^)]*\)+/s, '');
        const listed = sidestep(['trace', 'out tcp > 10.0.0.5:80 uid 1337', '--from', '-'], { input: verbose }).stdout;
        expect(listed.split('\n\n')[1]).toBe(trace(POST).split('\n\n')[1]);
    });
    test('a bpf match, which iptables 1.8.9 ends in a zero byte and begins without a blank', () => {
        const line = 'ACCEPT     6    --  0.0.0.0/0            0.0.0.0/0            /* a */match bpf 48 0 0 9,6 0 0 0\0 tcp dpt:80';
        const { status, stdout } = sidestep(['list', '--from', '-', '-o', 'json'], { input: listing(PLAIN, line) });
        expect(status).toBe(0);
        expect(stdout).toContain('-m comment --comment a -m bpf --bytecode \\"2,48 0 0 9,6 0 0 0\\" -m tcp --dport 80');
        const { stderr } = sidestep(['list', '--from', '-'], { input: listing(PLAIN, line.replace(',6 0', ',x')) });
        expect(stderr).toContain('is not text: byte');
    });
    test('no saved text and no snapshot is made of it', () => {
        for (const command of [['list', '-o', 'save'], ['snapshot']]) {
            const { status, stderr, stdout } = sidestep([...command, '--from', '-'], { input: post });
            expect([status, stdout]).toEqual([2, '']);
            expect(stderr).toContain('give the output of iptables-save');
        }
    });
});
describe('the back end is told, or said not to be', () => {
    const chain = listing(PLAIN);
    const LEGACY = '# Warning: iptables-legacy tables present, use iptables-legacy to see them';
    test.for([
        [chain, 'nft', true],
        [`$ iptables -L\n${chain}`, 'nft', true],
        [`$ iptables-nft -L\n${chain}`, 'nft', false],
        [`# iptables-legacy -L\n${chain}`, 'legacy', false],
        [`${LEGACY}\n${chain}`, 'nft', false],
    ])('%s', ([text, backend, untold]) => {
        const [held] = read(text).snapshot.held;
        expect([held?.backend, held?.untold === true]).toEqual([backend, untold]);
    });
    test('list says so', () => {
        expect(sidestep(['list', '--from', '-'], { input: post }).stdout).toContain('iptables-nft or iptables-legacy, which is');
        expect(sidestep(['list', '--from', '-'], { input: `$ iptables-legacy -L -t nat\n${post}` }).stdout).toContain('iptables-legacy  ·');
    });
});
describe('what -Z, -vv and a number add or leave out', () => {
    test('-L -v -Z: the chains that are set to zero are no rules', () => {
        const text = `${listing(VERBOSE, '    7   420 ACCEPT     6    --  *      *       0.0.0.0/0            0.0.0.0/0')}Zeroing chain \`INPUT'\n`;
        expect(read(text).rules).toEqual(['-p tcp -j ACCEPT']);
    });
    const DUMPS = [
        'ip filter INPUT 4 3\n  [ meta load l4proto => reg 1 ]\n  [ cmp eq reg 1 0x00000006 ]\n  [ immediate reg 0 drop ]\n\n',
        "libiptc vlibxtables.so.12. 1464 bytes.\nTable `filter'\nHooks: pre/in/fwd/out/post = ffffffff/0/1f8/290/ffffffff\nEntry 0 (0):\n",
    ];
    test.each(DUMPS)('-vv is told once: %s', (dump) => {
        const rule = 'ACCEPT     6    --  0.0.0.0/0            0.0.0.0/0';
        for (const text of [`${dump}${listing(PLAIN, rule)}`, `${listing(PLAIN, rule)}\n${dump}`]) {
            const said = refusal(text);
            expect(said.match(/rules.txt:\d+:\d+/g)).toHaveLength(1);
            expect(said).toContain('what a second -v adds');
            expect(said).toContain('iptables -L -n -v');
        }
    });
    test.each([
        'DROP       udp  --  10.0.0.1             anywhere            ',
        '$ iptables -L INPUT 2\nDROP       udp  --  10.0.0.1             anywhere            ',
        '    0     0 FOO        tcp  --  eth0   any     anywhere             anywhere             tcp dpt:http',
        '1        0     0 FOO        6    --  eth0   *       0.0.0.0/0            0.0.0.0/0            tcp dpt:80',
        '           all  --  anywhere             localhost           ',
        'ACCEPT     6    --  fd00::/8             !2001:db8::/32      ',
    ])('a rule alone: %s', (text) => {
        expect(refusal(`${text}\n`)).toContain('a rule without its chain');
        expect(refusal(`${text}\n`)).toContain('iptables -S CHAIN NUMBER');
    });
    const refusal = (text) => {
        try {
            read(text);
        }
        catch (error) {
            return String(error);
        }
        return '';
    };
});
describe('what does not fit is told with its place', () => {
    test.for([
        [listing(PLAIN, 'ACCEPT'), 'rules.txt:3:1: this line is no rule as iptables -L prints them'],
        [listing(VERBOSE, 'ACCEPT     tcp  --  anywhere             anywhere'), 'rules.txt:3:1: this line is no rule'],
        [`Hello there\n${listing(PLAIN)}`, 'rules.txt:1:1: this line is no part of a listing'],
        [`$ iptables -L\n${listing(PLAIN)}$ iptables -L\n${listing(PLAIN)}`, 'the table filter stands here a second time'],
    ])('%s', ([text, message]) => {
        expect(() => read(text)).toThrow(message);
    });
});
test('a text of blank lines is looked through once', () => {
    // Looked at again from each of its lines, it would take an hour.
    expect(() => readInput(`${'   \n'.repeat(400_000)}Chain INPUT\n`)).toThrow('no part of a saved rule set');
});
