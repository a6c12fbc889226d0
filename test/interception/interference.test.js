import { describe, expect, test } from 'vitest';
import { packetsIn } from '../../src/explain/sample.ts';
import { defaultInterception, dialectOf, interferenceIn, programmed, } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { parseSave, printRule, printSave } from '../../src/text/index.ts';
import { parseQuestion, prepareOutcome } from '../../src/trace/index.ts';
import { seeded } from './random.ts';
const NOW = 1_700_000_000;
const all = (dialect, more = {}) => {
    const usual = defaultInterception(dialect);
    return {
        ...usual,
        inbound: { include: '*', exclude: ['15090'] },
        outbound: { ...usual.outbound, include: '*' },
        ...more,
    };
};
const FORMS = {
    today: all('istio'),
    tproxy: all('istio', { mode: 'TPROXY' }),
    'of 2018': all('istio-2018'),
};
/** The rules of an interception, and the same with lines of others': `nat -I PREROUTING …`, as a person types them. */
function heldWith(interception, typed) {
    const program = dialectOf(interception.dialect).write(interception);
    const wanted = programmed(emptyRuleSet('ipv4'), program, 'ipv4');
    const own = printSave(wanted);
    const tables = ['raw', 'mangle', 'nat', 'filter', 'security'].map((table) => {
        const lines = typed.filter((line) => line.startsWith(`${table} `)).map((line) => line.slice(table.length + 1));
        const of = (flag) => lines.filter((line) => line.startsWith(flag));
        const [, before = ''] = new RegExp(`^\\*${table}\n([\\s\\S]*?)COMMIT$`, 'm').exec(own) ?? [];
        const rules = [
            ...of('-I').map((line) => line.replace(/^-I/, '-A')),
            ...before.split('\n').filter((line) => line.startsWith('-A')),
            ...of('-A'),
        ];
        const policies = new Map(of('-P').map((line) => line.slice(3).split(' ')));
        const chains = [
            ...before.split('\n').filter((line) => line.startsWith(':') && !policies.has(line.slice(1).split(' ')[0] ?? '')),
            ...of('-N').map((line) => `:${line.slice(3)} - [0:0]`),
            ...[...policies].map(([chain, policy]) => `:${chain} ${policy} [0:0]`),
        ];
        return `*${table}\n${[...chains, ...rules].join('\n')}\nCOMMIT\n`;
    });
    const actual = parseSave(tables.join(''), { family: 'ipv4' })[0];
    const held = (rules) => [{ backend: 'nft', rules }];
    return { wanted: held(wanted), held: held(actual) };
}
const found = (interception, ...typed) => {
    const { wanted, held } = heldWith(interception, typed);
    return interferenceIn(held, wanted, NOW).map(({ table, chain, rule, diverted }) => {
        const [packet] = packetsIn(diverted, 'ipv4');
        return `${table} ${chain} ${rule ? printRule(rule, 'ipv4') : 'policy'}: ${packet}`;
    });
};
describe.each(Object.entries(FORMS))('rules of others beside an interception, %s', (form, interception) => {
    test.for([
        ['a LOG, a counter', ['nat -I PREROUTING -p tcp -j LOG', 'filter -I INPUT -p tcp']],
        [
            'a jump to an empty chain',
            ['nat -N MINE', 'nat -I PREROUTING -j MINE', 'filter -A INPUT -j MINE', 'filter -N MINE'],
        ],
        ['another protocol', ['nat -I PREROUTING -p udp --dport 53 -j RETURN', 'filter -A INPUT -p udp -j DROP']],
        ['what conntrack calls invalid', ['filter -I INPUT -m conntrack --ctstate INVALID -j DROP']],
        ['forwarding and masquerading', ['nat -A POSTROUTING -o eth1 -j MASQUERADE', 'filter -P FORWARD DROP']],
        [
            'a port that is left alone anyway',
            ['nat -I PREROUTING -p tcp --dport 15090 -j RETURN', 'raw -I PREROUTING -p tcp --dport 15090 -j DROP'],
        ],
        ['a time that is over', ['nat -I PREROUTING -p tcp --dport 80 -m time --datestop 2020-01-01T00:00:00 -j RETURN']],
        [
            'a bypass of Sidestep’s',
            ['nat -I PREROUTING -p tcp --dport 80 -m comment --comment "sidestep bypass" -j RETURN'],
        ],
    ])('%s: no finding', ([, typed]) => {
        expect(found(interception, ...typed)).toEqual([]);
    });
    test('a firewall that lets the proxy be reached: no finding; with one way closed, that', () => {
        const open = [
            'filter -P INPUT DROP',
            'filter -A INPUT -i lo -j ACCEPT',
            'filter -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT',
        ];
        // With TPROXY a packet still asks for its own port.
        const allow = form === 'tproxy' ? 'filter -A INPUT -p tcp -j ACCEPT' : 'filter -A INPUT -p tcp --dport 15001:15006 -j ACCEPT';
        expect(found(interception, ...open, allow)).toEqual([]);
        expect(found(interception, ...open)).toEqual(['filter INPUT policy: in tcp/8080']);
    });
    test('NOTRACK, a RETURN before, a REDIRECT elsewhere, a DROP before or behind', () => {
        expect(found(interception, 'raw -I PREROUTING -p tcp --dport 8888 -j DROP')).toEqual([
            'raw PREROUTING -p tcp -m tcp --dport 8888 -j DROP: in tcp/8888',
        ]);
        expect(found(interception, 'nat -I PREROUTING -p tcp --dport 8888 -j REDIRECT --to-ports 9')).toEqual([
            'nat PREROUTING -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 9: in tcp/8888',
        ]);
        expect(found(interception, 'security -A INPUT -p tcp -s 10.9.0.0/16 -j DROP')[0] ?? '').toMatch(/^security INPUT -s 10.9.0.0\/16 .*: (in|self) tcp 10\.9\.0\.[01] > :8080/);
        expect(found(interception, 'nat -I OUTPUT -p tcp --dport 443 -j ACCEPT')).toEqual([
            'nat OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT: out tcp > 192.0.2.1:443 uid 1000',
        ]);
        if (form === 'tproxy')
            return;
        const both = [
            'raw -I PREROUTING -p tcp --dport 8888 -j CT --notrack',
            'nat -I PREROUTING -p tcp --dport 8888 -j RETURN',
        ];
        expect(found(interception, ...both)).toEqual([
            'raw PREROUTING -p tcp -m tcp --dport 8888 -j CT --notrack: in tcp/8888',
            'nat PREROUTING -p tcp -m tcp --dport 8888 -j RETURN: in tcp/8888',
        ]);
    });
    test('two rules that do it together; a third has nothing to do with it', () => {
        const typed = [
            'mangle -I PREROUTING -i eth0 -p tcp --dport 8888 -j MARK --set-mark 5',
            'mangle -I PREROUTING -i eth0 -p tcp --dport 8889 -j MARK --set-mark 6',
            form === 'tproxy'
                ? 'mangle -I PREROUTING -m mark --mark 5 -j ACCEPT'
                : 'nat -I PREROUTING -m mark --mark 5 -j RETURN',
        ];
        expect(found(interception, ...typed).filter((line) => line.includes('8889'))).toEqual([]);
        expect(found(interception, ...typed)).toHaveLength(2);
    });
    test('what cannot be decided counts: a coin is tossed', () => {
        const coin = 'nat -I PREROUTING -p tcp --dport 8888 -m statistic --mode random --probability 0.5 -j ACCEPT';
        expect(found(interception, coin)).toHaveLength(form === 'tproxy' ? 0 : 1);
    });
});
describe('a packet that a rule of others leads away from the proxy is always found', () => {
    const random = seeded(20261126);
    const one = (values) => values[Math.floor(random() * values.length)];
    const cases = Array.from({ length: 120 }, (_, index) => {
        const place = one([
            ['raw', 'PREROUTING'],
            ['raw', 'OUTPUT'],
            ['mangle', 'PREROUTING'],
            ['mangle', 'INPUT'],
            ['mangle', 'OUTPUT'],
            ['mangle', 'POSTROUTING'],
            ['nat', 'PREROUTING'],
            ['nat', 'OUTPUT'],
            ['filter', 'INPUT'],
            ['filter', 'OUTPUT'],
            ['security', 'INPUT'],
            ['security', 'OUTPUT'],
        ]);
        const [table, chain] = place;
        const asks = one([
            '-p tcp --dport 8888',
            '-p tcp --sport 40000',
            '-p tcp ! --dport 8080',
            '-p tcp -m multiport --dports 8080,15006',
            '-p tcp --dport 15001',
            '-p udp --dport 8888',
            '-s 10.0.0.0/8',
            '-p tcp -m mark --mark 7',
            '-p tcp -m conntrack --ctstate NEW',
            '-p tcp -m conntrack --ctstate ESTABLISHED',
            ...(chain === 'OUTPUT' || chain === 'POSTROUTING'
                ? ['-p tcp -m owner --uid-owner 1000', '-o lo']
                : ['-i eth0', '-i lo']),
        ]);
        const does = one([
            'RETURN',
            'ACCEPT',
            ...(table === 'nat' ? [] : ['DROP']),
            ...(table === 'raw' ? ['CT --notrack'] : []),
            ...(table === 'mangle' ? ['MARK --set-mark 9'] : []),
        ]);
        const form = one(Object.keys(FORMS));
        return [
            index,
            form,
            `${table} ${one(['-I', '-A'])} ${chain} ${asks} ${does.startsWith('REDIRECT') ? '-p tcp ' : ''}-j ${does}`,
        ];
    });
    const PACKETS = [
        'in tcp/8888',
        'in tcp/8080',
        'in tcp/15090',
        'out tcp > 192.0.2.1:8888',
        'out tcp > 192.0.2.1:80',
        'self tcp/8888 uid 1337',
    ];
    test.for(cases)('%i, %s: %s', ([, form, line]) => {
        const interception = FORMS[form];
        const { wanted, held } = heldWith(interception, [line]);
        const follow = (of) => prepareOutcome({ origin: 'a test', held: of }, [15001, 15006]);
        const [should, does] = [follow(wanted), follow(held)];
        const interferences = interferenceIn(held, wanted, NOW);
        for (const packet of PACKETS) {
            const question = parseQuestion(packet, { origin: 'a test', held }, { family: 'ipv4', now: NOW * 1000 });
            const [wants, goes] = [should(question), does(question)];
            // A mark may route a packet elsewhere: a text says nothing of that.
            if (wants.kind === 'proxy' && !['proxy', 'unknown'].includes(goes.kind))
                expect(interferences, packet).toHaveLength(1);
        }
        // What is said to be diverted is.
        for (const { diverted } of interferences) {
            const [packet] = packetsIn(diverted, 'ipv4');
            if (packet === undefined)
                continue;
            const question = parseQuestion(packet, { origin: 'a test', held }, { family: 'ipv4', now: NOW * 1000 });
            const [wants, goes] = [should(question), does(question)];
            // TPROXY’s proxy gets it either way, but reads another destination from it.
            if (form === 'tproxy' && wants.kind === 'proxy' && goes.kind === 'proxy')
                continue;
            const where = (outcome) => `${outcome.kind} ${'port' in outcome ? outcome.port : ''}`;
            expect(where(goes), packet).not.toBe(where(wants));
        }
    });
});
