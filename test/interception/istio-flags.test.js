import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/address/index.ts';
import { fromIstioFlags, RequestRefused } from '../../src/interception/index.ts';
const ask = (argv, env = {}, machine = {}) => fromIstioFlags(argv, env, machine);
const interception = (argv, env = {}, machine = {}) => ask(argv, env, machine).interception;
/** What is refused, as `about value`. */
function refused(argv, env = {}, machine = {}) {
    try {
        ask(argv, env, machine);
    }
    catch (error) {
        if (error instanceof RequestRefused)
            return error.problems.map(({ about, value }) => `${about} ${value}`.trim());
        throw error;
    }
    return [];
}
function complaint(argv, env = {}) {
    try {
        ask(argv, env);
    }
    catch (error) {
        return error.message;
    }
    return '';
}
describe('spellings', () => {
    test.for([
        [['--envoy-port', '16001']],
        [['--envoy-port=16001']],
        [['-p', '16001']],
        [['-p16001']],
        [['-p=16001']],
        [['-np', '16001']],
        [['-np16001']],
        [['-p', '1', '-p', '16001']],
    ])('%j', ([argv]) => {
        expect(interception(argv).outboundPort).toBe(16001);
    });
    test('booleans take a value only with =', () => {
        expect(ask(['-n']).dryRun).toBe(true);
        expect(ask(['--dry-run=false']).dryRun).toBe(false);
        expect(ask(['-n=F']).dryRun).toBe(false);
        expect(refused(['--dry-run', 'true'])).toEqual(['the word true']);
        expect(refused(['--dry-run=maybe'])).toEqual(['--dry-run maybe']);
    });
    test('a value may look like a flag, and is then judged as a value', () => {
        expect(refused(['-b', '-d', '80'])).toEqual(['the word 80', '-b -d']);
    });
});
describe('defaults', () => {
    test('nothing is intercepted, and the proxy is 1337', () => {
        expect(ask([])).toMatchObject({
            interception: {
                mode: 'REDIRECT',
                families: ['ipv4'],
                outboundPort: 15001,
                inboundPort: 15006,
                tunnelPort: 15008,
                proxy: { uids: ['1337'], gids: ['1337'], marks: [] },
                inbound: { include: [], exclude: [] },
                outbound: { include: [], ownerGroups: { include: '*', exclude: [] } },
                tproxy: { mark: 1337, table: 133 },
                loopback: '127.0.0.1/32',
            },
            dryRun: false,
            cleanOnly: false,
            probePort: 15002,
            probeTimeout: 5000,
            ignored: [],
        });
    });
    test('the proxy is the user istio-proxy, or $ENVOY_USER, where there is one; -g follows -u', () => {
        const machine = { uidOf: (name) => ({ 'istio-proxy': 1500, envoy: 1600 })[name] };
        expect(interception([], {}, machine).proxy).toMatchObject({ uids: ['1500'], gids: ['1500'] });
        expect(interception([], { ENVOY_USER: 'envoy' }, machine).proxy.uids).toEqual(['1600']);
        expect(interception([], { ENVOY_USER: 'nobody-such' }, machine).proxy.uids).toEqual(['1337']);
        expect(interception(['-u', '3,4'], {}, machine).proxy).toMatchObject({ uids: ['3', '4'], gids: ['3', '4'] });
        expect(interception(['-u', '3', '-g', '5'], {}, machine).proxy).toMatchObject({ uids: ['3'], gids: ['5'] });
    });
    test('a proxy known by its mark has no uid, unless one is named', () => {
        const marked = (argv) => fromIstioFlags(argv, {}, {}, { proxyMarks: [7] }).interception.proxy;
        expect(marked([])).toEqual({ uids: [], gids: [], marks: [7] });
        expect(marked(['-u', '1337'])).toEqual({ uids: ['1337'], gids: ['1337'], marks: [7] });
    });
    test('in 2018 inbound goes to the port of outbound, wherever that is', () => {
        const then = fromIstioFlags(['-p', '16001'], {}, {}, { dialect: 'istio-2018' }).interception;
        expect(then).toMatchObject({ outboundPort: 16001, inboundPort: 16001, families: ['ipv4'] });
    });
});
describe('variables', () => {
    test('a flag wins over its variable', () => {
        expect(interception(['-b', '80'], { ISTIO_INBOUND_PORTS: '90' }).inbound.include).toEqual(['80']);
        expect(interception([], { ISTIO_INBOUND_PORTS: '90' }).inbound.include).toEqual(['90']);
    });
    test.for([
        ['REDIRECT_DNS', 'ISTIO_META_DNS_CAPTURE'],
        ['DROP_INVALID', 'INVALID_DROP'],
        ['DUAL_STACK', 'ISTIO_DUAL_STACK'],
    ])('%s yields to %s', ([one, other]) => {
        const all = (env) => {
            const { dns, dropInvalid, families } = interception([], env);
            return dns.capture || dropInvalid || families.length === 2;
        };
        expect(all({ [one]: 'true' })).toBe(true);
        expect(all({ [one]: 'true', [other]: 'false' })).toBe(false);
        expect(all({ [one]: 'false', [other]: 'true' })).toBe(true);
        expect(all({ [one]: 'true', [other]: 'perhaps' })).toBe(true);
    });
    test('--envoy-port has none', () => {
        expect(interception([], { ENVOY_PORT: '16001' }).outboundPort).toBe(15001);
    });
    test('a number or a boolean that cannot be read is passed over, and that is said', () => {
        const { ignored, dryRun, probePort } = ask([], { DRY_RUN: 'perhaps', IPTABLES_PROBE_PORT: '99999' });
        expect({ dryRun, probePort }).toEqual({ dryRun: false, probePort: 15002 });
        expect(ignored.map(({ about }) => about)).toEqual(['DRY_RUN', 'IPTABLES_PROBE_PORT']);
    });
    test('owner groups have variables only; set but empty counts as not set, and that is said', () => {
        const of = (env) => ask([], env);
        expect(of({ ISTIO_OUTBOUND_OWNER_GROUPS: '1,2' }).interception.outbound.ownerGroups.include).toEqual(['1', '2']);
        const empty = of({ ISTIO_OUTBOUND_OWNER_GROUPS: '' });
        expect(empty.interception.outbound.ownerGroups.include).toBe('*');
        expect(empty.ignored).toMatchObject([{ about: 'ISTIO_OUTBOUND_OWNER_GROUPS' }]);
    });
    test('names are looked up; a name that nobody has is refused', () => {
        const machine = { uidOf: () => undefined, gidOf: (name) => (name === 'ftp' ? 21 : undefined) };
        const env = { ISTIO_OUTBOUND_OWNER_GROUPS: 'ftp,888' };
        expect(interception([], env, machine).outbound.ownerGroups.include).toEqual(['21', '888']);
        expect(refused(['-u', 'ghost'], {}, machine)).toEqual(['-u ghost']);
        expect(refused(['-u', '3', '-g', 'ghost'], {}, machine)).toEqual(['-g ghost']);
    });
});
describe('values', () => {
    test('what iptables takes is taken: ranges, service names, spaces after commas, empty items', () => {
        expect(interception(['-b', '8080, 9090,,http, 1024:, :80']).inbound.include).toEqual([
            '8080',
            '9090',
            'http',
            '1024:',
            ':80',
        ]);
        expect(interception(['-q', 'http:https,http-alt:,0x50']).outbound.includePorts).toEqual([
            'http:https',
            'http-alt:',
            '0x50',
        ]);
        expect(interception(['-u', '1000-1999']).proxy.uids).toEqual(['1000-1999']);
        expect(interception(['-c', 'eth0, net+']).interfaces.exclude).toEqual(['eth0', 'net+']);
        expect(interception(['-i', '10.1.2.3/8,2001:db8::1/32']).outbound.include).toEqual([
            '10.1.2.3/8',
            '2001:db8::1/32',
        ]);
        expect(interception(['-t', '0x579', '-r', '200']).tproxy).toEqual({ mark: 1401, table: 200 });
    });
    test.for([
        ['-p', '70000'],
        ['-p', '0'],
        ['-p', 'http-alt'],
        ['-z', '15006:15007'],
        ['-e', '-1'],
        ['-b', '80801'],
        ['-b', '90:80'],
        ['-b', '80-90'],
        // Octal, as iptables reads it: no such number.
        ['-b', '08'],
        ['-b', '00080'],
        ['-b', '--dport'],
        ['-b', '80.'],
        ['-b', '80 90'],
        ['-b', '80 -j ACCEPT'],
        ['-b', 'no-such-service'],
        ['-q', '80;443'],
        ['-i', '10.0.0.0'],
        ['-i', '10.0.0.0/33'],
        ['-i', '10.0.0.0/08'],
        ['-i', '10.0.0.0/255.0.0.0'],
        ['-i', 'fe80::%eth0/64'],
        ['-x', '*'],
        ['-c', 'an-interface-too-long'],
        ['-k', 'eth 0'],
        // Every interface: iptables keeps nothing of it that would be known again.
        ['-c', '+'],
        ['-k', '+'],
        ['-u', '4294967295'],
        ['-u', '9-8'],
        ['-u', '08'],
        ['-t', '4294967296'],
        ['--iptables-probe-port', '65536'],
        ['--probe-timeout', '5'],
        ['--force-iptables-binary', 'nftables'],
    ])('refused: %s %s', ([flag, value]) => {
        expect(refused([flag, value])).toEqual([`${flag} ${value}`]);
    });
    test('a list of networks has no spaces, as in Istio', () => {
        expect(refused(['-i', '10.0.0.0/8, 11.0.0.0/8'])).toEqual(['-i  11.0.0.0/8']);
        expect(complaint(['-i', '10.0.0.5'])).toBe('-i 10.0.0.5: expected is a network with its length, like 10.0.0.0/8 or fd00::/8. One address alone is 10.0.0.5/32.');
    });
    test('everything that is wrong is said in one go, under the name by which it was given', () => {
        expect(refused(['-b', '80801', '--istio-local-exclude-ports=x y'], { ISTIO_SERVICE_CIDR: 'nowhere' })).toEqual([
            'ISTIO_SERVICE_CIDR nowhere',
            '-b 80801',
            '--istio-local-exclude-ports x y',
        ]);
    });
    test('* stands alone', () => {
        expect(refused(['-b', '*,80'])).toEqual(['-b *']);
        expect(complaint(['-b', '*,80'])).toContain('The * for all ports stands alone.');
    });
    test('an unknown flag: the one that was meant', () => {
        expect(complaint(['--istio-inbound-port', '8080'])).toContain('Did you mean --istio-inbound-ports?');
        expect(complaint(['-dry-run'])).toContain('Did you mean --dry-run?');
        expect(complaint(['-y'])).toContain('Its short flags are -p -z -e -u -g -m -b -d -c -i -x -q -o -k -t -r -n.');
        expect(complaint(['-b'])).toBe('-b: expected is a value behind it');
        expect(complaint(['-b', '8080,', '9090'])).toContain('A list is one word');
    });
    test('escape sequences are never printed raw', () => {
        expect(complaint(['-b', '\u001b[31m80'])).toContain('-b \\x1b[31m80:');
    });
    test('TPROXY: marks and tables that would cut the pod off', () => {
        const tproxy = ['-m', 'TPROXY', '-b', '*'];
        expect(refused([...tproxy, '-t', '0'])).toEqual(['-t 0']);
        expect(refused([...tproxy, '-r', '254'])).toEqual(['-r 254']);
        expect(refused(['-t', '0', '-r', '254'])).toEqual([]);
        expect(() => fromIstioFlags(tproxy, {}, {}, { proxyMarks: [1337] })).toThrow('With TPROXY this mark means');
    });
    test('the loopback network is inside 127.0.0.0/8', () => {
        const of = (cidr) => refused([], { ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR: cidr });
        expect(of('127.1.0.0/16')).toEqual([]);
        for (const cidr of ['127.0.0.1', '10.0.0.0/8', '127.0.0.0/7', '::1/128', 'lo']) {
            expect(of(cidr)).toEqual([`ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR ${cidr}`]);
        }
    });
    test('more than 64 owner groups', () => {
        const groups = Array.from({ length: 65 }, (_, index) => index).join(',');
        expect(refused([], { ISTIO_OUTBOUND_OWNER_GROUPS: groups })).toEqual([
            'ISTIO_OUTBOUND_OWNER_GROUPS with 65 groups',
        ]);
    });
    test('native nftables is a dialect of its own', () => {
        expect(ask(['--native-nftables'])).toMatchObject({ interception: { dialect: 'istio-nft', inboundPort: 15006 } });
        expect(ask(['--native-nftables=false'])).toMatchObject({ interception: { dialect: 'istio' } });
    });
});
describe('mode', () => {
    test.for(['REDIRECT', ''])('"%s" is REDIRECT', (mode) => {
        expect(ask(['-m', mode])).toMatchObject({ interception: { mode: 'REDIRECT' }, ignored: [] });
    });
    test.for(['tproxy', 'NONE', 'redirect'])('"%s" acts as REDIRECT, and that is said', (mode) => {
        expect(ask(['-m', mode])).toMatchObject({ interception: { mode: 'REDIRECT' }, ignored: [{ about: '-m' }] });
    });
});
describe('families', () => {
    const families = (dualStack, ...addresses) => interception(dualStack ? ['--dual-stack'] : [], {}, { addresses: addresses.map((text) => parseAddress(text)) }).families;
    const both = ['ipv4', 'ipv6'];
    test('IPv6 where there is an IPv6 address and no IPv4 one', () => {
        expect(families(false, '127.0.0.1', '::1', '10.0.0.5')).toEqual(['ipv4']);
        expect(families(false, '127.0.0.1', '::1', 'fe80::1', '2001:db8::5')).toEqual(both);
        expect(families(false, '127.0.0.1', '10.0.0.5', '2001:db8::5')).toEqual(['ipv4']);
        expect(families(false, '169.254.7.1', '2001:db8::5')).toEqual(both);
        expect(families(false)).toEqual(['ipv4']);
    });
    test('with dual stack, IPv6 where there is an IPv6 address', () => {
        expect(families(true, '10.0.0.5', '2001:db8::5')).toEqual(both);
        expect(families(true, '10.0.0.5', 'fe80::1')).toEqual(['ipv4']);
    });
    test('::6, which an earlier run put on lo, is no address of the pod', () => {
        expect(families(true, '10.0.0.5', '::1', '::6')).toEqual(['ipv4']);
    });
});
describe('DNS', () => {
    const resolvConf = '# a comment\nsearch example.org\nnameserver 10.96.0.10\nnameserver fe80::1%eth0\n nameserver junk\n';
    test('servers come from resolv.conf, without zones', () => {
        const asked = ask(['--redirect-dns'], {}, { resolvConf });
        expect(asked.interception.dns).toEqual({
            capture: true,
            all: false,
            port: 15053,
            servers: ['10.96.0.10', 'fe80::1'],
        });
        expect(asked.ignored).toMatchObject([{ about: 'resolv.conf', message: expect.stringContaining('junk') }]);
    });
    test('all DNS needs none', () => {
        expect(interception(['--redirect-dns', '--capture-all-dns'], {}, { resolvConf }).dns.servers).toEqual([]);
    });
});
test('the other flags are handed on', () => {
    expect(ask([
        ...['--cleanup-only', '--reconcile', '--force-apply', '--skip-rule-apply', '--run-validation', '--cni-mode'],
        ...['--network-namespace', '/proc/1/ns/net', '--iptables-probe-port=0x3a9a', '--probe-timeout', '1m0.5s'],
        ...['--force-iptables-binary', 'legacy', '--log_output_level', 'default:debug', '--log_as_json'],
    ])).toMatchObject({
        cleanOnly: true,
        reconcile: true,
        forceApply: true,
        skipRuleApply: true,
        runValidation: true,
        cniMode: true,
        netns: '/proc/1/ns/net',
        probePort: 15002,
        probeTimeout: 60500,
        backend: 'legacy',
        ignored: [{ about: '--log_as_json' }, { about: '--log_output_level' }],
    });
});
