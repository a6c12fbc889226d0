import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { compile, makePacket, predicateOf } from '../../src/netfilter/index.ts';
import { InputRefused, parseRule, parseSets, readInput } from '../../src/text/index.ts';
const address = (text) => parseAddress(text).value;
/** What a rule says of a packet, given the sets. */
function answer(sets, words, fields) {
    const family = fields.family ?? 'ipv4';
    const own = { family, source: address(family === 'ipv4' ? '10.0.0.9' : '2001:db8::9') };
    const packet = makePacket({
        ...own,
        destination: address(family === 'ipv4' ? '10.0.0.5' : '2001:db8::5'),
        ...fields,
    });
    const rule = parseRule(words, { family, table: 'filter' });
    return compile(predicateOf(rule, family, parseSets(sets)))(packet);
}
describe('what ipset save prints is read', () => {
    test('each type of set', () => {
        const saved = `create b bitmap:ip range 10.0.0.0-10.0.0.255 timeout 100 counters comment skbinfo
add b 10.0.0.5 timeout 99 packets 0 bytes 0 comment "hello x"
add b 10.0.0.6 timeout 0 packets 5 bytes 7 skbmark 0x1111/0xff00ffff skbprio 1:10 skbqueue 10
create m bitmap:ip,mac range 10.0.0.0-10.0.0.255
add m 10.0.0.5,00:11:22:AA:44:55
add m 10.0.0.6
create p bitmap:port range 0-1000
add p 80
create h hash:ip family inet hashsize 1024 maxelem 65536 netmask 24 bucketsize 12 initval 0x4a925907
add h 10.1.2.0
create hb hash:ip family inet hashsize 1024 maxelem 65536 bitmask 255.0.255.0 bucketsize 12 initval 0xbaf44546
add hb 10.0.2.0
create n hash:net family inet6 hashsize 1024 maxelem 65536 bucketsize 12 initval 0x8f9a42af forceadd
add n 2001:db8::/32 nomatch
create i hash:ip,port family inet hashsize 1024 maxelem 65536
add i 10.0.0.1,icmp:host-unreachable
add i 10.0.0.1,udp:80
create k hash:ip,mark family inet markmask 0x000000ff hashsize 1024 maxelem 65536
add k 10.0.0.1,0x00000001
create f hash:net,iface family inet hashsize 1024 maxelem 65536
add f 10.1.0.0/16,eth wildcard
add f 10.0.0.0/8,physdev:eth0
create l list:set size 8
add l b
create a b hash:mac hashsize 1024 maxelem 65536
add a b 00:11:22:33:44:55
`;
        const sets = parseSets(saved);
        expect([...sets.values()].map(({ name, type, entries }) => `${name} ${type} ${entries.length}`)).toEqual([
            'b bitmap:ip 2',
            'm bitmap:ip,mac 2',
            'p bitmap:port 1',
            'h hash:ip 1',
            'hb hash:ip 1',
            'n hash:net 1',
            'i hash:ip,port 2',
            'k hash:ip,mark 1',
            'f hash:net,iface 2',
            'l list:set 1',
            'a b hash:mac 1',
        ]);
        expect(sets.get('b')).toMatchObject({ family: 'ipv4', counts: true, expires: true });
        expect(sets.get('b').entries.map(({ timed }) => timed)).toEqual([true, false]);
        expect(sets.get('n').entries[0]).toMatchObject({ nomatch: true, parts: [{ kind: 'addresses', length: 32 }] });
        expect(sets.get('i').entries[0].parts[1]).toEqual({ kind: 'ports', protocol: 1, range: [769, 769] });
        expect(sets.get('f').entries.map(({ parts }) => parts[1])).toEqual([
            { kind: 'interface', name: 'eth', prefix: true, physical: false },
            { kind: 'interface', name: 'eth0', prefix: false, physical: true },
        ]);
    });
    test('what ipset restore takes besides: ranges, networks of hosts, ports by name, a default timeout', () => {
        const sets = parseSets('create h hash:ip timeout 60\nadd h 10.0.0.1-10.0.0.3\nadd h 10.0.1.0/24\ncreate n hash:net\nadd n 10.0.0.1-10.0.0.6\ncreate s hash:ip,port\nadd s 10.0.0.1,http\n');
        expect(sets.get('h').entries).toMatchObject([{ timed: true }, { timed: true }]);
        expect(sets.get('n').entries.map(({ parts: [part] }) => part?.kind === 'addresses' && part.length)).toEqual([
            32, 31, 31, 32,
        ]);
    });
    test.for([
        ['flush x', '-:1:1: this line is no part of saved sets'],
        ['create', '-:1:1: create needs the name of a set'],
        ['create x hash:ip\ncreate x hash:ip', '-:2:8: the set x is created twice'],
        ['create x hash:ip family inet7', '-:1:25: inet7 is not what family takes'],
        ['create x hash:ip size', '-:1:18: size needs its value'],
        ['create x hash:ip speed 5', '-:1:18: unknown option speed of a set'],
        ['add x 10.0.0.1', '-:1:5: there is no set x'],
        ['create x hash:ip\nadd x 10.0.0.300', '-:2:7: 10.0.0.300 is no part of hash:ip'],
        ['create x hash:ip\nadd x 2001:db8::1', '-:2:7: 2001:db8::1 is no part of hash:ip'],
        ['create x hash:ip,port\nadd x 10.0.0.1', '-:2:7: 10.0.0.1 has 1 parts, and hash:ip,port 2'],
        ['create x hash:ip,port\nadd x 10.0.0.1,icmp:nothing', '-:2:16: icmp:nothing is no part of hash:ip,port'],
        ['create x hash:ip\nadd x 10.0.0.1 soon', '-:2:16: unknown option soon of an entry'],
        ['create x hash:ip\nadd x 10.0.0.1 timeout soon', '-:2:24: soon is no number of seconds'],
    ])('%s is refused', ([text, message]) => {
        expect(() => parseSets(text)).toThrow(InputRefused);
        expect(() => parseSets(text)).toThrow(message);
    });
    test('what cannot be read is not guessed where reading goes on', () => {
        const text = 'create x hash:ip\nadd x 10.0.0.300\ncreate y hash:ip\nadd y 10.0.0.9\ncreate z hash:new\nadd z 1,2,3\n';
        const sets = parseSets(text, { keepGoing: true });
        expect([...sets.values()].map(({ unread }) => unread)).toEqual([
            'a line of it could not be read',
            undefined,
            'Sidestep does not know sets of the type "hash:new"',
        ]);
    });
    test('sets may stand beside the rules, in the same text', () => {
        const text = 'create banned hash:ip\nadd banned 10.0.0.9\n*filter\n-A INPUT -m set --match-set banned src -j DROP\nCOMMIT\n';
        const snapshot = readInput(text);
        expect(snapshot.held[0].rules.tables[0].chains[0].rules[0].line).toBe(4);
        expect(snapshot.ipsets).toBe('create banned hash:ip\nadd banned 10.0.0.9\n');
        expect(snapshot.sets.get('banned').entries).toHaveLength(1);
        expect(() => readInput('*filter\nCOMMIT\ncreate x hash:ip\nadd y 5\n')).toThrow('-:4:5: there is no set y');
    });
});
describe('what is in a set', () => {
    const of = (type, ...entries) => [`create x ${type}`, ...entries.map((entry) => `add x ${entry}`)].join('\n');
    const source = '-m set --match-set x src';
    const nets = of('hash:net', '10.0.0.0/8', '10.0.0.0/16 nomatch', '10.0.0.9');
    // The types that the kernel of the kernel tests lacks are told by its source; the others are compared with it.
    test.for([
        [of('hash:ip', '10.0.0.9'), source, {}, true],
        [of('hash:ip', '10.0.0.8'), source, {}, false],
        [of('hash:ip', '10.0.0.8'), '-m set ! --match-set x src', {}, true],
        [of('hash:ip', '10.0.0.9'), source, { source: undefined }, 'undecided'],
        [of('hash:ip netmask 24', '10.0.0.0'), source, {}, true],
        [of('hash:ip bitmask 255.0.0.255', '10.0.0.9'), source, { source: address('10.7.7.9') }, true],
        [of('hash:ip', '10.0.0.9 timeout 5'), source, {}, 'undecided'],
        [of('hash:ip', '10.0.0.8 timeout 5'), source, {}, false],
        [of('hash:ip counters', '10.0.0.9'), `${source} --packets-gt 5`, {}, 'undecided'],
        [of('hash:ip counters', '10.0.0.8'), `${source} --packets-gt 5`, {}, false],
        [of('hash:ip', '10.0.0.9'), `${source} --packets-gt 5`, {}, true],
        // Of the networks that hold an address the narrowest decides (netfilter-semantics 24).
        [nets, source, { source: address('10.9.0.1') }, true],
        [nets, source, { source: address('10.0.7.1') }, false],
        [nets, source, {}, true],
        [nets, `${source} --return-nomatch`, { source: address('10.0.7.1') }, true],
        [nets, `${source} --return-nomatch`, {}, false],
        [of('hash:ip,port', '10.0.0.9,80'), '-m set --match-set x src,dst', { destinationPort: 80 }, true],
        [of('hash:ip,port', '10.0.0.9,80'), '-m set --match-set x src,src', { sourcePort: 81 }, false],
        // Fewer directions than dimensions: in no set.
        [of('hash:ip,port', '10.0.0.9,80'), '-m set ! --match-set x src', { destinationPort: 80 }, true],
        [of('hash:ip,port', '10.0.0.9,80'), '-m set --match-set x src,dst', { fragment: 1, destinationPort: 80 }, false],
        [of('hash:ip,port', '10.0.0.9,vrrp:0'), '-m set --match-set x src,dst', { fragment: 1, protocol: 112 }, true],
        [of('bitmap:port range 0-99', '80-90'), '-m set --match-set x dst', { protocol: 17, destinationPort: 85 }, true],
        [of('bitmap:port range 0-99', '80-90'), '-m set --match-set x dst', { protocol: 132, destinationPort: 85 }, false],
        [of('hash:mac', '00:11:22:33:44:55'), source, { sourceMac: 0x001122334455 }, true],
        [of('hash:mac', '00:11:22:33:44:55'), source, { sourceMac: undefined }, 'undecided'],
        [of('hash:ip,mac', '10.0.0.9,00:11:22:33:44:55'), '-m set --match-set x src,src', { sourceMac: 5 }, false],
        [of('bitmap:ip,mac range 10.0.0.0/24', '10.0.0.9'), '-m set --match-set x src,src', { sourceMac: 0 }, false],
        [of('bitmap:ip,mac range 10.0.0.0/24', '10.0.0.9'), '-m set --match-set x src,src', { sourceMac: 5 }, 'undecided'],
        [of('hash:ip,mark markmask 0xff', '10.0.0.9,1'), '-m set --match-set x src,src', { mark: 0x101 }, true],
        [of('hash:ip,mark', '10.0.0.9,1'), '-m set --match-set x src,src', { mark: 0x101 }, false],
        [
            of('hash:net,net', '10.0.0.0/8,10.0.0.5', '10.0.0.9,10.0.0.0/8 nomatch'),
            '-m set --match-set x src,dst',
            {},
            false,
        ],
        [
            of('hash:net,net', '10.0.0.0/8,10.0.0.0/8 nomatch', '10.0.0.9,10.0.0.5'),
            '-m set --match-set x src,dst',
            {},
            true,
        ],
        [
            of('hash:net,port,net', '10.0.0.0/8,80,10.0.0.0/8', '10.0.0.0/8,80,10.0.0.5 nomatch'),
            '-m set --match-set x src,dst,dst',
            { destinationPort: 80 },
            false,
        ],
        [of('hash:net,iface', '10.0.0.0/8,eth0'), '-m set --match-set x src,src', { in: 'eth0' }, true],
        [of('hash:net,iface', '10.0.0.0/8,eth wildcard'), '-m set --match-set x src,src', { in: 'eth7' }, true],
        // The search ends with the narrowest network, whatever interfaces its entries are for.
        [
            of('hash:net,iface', '10.0.0.0/8,eth0', '10.0.0.0/24,eth1'),
            '-m set --match-set x src,src',
            { in: 'eth0' },
            false,
        ],
        [`${of('hash:ip', '10.0.0.9')}\ncreate l list:set\nadd l x`, '-m set --match-set l src', {}, true],
        [`${of('hash:ip', '10.0.0.9')}\ncreate l list:set`, '-m set --match-set l src', {}, false],
        [`${of('hash:ip', '10.0.0.9')}\ncreate l list:set timeout 5\nadd l x`, '-m set --match-set l src', {}, 'undecided'],
        [of('hash:ip family inet6', '2001:db8::9'), source, { family: 'ipv6' }, true],
        ['', source, {}, 'undecided'],
    ])('%s: %s', ([sets, words, packet, expected]) => {
        expect(answer(sets, words, packet)).toBe(expected);
    });
    test('a hundred thousand entries are looked up in no time', () => {
        const entries = Array.from({ length: 100_000 }, (_, index) => `add x ${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.7`);
        const sets = parseSets(`create x hash:ip maxelem 200000\n${entries.join('\n')}\n`);
        const test = compile(predicateOf(parseRule(source, { family: 'ipv4', table: 'filter' }), 'ipv4', sets));
        const packet = makePacket({ family: 'ipv4', source: address('10.200.7.7'), destination: 5 });
        for (let times = 0; times < 100_000; times += 1)
            test(packet);
        expect(test(packet)).toBe(true);
    });
});
