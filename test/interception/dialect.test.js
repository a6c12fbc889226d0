import { expect, test } from 'vitest';
import { commented, defaultInterception, dialectOf, programmed, RequestRefused } from '../../src/interception/index.ts';
import { emptyRuleSet } from '../../src/netfilter/index.ts';
import { printSave } from '../../src/text/index.ts';
import { asEmitted, emitted, programOf, readCases, routingCommand } from './cases.ts';
for (const dialect of ['istio-2018', 'istio']) {
    test.for(readCases(dialect))(`${dialect}: $title`, ({ asked, resolvConf, expected }) => {
        const program = programOf(asked, dialect, resolvConf);
        for (const family of ['ipv4', 'ipv6']) {
            expect(emitted(program, family)).toEqual(expected[family].map((line) => asEmitted(line, family)));
        }
        expect(program.routing.map(routingCommand)).toEqual(expected.routing);
    });
}
test('the 2018 post, as init --dry-run -o save prints it', () => {
    const program = programOf(['-p15001', '-u1337', '-mREDIRECT', '-i*', '-b8080,8888'], 'istio-2018');
    expect(printSave(programmed(emptyRuleSet('ipv4'), program, 'ipv4'))).toBe(`*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:ISTIO_INBOUND - [0:0]
:ISTIO_IN_REDIRECT - [0:0]
:ISTIO_OUTPUT - [0:0]
:ISTIO_REDIRECT - [0:0]
-A PREROUTING -p tcp -j ISTIO_INBOUND
-A OUTPUT -p tcp -j ISTIO_OUTPUT
-A ISTIO_INBOUND -p tcp -m tcp --dport 8080 -j ISTIO_IN_REDIRECT
-A ISTIO_INBOUND -p tcp -m tcp --dport 8888 -j ISTIO_IN_REDIRECT
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ISTIO_REDIRECT
-A ISTIO_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --gid-owner 1337 -j RETURN
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`);
});
test.for(['istio-2018', 'istio'])('%s: every rule knows why it exists', (dialect) => {
    for (const { asked, resolvConf } of readCases(dialect)) {
        const { commands } = programOf(asked, dialect, resolvConf);
        for (const { rule } of [...commands.ipv4, ...commands.ipv6])
            expect(rule.reason).toMatch(/^\S.{8,}\S$/);
    }
});
test('the reasons as comments, where they are asked for', () => {
    const lines = emitted(commented(programOf(['-b', '8080'], 'istio-2018')), 'ipv4');
    expect(lines).toContain('-t nat -A ISTIO_INBOUND -p tcp -m tcp --dport 8080 -m comment --comment "sidestep: inbound port 8080 goes to the proxy" -j ISTIO_IN_REDIRECT');
    expect(lines.every((line) => line.includes('-m comment --comment "sidestep: '))).toBe(true);
});
test('mode NONE catches nothing inbound, in no family', () => {
    const families = ['ipv4', 'ipv6'];
    const asked = { ...defaultInterception('istio'), mode: 'NONE', families };
    const none = dialectOf('istio').write({ ...asked, inbound: { include: '*', exclude: ['9090'] } });
    const empty = dialectOf('istio').write({ ...asked, inbound: { include: [], exclude: [] } });
    for (const family of families)
        expect(emitted(none, family)).toEqual(emitted(empty, family));
});
test('virtual interfaces are inserted, so that the kernel holds them in reverse, redirects before returns', () => {
    const program = programOf(['-k', 'vnet0,vnet1', '-i', '*', '-b', '*'], 'istio');
    const after = programmed(emptyRuleSet('ipv4'), program, 'ipv4');
    expect(printSave(after).match(/^-A PREROUTING .*/gm)).toEqual([
        '-A PREROUTING -i vnet1 -j ISTIO_REDIRECT',
        '-A PREROUTING -i vnet0 -j ISTIO_REDIRECT',
        '-A PREROUTING -i vnet1 -j RETURN',
        '-A PREROUTING -i vnet0 -j RETURN',
        '-A PREROUTING -p tcp -j ISTIO_INBOUND',
    ]);
});
test('a mark beside a uid stands before it: the uid returns on lo whatever is not its own', () => {
    const program = programOf(['--proxy-mark', '7', '-u', '1337', '-g', '1337'], 'istio');
    const owners = emitted(program, 'ipv4').filter((line) => /owner|mark/.test(line));
    expect(owners.slice(0, 4)).toEqual([
        '-t nat -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 15008 -m mark --mark 0x7 -j ISTIO_IN_REDIRECT',
        '-t nat -A ISTIO_OUTPUT -m mark --mark 0x7 -j RETURN',
        '-t nat -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 15008 -m owner --uid-owner 1337 -j ISTIO_IN_REDIRECT',
        '-t nat -A ISTIO_OUTPUT -o lo -m owner ! --uid-owner 1337 -j RETURN',
    ]);
});
test("with TPROXY the proxy's calls to its own pod have mark 1338 by the time that nat sees them", () => {
    const program = programOf(['--proxy-mark', '7', '-m', 'TPROXY', '-b', '*', '-i', '*'], 'istio');
    const lines = emitted(program, 'ipv4');
    expect(lines).toContain('-t mangle -A OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m mark --mark 0x7 -j MARK --set-xmark 0x53a/0xffffffff');
    expect(lines).toContain('-t nat -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -p tcp -m tcp ! --dport 15008 -m mark --mark 0x53a -j ISTIO_IN_REDIRECT');
    expect(lines).toContain('-t nat -A ISTIO_OUTPUT -o lo -m mark ! --mark 0x7 -m mark ! --mark 0x53a -j RETURN');
});
test('up to 49 owner groups stand in one rule; more go on in a chain of their own', () => {
    const groups = (count) => Array.from({ length: count }, (_, index) => String(2000 + index));
    const write = (count) => {
        const usual = defaultInterception('istio');
        const ownerGroups = { include: groups(count), exclude: [] };
        return emitted(dialectOf('istio').write({ ...usual, outbound: { ...usual.outbound, include: '*', ownerGroups } }), 'ipv4');
    };
    const one = write(49).filter((line) => line.includes('2000'));
    expect(one).toHaveLength(1);
    expect(one[0]?.match(/! --gid-owner/g)).toHaveLength(49);
    const many = write(50);
    expect(many.filter((line) => line.includes('-g ISTIO_OUTPUT_GROUPS'))).toHaveLength(50);
    expect(many.slice(-2)).toEqual([
        '-t nat -A ISTIO_OUTPUT_GROUPS -d 127.0.0.1/32 -j RETURN',
        '-t nat -A ISTIO_OUTPUT_GROUPS -j ISTIO_REDIRECT',
    ]);
});
test('an interception that cannot be written is refused whole, with all that is wrong', () => {
    const usual = defaultInterception('istio');
    const wrong = {
        ...usual,
        outboundPort: 70000,
        inbound: { include: ['80 -j ACCEPT', '8080'], exclude: ['9-10'] },
        interfaces: { exclude: ['a-very-long-interface'], virtual: [] },
    };
    const refusal = (() => {
        try {
            dialectOf('istio').write(wrong);
            return undefined;
        }
        catch (error) {
            return error;
        }
    })();
    expect(refusal).toBeInstanceOf(RequestRefused);
    expect(refusal.problems.map(({ about, value }) => `${about}=${value}`)).toEqual([
        'outboundPort=70000',
        'inbound.include=80 -j ACCEPT',
        'inbound.exclude=9-10',
        'interfaces.exclude=a-very-long-interface',
    ]);
});
