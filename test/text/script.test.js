import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputRefused, parseSave, printSave, readInput, readScript } from '../../src/text/index.ts';
/** The IPv4 rules of one table that a script leaves, without chain lines; and what was said beside. */
function left(text, table = 'filter') {
    const notes = [];
    const { held } = readScript(text, { source: 'rules.sh', note: (note) => notes.push(note) });
    const rules = held.find((one) => one.rules.family === 'ipv4')?.rules;
    const lines = rules ? printSave(rules, { table }).match(/^-A .*/gm) : null;
    return { rules: lines ?? [], notes };
}
const refusal = (text) => {
    try {
        readScript(text, { source: 'rules.sh' });
    }
    catch (error) {
        if (error instanceof InputRefused)
            return error.message;
        throw error;
    }
    return 'read';
};
describe('a shell script is recognised by its commands', () => {
    const folder = new URL('../cases/script/', import.meta.url);
    test.for(readdirSync(folder))('%s', (name) => {
        const text = readFileSync(new URL(name, folder), 'utf8');
        expect(printSave(readInput(text).held[0].rules)).toBe(printSave(readScript(text).held[0].rules));
    });
    test('but a saved rule set stays one, whatever its comments say', () => {
        const text = '# iptables -F\n*filter\n-A INPUT -m comment --comment "\niptables -A x"\nCOMMIT\n';
        expect(() => readInput(text)).toThrow(':4:');
        expect(readInput('# iptables -A INPUT\n*nat\nCOMMIT\n').held[0].rules.tables[0].name).toBe('nat');
    });
});
test.for([
    'X=1.1.1.1; iptables -A INPUT -s $X -j DROP',
    'time iptables -A INPUT -j DROP',
    'for p in 6 17; do iptables -A INPUT -p $p; done',
    'f() { iptables -A INPUT -j DROP; }\nf',
    'true && iptables -A INPUT -j DROP',
    'IPT=/sbin/iptables\n$IPT -A INPUT -j DROP',
    'export IPT="/usr/sbin/iptables-nft" # the tool\n"$IPT" -A INPUT -j DROP',
    'for ipt in iptables ip6tables; do $ipt -A INPUT -j DROP; done',
])('a script need not begin with its command: %s', (script) => {
    expect(printSave(readInput(script).held[0].rules)).toContain('-A INPUT');
});
describe('what a script leaves', () => {
    test.for([
        [
            'loops over literal words',
            'for p in 1 "2" 3; do iptables -A INPUT -p tcp --dport $p; done',
            ['-A INPUT -p tcp -m tcp --dport 1', '-A INPUT -p tcp -m tcp --dport 2', '-A INPUT -p tcp -m tcp --dport 3'],
        ],
        [
            'variables in their place',
            'A="-s 10.0.0.1"; B="x y"; iptables -A INPUT $A -m comment --comment "$B"',
            ['-A INPUT -s 10.0.0.1/32 -m comment --comment "x y"'],
        ],
        [
            'functions and their arguments',
            'f() { iptables -A "$1" -s $2; }\nf INPUT 10.0.0.1\nf OUTPUT 10.0.0.2',
            ['-A INPUT -s 10.0.0.1/32', '-A OUTPUT -s 10.0.0.2/32'],
        ],
        [
            'an else of what is known',
            'if iptables -C INPUT -j DROP; then :; else iptables -A INPUT -j DROP; fi',
            ['-A INPUT -j DROP'],
        ],
        [
            'programs that are looked for, and defaults',
            `A=$(which iptables)\nB="\`command -v iptables\`"\n$A -A INPUT -i $\{LAN:-eth1}\n"$B" -A INPUT -i $\{B:-x}0`,
            ['-A INPUT -i eth1', '-A INPUT -i iptables0'],
        ],
        [
            'comparisons of what is known',
            'A=yes; N=2\n[ "$A" = yes ] && iptables -A INPUT -p tcp\nif [ $N -gt 3 ]; then iptables -F; elif test -n "$A"; then iptables -A INPUT -p udp; fi\n[ -z "$A" ] || iptables -A INPUT -p 47\n[[ $A != no ]] && iptables -A INPUT -p 50',
            ['-A INPUT -p tcp', '-A INPUT -p udp', '-A INPUT -p gre', '-A INPUT -p esp'],
        ],
        [
            'the way out of functions and loops',
            'f() { [ "$1" = 1 ] && return; iptables -A INPUT -p $1; }\nfor x in 1 6 17 47 50; do [ $x = 17 ] && continue; [ $x = 50 ] && break; f $x; done\niptables -A INPUT -j DROP',
            ['-A INPUT -p tcp', '-A INPUT -p gre', '-A INPUT -j DROP'],
        ],
        ['nothing after exit', 'iptables -A INPUT -j DROP\nexit\niptables -F', ['-A INPUT -j DROP']],
        ['nothing of a text', 'cat <<-"E" >x\n\tiptables -F\n\tE\niptables -A INPUT -j DROP', ['-A INPUT -j DROP']],
        ['nothing of another namespace', 'ip netns exec x iptables -F\niptables -A INPUT -j DROP', ['-A INPUT -j DROP']],
        ['what || saves', 'iptables -A NONE -j DROP || iptables -A INPUT -j DROP', ['-A INPUT -j DROP']],
        ['commands that Windows ended', 'iptables -A INPUT \\\r\n -j DROP\r\n', ['-A INPUT -j DROP']],
    ])('%s', ([, script, rules]) => {
        expect(left(script).rules).toEqual(rules);
    });
    test('commands that are passed over are told, and what fails', () => {
        const { notes } = left('modprobe ip_tables\nfoo\nfoo\niptables -X NONE\niptables -D INPUT 3 || true\n[ -x /bin/y ] || exit 1\niptables -A INPUT -j DROP');
        expect(notes).toEqual([
            'not looked at: modprobe (line 1), foo (lines 2, 3), [ (line 6)',
            'line 4 fails and changes nothing: there is no chain NONE in filter',
            'line 5 fails and changes nothing: there is no rule 3 in INPUT',
            'line 6: the script is taken to go on there',
        ]);
    });
    test('set -e ends it at the first failure that nobody looks at', () => {
        const script = 'set -eu\niptables -X A || true\niptables -A INPUT -j DROP\niptables -X B\niptables -F';
        expect(left(script).rules).toEqual(['-A INPUT -j DROP']);
        expect(left(script).notes.at(-1)).toBe('line 4: a command fails there, and set -e ends the script');
    });
});
describe('what only a shell could tell is refused, with its place', () => {
    test.for([
        ['iptables -A INPUT -i $IF -j DROP', '1:22', 'what this word is, only the shell knows'],
        ['iptables -A INPUT -s $(hostname -i) -j DROP', '1:22', 'what this word is, only the shell knows'],
        ['$IPT -A INPUT -j DROP', '1:1', 'what this word is, only the shell knows'],
        ['\nwhile read x; do iptables -A INPUT -s $x; done', '2:1', 'this stands in a while, whose way is not known'],
        ['case $1 in\n start) iptables -F;;\nesac', '1:1', 'this stands in a case, whose way is not known'],
        ['if [ -f x ]; then iptables -F; fi', '1:1', 'this stands in an if, whose condition is not known'],
        ['for x in $LIST; do iptables -A INPUT -s $x; done', '1:1', 'this loop goes over words that are not known'],
        ['grep -q x y && iptables -F', '1:16', 'whether this runs depends on a command that is not looked at'],
        ['iptables-restore < rules', '1:1', 'this loads rules that do not stand here'],
        ['iptables-restore <<E\n*filter\n-A INPUT -s $X\nCOMMIT\nE', '1:1', 'this loads a text with variables in it'],
        ['iptables-restore <<E\n*filter\n-A INPUT -s x\nCOMMIT\nE', '3:13', 'x is not an address'],
        ['iptables-restore <<E\n-A INPUT -s x\nCOMMIT\nE', '2:1', 'a line outside any table'],
        ['iptables -A INPUT \\\n  -p tcp --dport 99999', '2:18', '99999 is not what --dport takes'],
        ['iptables -A INPUT -m comment --comment "a b" --dport 5', '1:46', 'unknown option --dport'],
        ['iptables -A INPT -j DROP', '1:13', 'there is no chain INPT in filter'],
        ['iptables -A INPUT -j WEB', '1:22', 'WEB is no target, and no chain of filter'],
        [
            'iptables -N A; iptables -A INPUT -j A -p 6; iptables -F INPUT; iptables -X A; iptables -A INPUT -j A -p 6',
            '1:100',
            'A is no target, and no chain of filter',
        ],
        ['iptables -t filtre -F', '1:13', 'there is no such table'],
        ['iptables -A INPUT -F', '1:19', '-F beside -A'],
        ['iptables', '1:1', 'this call asks for nothing'],
        ['iptables -t nat -P PREROUTING DROP', '1:31', 'DROP cannot be a policy in nat'],
        [
            'iptables -N A; iptables -A A -m owner --uid-owner 1; iptables -A INPUT -j A',
            '1:33',
            'owner cannot stand in A, to which INPUT leads',
        ],
        ['iptables -N A; iptables -A A -j A; iptables -A INPUT -j A', '1:1', 'a rule of A leads in a circle'],
        ['iptables -A INPUT -j DROP "', '1:27', 'a quote that is not closed'],
        ['if true; then iptables -F', '1:1', 'fi is missing at the end'],
        [
            'iptables -N A; iptables -A INPUT -j A; iptables -F; iptables -X; iptables -A INPUT -j A',
            '1:87',
            'A is no target, and no chain of filter',
        ],
        ['f() { f; iptables -F; }; f', '1:7', 'functions that call each other without end'],
    ])('%s', ([script, place, message]) => {
        expect(refusal(script).split('\n')[0]).toBe(`rules.sh:${place}: ${message}`);
    });
    test('with keepGoing its place among the rules is kept, and nothing is known of it', () => {
        const text = 'iptables -A INPUT -j ACCEPT\niptables -A INPUT -i $IF -j DROP\nwhile read x; do iptables -F OUTPUT; done';
        expect(kept(text)).toEqual(['INPUT: -j ACCEPT', 'INPUT: ?']);
    });
});
/** The rules of filter that are left with keepGoing; a question mark for one of which nothing is known. */
const kept = (text) => {
    const { held } = readScript(text, { keepGoing: true });
    const rules = held.find((one) => one.rules.family === 'ipv4')?.rules;
    const filter = rules?.tables.find(({ name }) => name === 'filter');
    return (filter?.chains ?? []).flatMap(({ name, policy, rules: own }) => [
        ...(policy === 'DROP' ? [`${name}: DROP`] : []),
        ...own
            .map((rule) => rule.target?.kind === 'opaque'
            ? `${name}: ?`
            : printSave({ family: 'ipv4', tables: [{ name: 'filter', chains: [{ name, rules: [rule] }] }] }).match(/^-A \S+ (.*)/m)?.[1])
            .map((line) => (line?.startsWith(name) ? line : `${name}: ${line}`)),
    ]);
};
describe('what may have been done or not makes unknown what it is about, with keepGoing', () => {
    const drop = 'iptables -A INPUT -j DROP\n';
    test.for([
        [
            'a policy',
            'iptables -P INPUT DROP\nif [ -f /etc/x ]; then iptables -P INPUT ACCEPT; fi',
            ['INPUT: DROP', 'INPUT: ?'],
        ],
        ['and a later one', 'if [ -f x ]; then iptables -P INPUT ACCEPT; fi\niptables -P INPUT DROP', ['INPUT: DROP']],
        ['a flush', `${drop}[ -f x ] && iptables -F`, ['INPUT: ?', 'INPUT: -j DROP']],
        [
            'and what comes after',
            `${drop}[ -f x ] && iptables -F\niptables -F; iptables -A INPUT -p tcp`,
            ['INPUT: -p tcp'],
        ],
        ['a rule that goes', `${drop}[ -f x ] && iptables -D INPUT 1`, ['INPUT: ?']],
        ['a rule that comes first', `${drop}[ -f x ] && iptables -I INPUT -j ACCEPT`, ['INPUT: ?', 'INPUT: -j DROP']],
        ['another rule', `${drop}[ -f x ] && iptables -R INPUT 1 -j ACCEPT`, ['INPUT: ?']],
        [
            'positions after it',
            `[ -f x ] && iptables -I INPUT -p tcp\n${drop}iptables -D INPUT 1`,
            ['INPUT: ?', 'INPUT: -j DROP'],
        ],
        ['a chain', `[ -f x ] && iptables -N A\niptables -A INPUT -j A\niptables -F A`, ['INPUT: -j A', 'A: ?']],
        [
            'a command behind an item of an array',
            `#!/bin/bash\n${drop}[ -f x ] && a[1]=x iptables -A INPUT -j ACCEPT`,
            ['INPUT: -j DROP', 'INPUT: ?'],
        ],
        ['a function', `f() { iptables -F; }\n${drop}[ -f x ] && f`, ['INPUT: ?', 'INPUT: -j DROP']],
        [
            'a function in an array’s loop',
            `f() { iptables -A $1 -j DROP; }\nfor c in "$\{A[@]}"; do f $c; done`,
            ['INPUT: ?', 'FORWARD: ?', 'OUTPUT: ?'],
        ],
        ['a function in a while', 'f() { iptables -A INPUT -s $1; }\nwhile read x; do f $x; done <list', ['INPUT: ?']],
        [
            'a function in a case',
            `f() { "$@"; }\n${drop}case $1 in stop) f iptables -F;; esac`,
            ['INPUT: ?', 'INPUT: -j DROP'],
        ],
        [
            'a function that may be another',
            `f() { :; }\n[ -f x ] && f() { iptables -F; }\n${drop}f`,
            ['INPUT: ?', 'INPUT: -j DROP'],
        ],
        [
            'a function within itself',
            `f() { [ -f x ] && f; iptables -F; }\n${drop}[ -f x ] && f`,
            ['INPUT: ?', 'INPUT: -j DROP', 'INPUT: ?', 'FORWARD: ?', 'FORWARD: ?', 'OUTPUT: ?', 'OUTPUT: ?'],
        ],
        [
            'a file of rules',
            `${drop}iptables-restore <rules`,
            ['INPUT: ?', 'INPUT: -j DROP', 'INPUT: ?', 'FORWARD: ?', 'FORWARD: ?', 'OUTPUT: ?', 'OUTPUT: ?'],
        ],
    ])('%s', ([, script, rules]) => {
        expect(kept(script)).toEqual(rules);
    });
    test.for([
        'read x',
        'read -r a x',
        'eval "$1"',
        '. /etc/conf',
        'source conf',
        'x=$(cat x)',
        'export x=$(cat x)',
        'mapfile x',
        'getopts ab x',
        'printf -v x %d 5',
        'let x=y',
        '((x=y))',
        'x[1]=5',
        '[ -f f ] && x=1',
        '[ -f f ] || local x',
        'f() { x=5; }; [ -f f ] && f',
        'f() { x=5; }; [ -f f ] && f() { :; }; f',
        'for x in *; do :; done',
        `: $\{x:=$1} $\{x/$1}; x=$1`,
        'declare -n y=x; y=2',
        'x+=$1',
        'while read y; do x=$y; done',
        'case $1 in a) x=1;; esac',
        'wait -p x',
        'y=$((x++))',
        '((++x))',
        'x=(a); x=1.1.1.1',
    ])('a variable after %s', (command) => {
        expect(refusal(`x=1.1.1.1\n${command}\niptables -A INPUT -s $x`)).toContain('only the shell knows');
    });
});
describe('commands that change rules out of sight are no empty rule set', () => {
    test.for([
        'nft add rule ip filter INPUT drop',
        'nft -f rules',
        'sh -c "iptables -F"',
        "bash -c '/sbin/iptables -P INPUT DROP'",
        'echo 1.1.1.1 | xargs iptables -A INPUT -s',
        'eval "iptables -F"',
        'trap "iptables -F" EXIT',
        'alias ipt=iptables',
        'echo "iptables -F" | sh',
        'sh <<E\niptables -F\nE',
        'su -c "iptables -A INPUT -j DROP"',
        'find . -exec iptables -F {} +',
        'chroot / iptables -F',
    ])('%s', (command) => {
        expect(refusal(`#!/bin/sh\n${command}`)).toMatch(/^rules.sh:2:\d+: this (may change rules|runs commands)/);
        const { held } = readScript(`#!/bin/sh\n${command}`, { keepGoing: true });
        for (const { rules } of held) {
            const input = rules.tables.find(({ name }) => name === 'filter')?.chains.find(({ name }) => name === 'INPUT');
            expect(input?.rules[0]?.target?.kind).toBe('opaque');
        }
        expect(held.length).toBe(2);
    });
    test('but not those that only ask, or work elsewhere', () => {
        const script = '#!/bin/sh\nnft list ruleset\nip netns exec x iptables -F\necho iptables -F\nssh a "iptables -F"\nwhich iptables';
        expect(refusal(script)).toBe('read');
    });
    test('sets are those that ipset was asked for', () => {
        const sets = (text) => [...(readScript(`${text}\niptables -F`).sets?.values() ?? [])].map(({ name, entries, unread }) => [
            name,
            entries.length,
            unread !== undefined,
        ]);
        const made = 'ipset -exist create a hash:ip; ipset add a 1.1.1.1; ipset -A a 2.2.2.2';
        expect(sets(made)).toEqual([['a', 2, false]]);
        expect(sets(`${made}; ipset flush a`)).toEqual([['a', 0, false]]);
        expect(sets(`${made}; ipset del a 1.1.1.1`)).toEqual([['a', 2, true]]);
        expect(sets(`${made}; [ -f x ] && ipset flush`)).toEqual([['a', 2, true]]);
        expect(sets(`${made}; [ -f x ] && /sbin/ipset flush a`)).toEqual([['a', 2, true]]);
        expect(sets(`${made}; [ -f x ] && /opt/listipset flush a`)).toEqual([['a', 2, false]]);
        expect(sets(`${made}; ipset add a $IP`)).toEqual([['a', 2, true]]);
        expect(sets(`${made}; ipset restore <file`)).toEqual([]);
        expect(sets('ipset restore <<E\ncreate a hash:ip\nadd a 1.1.1.1\nE')).toEqual([['a', 1, false]]);
    });
});
describe('bounds', () => {
    test.for([
        ['a value that doubles', `a=xx\n${'a=$a$a$a\n'.repeat(60)}`],
        ['parameters that double', `f() { set -- "$@" "$@"; }\nset -- a b\n${'set -- "$@" "$@"\n'.repeat(60)}`],
        ['an array that doubles', `A=(a b)\n${`A=("$\{A[@]}" "$\{A[@]}")\n`.repeat(60)}`],
        ['brackets', '('.repeat(50_000)],
        ['braces', `echo ${'{a,b}'.repeat(2000)} ${'{'.repeat(50_000)}`],
        ['values in values', `echo ${'${a:-'.repeat(20_000)}`],
        ['commands in commands', `x=${'$(echo '.repeat(20_000)}`],
        [
            'functions that call two',
            `${Array.from({ length: 40 }, (_, at) => `f${at}() { f${at + 1}; f${at + 1}; }`).join('\n')}\n[ -f x ] && f0\nf0`,
        ],
    ])('%s', ([, script]) => {
        expect(() => readScript(`#!/bin/bash\n${script}\niptables -F`, { keepGoing: true })).not.toThrow();
    });
    test('many functions in each other are no endless call', () => {
        const functions = Array.from({ length: 90 }, (_, at) => `f${at}() { f${at + 1}; }`).join('\n');
        expect(left(`${functions}\nf90() { iptables -A INPUT -j DROP; }\nf0`).rules).toEqual(['-A INPUT -j DROP']);
    });
});
describe('iptables -S', () => {
    const parsed = (text, options = {}) => {
        const notes = [];
        const [rules] = parseSave(text, { ...options, note: (note) => notes.push(note) });
        return { table: rules.tables[0].name, text: printSave(rules, { counters: true }), notes };
    };
    test('its policies tell the table', () => {
        const { table, notes } = parsed('-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n-A OUTPUT -p udp -j CT --notrack\n');
        expect({ table, notes }).toEqual({ table: 'raw', notes: [] });
    });
    test('else the caller, else it is filter, and that is said', () => {
        const rule = '-N WEB\n-A INPUT -j WEB\n';
        expect(parsed(rule, { table: 'mangle' })).toMatchObject({ table: 'mangle', notes: [] });
        expect(parsed(rule)).toMatchObject({
            table: 'filter',
            notes: ['the table is taken to be filter: what iptables -S prints does not name it (--table NAME does)'],
        });
    });
    test('of two tables each is told by its policies, else it is refused', () => {
        const filter = '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -j DROP\n';
        const nat = '-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-N A\n-A OUTPUT -j A\n';
        const names = (text) => parseSave(text)[0].tables.map(({ name, chains }) => [name, chains.length]);
        expect(names(filter + nat)).toEqual([
            ['filter', 3],
            ['nat', 5],
        ]);
        expect(() => parseSave(filter + filter)).toThrow('-:5:1: a second table begins here, and which one is not told');
        expect(() => parseSave(`${nat}-P INPUT ACCEPT\n`)).toThrow('-:7:1: a second table begins here');
    });
    test('of all tables one after the other, the one with the chains of filter and security is taken to be filter', () => {
        const nat = '-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n';
        const notes = [];
        const text = `${nat}-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n`;
        const [rules] = parseSave(text, { note: (note) => notes.push(note) });
        expect(rules.tables.map(({ name }) => name)).toEqual(['nat', 'filter']);
        expect(notes).toEqual([
            'the table is taken to be filter: what iptables -S prints does not name it (--table NAME does)',
        ]);
    });
    test('with -v it has counters', () => {
        expect(parsed('-P INPUT DROP -c 7 800\n-A INPUT -c 5 300 -j ACCEPT\n').text).toContain(':INPUT DROP [7:800]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n[5:300] -A INPUT -j ACCEPT\n');
    });
});
test('whatever stands in a script, it is read or refused', () => {
    const words = fc.constantFrom(...'iptables -A -I -D INPUT X -j DROP -t nat -p tcp --dport 80 if then else fi for x in do done while case esac { } ( ) f() ; ;; && || | & ! $x $y `a` $(b) " \' \\ # <<E E <f >g $((1)) exit set -e return true false sudo'.split(' '), '\n', '\n', 'iptables -A INPUT');
    fc.assert(fc.property(fc.array(words, { maxLength: 60 }), fc.boolean(), (list, keepGoing) => {
        try {
            readScript(list.join(' '), { keepGoing });
        }
        catch (error) {
            if (!(error instanceof InputRefused))
                throw error;
        }
    }), { numRuns: 3000 });
});
