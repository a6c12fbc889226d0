import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FAMILIES, formatAddress } from '../../src/address/index.ts';
import { chooseBackend, readSnapshot } from '../../src/linux/index.ts';
import { parseSnapshot, printNftRule, printSave, printSnapshot } from '../../src/text/index.ts';
import { namespaceOf, withoutNotes } from '../support/change.ts';
import { openPair, openScratch, POD, WAYS } from '../support/namespace.ts';
const RULES = `*mangle
:MINE - [0:0]
-A PREROUTING -p tcp -j MINE
-A MINE -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*nat
-A PREROUTING -p tcp -m tcp --dport 8888 -j REDIRECT --to-ports 15001
COMMIT
`;
/** Counters aside, what the snapshot would print of a family and back end. */
const saved = ({ held }, backend, family) => held
    .filter((one) => one.backend === backend && one.rules.family === family)
    .map(({ rules }) => printSave(rules))
    .join('');
describe.for(WAYS)('a snapshot, $title', ({ options }) => {
    let pair;
    let pod;
    beforeEach(async () => {
        pair = await openPair(options);
        pod = pair.pod;
    });
    afterEach(() => pair.close());
    test('holds the rules of both families as the tools print them, with their counters', async () => {
        pod.must(['iptables-nft-restore'], { input: RULES });
        pod.must(['ip6tables-nft-restore'], { input: RULES });
        // (ip6tables-nft 1.8.9 forgets the counters that it is given.)
        pod.must(['iptables-nft', '-t', 'mangle', '-I', 'MINE', '--set-counters', '7', '420', '-j', 'ACCEPT']);
        const snapshot = await readSnapshot(namespaceOf(pod));
        expect(saved(snapshot, 'nft', 'ipv4')).toBe(withoutNotes(pod.must(['iptables-save'])));
        expect(saved(snapshot, 'nft', 'ipv6')).toBe(withoutNotes(pod.must(['ip6tables-save'])));
        const v4 = snapshot.held.find(({ rules }) => rules.family === 'ipv4')?.rules;
        const mine = v4?.tables.flatMap(({ chains }) => chains).find(({ name }) => name === 'MINE');
        expect(mine?.rules[0]?.counters).toEqual({ packets: 7n, bytes: 420n });
        expect(snapshot.unread ?? []).toEqual([]);
    });
    test('looking makes no legacy table; a family without rules is held, and empty', async () => {
        const snapshot = await readSnapshot(namespaceOf(pod));
        expect(snapshot.held).toEqual(FAMILIES.map((family) => ({ backend: 'nft', rules: { family, tables: [] } })));
        for (const file of ['ip_tables_names', 'ip6_tables_names'])
            expect(pod.must(['cat', `/proc/net/${file}`])).toBe('');
    });
    test('holds addresses, routes, rules of routing and sysctls', async () => {
        pod.must(['ip', 'address', 'add', '10.0.0.6/24', 'dev', 'eth0']);
        pod.must(['ip', 'rule', 'add', 'fwmark', '1337', 'lookup', '133']);
        pod.must(['ip', 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '133']);
        pod.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet']);
        const forwards = (file) => pod.must(['cat', `/proc/sys/net/${file}`]).trim() === '1';
        const { interfaces, routes, routingRules, sysctls } = await readSnapshot(namespaceOf(pod));
        const eth0 = interfaces?.find(({ name }) => name === 'eth0');
        expect(eth0?.up).toBe(true);
        expect(eth0?.addresses
            .filter(({ scope }) => scope === 'global')
            .map(({ family, value, secondary }) => [formatAddress(family, value), secondary])).toEqual([
            [POD.ipv4, false],
            ['10.0.0.6', true],
            [POD.ipv6, false],
        ]);
        expect(routes).toContainEqual(expect.objectContaining({ family: 'ipv4', table: 254, length: 0, device: 'eth0' }));
        expect(routes).toContainEqual(expect.objectContaining({ kind: 'local', table: 133, length: 0, device: 'lo' }));
        expect(routingRules).toContainEqual({
            family: 'ipv4',
            priority: 32765,
            table: 133,
            mark: { value: 1337, mask: 0xffff_ffff },
        });
        expect(sysctls).toEqual({
            ipForward: forwards('ipv4/ip_forward'),
            ipv6Forward: forwards('ipv6/conf/all/forwarding'),
            routeLocalnet: ['eth0'],
            rpFilter: expect.any(Array),
        });
    });
    test('holds who listens, and which process that is', async () => {
        const program = `
      const { createServer } = require('node:net');
      const { createSocket } = require('node:dgram');
      createServer().listen(8080, '127.0.0.1', () => createServer().listen(8081, '::', () =>
        createSocket('udp4').bind(53, '127.0.0.1', () => console.log('listening'))));`;
        const app = pod.start([process.execPath, '-e', program]);
        await new Promise((resolve) => app.stdout?.once('data', resolve));
        const { listeners = [] } = await readSnapshot(namespaceOf(pod));
        const process_ = { pid: app.pid, name: expect.stringMatching(/node|MainThread/) };
        expect(listeners).toHaveLength(3);
        for (const expected of [
            { family: 'ipv4', protocol: 'tcp', address: 0x7f000001, port: 8080, uid: 0, process: process_ },
            { family: 'ipv6', protocol: 'tcp', address: 0n, port: 8081, dual: true, uid: 0, process: process_ },
            { family: 'ipv4', protocol: 'udp', address: 0x7f000001, port: 53, uid: 0, process: process_ },
        ])
            expect(listeners).toContainEqual(expected);
    });
    test('with rules in both back ends both are held, told apart, and their order is not known', async () => {
        const env = { XTABLES_LOCKFILE: `/tmp/sidestep-snapshot-${process.pid}-${options.user ?? 'own'}.lock` };
        pod.must(['iptables-nft-restore'], { input: RULES });
        pod.must(['iptables-legacy-restore'], { input: RULES.replaceAll('8888', '9999'), env });
        const snapshot = await readSnapshot(namespaceOf(pod));
        expect(snapshot.orderUnknown).toBe(true);
        expect(saved(snapshot, 'nft', 'ipv4')).toContain('--dport 8888');
        expect(saved(snapshot, 'legacy', 'ipv4')).toContain('--dport 9999');
        expect(await chooseBackend(namespaceOf(pod))).toBe('legacy');
        // An empty legacy table, which another tool's probe may have left, does not tip the choice.
        pod.must(['sh', '-c', 'iptables-legacy -t nat -F; iptables-legacy -t mangle -F; iptables-legacy -t mangle -X'], {
            env,
        });
        expect(await chooseBackend(namespaceOf(pod))).toBe('nft');
        expect((await readSnapshot(namespaceOf(pod))).orderUnknown).toBeUndefined();
        pod.run(['rm', '-f', env.XTABLES_LOCKFILE]);
    });
    test('rules of nft’s own in tables of iptables are read with nft, and a snapshot keeps them', async () => {
        pod.must(['iptables', '-A', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT']);
        const rules = `table ip filter {
      set doors { type inet_service; elements = { 80, 443 }; }
      chain INPUT { tcp dport @doors counter drop; tcp dport 9090 drop; }
      chain input { type filter hook input priority 5; policy drop; tcp dport 8080 accept; }
    }`;
        pod.must(['nft', '-f', '-'], { input: rules });
        const snapshot = await readSnapshot(namespaceOf(pod));
        const read = parseSnapshot(printSnapshot(snapshot));
        for (const { held, native, unread } of [snapshot, read]) {
            const table = held.flatMap(({ rules: { tables } }) => tables).find(({ name }) => name === 'filter');
            const input = table.chains.find(({ name }) => name === 'INPUT');
            // What iptables shows as it is stays iptables'.
            expect(input.rules.map(({ nft }) => nft && printNftRule(nft, table.nft))).toEqual([
                undefined,
                'tcp dport @doors counter drop',
                undefined,
            ]);
            expect(table.nft?.sets.map(({ name }) => name)).toEqual(['doors']);
            expect(native?.map(({ family, name, chains }) => [family, name, chains.map((chain) => chain.name)])).toEqual([
                ['ip', 'filter', ['input']],
            ]);
            expect(unread).toBeUndefined();
        }
    });
    test('-f is iptables’ own; other bits and values of the same field, which it prints as -f, are nft’s', async () => {
        pod.must(['iptables', '-A', 'INPUT', '-f', '-j', 'DROP']);
        for (const asked of ['& 0x1fff == 0', '& 0x2000 != 0', '& 0x1fff != 1'])
            pod.must(['nft', `add rule ip filter INPUT ip frag-off ${asked} drop`]);
        const { held } = await readSnapshot(namespaceOf(pod));
        const [table] = held.flatMap(({ rules: { tables } }) => tables.filter(({ name }) => name === 'filter'));
        const { rules } = table.chains.find(({ name }) => name === 'INPUT');
        expect(rules.map(({ header, nft }) => (nft ? printNftRule(nft, table.nft) : header.fragment?.negated))).toEqual([
            false,
            true,
            'ip frag-off & 8192 != 0 drop',
            'ip frag-off & 8191 != 1 drop',
        ]);
    });
    test('tables that were made with nft itself are read with nft, in their order', async () => {
        pod.must(['nft', 'add table inet zulu; add table ip alpha; add chain ip alpha c; add table arp filter']);
        const { native, unread } = await readSnapshot(namespaceOf(pod));
        expect(native?.map(({ family, name, chains }) => [family, name, chains.map((chain) => chain.name)])).toEqual([
            ['inet', 'zulu', []],
            ['ip', 'alpha', ['c']],
        ]);
        expect(unread).toBeUndefined();
    });
});
test('a namespace whose legacy tables may not be listed says so, and its nft rules are read', async () => {
    // The network namespace is made before its user namespace is mapped: the list then belongs to nobody inside.
    const scratch = await openScratch(process.getuid?.() === 0 ? { user: 65534 } : {});
    try {
        scratch.must(['iptables-nft-restore'], { input: RULES });
        const snapshot = await readSnapshot(namespaceOf(scratch));
        expect(saved(snapshot, 'nft', 'ipv4')).toContain('--dport 8888');
        expect(snapshot.unread?.map(({ what }) => what)).toEqual([
            'the IPv4 rules of the legacy back end',
            'the IPv6 rules of the legacy back end',
        ]);
    }
    finally {
        scratch.close();
    }
});
test('sets are read where a rule names one', async () => {
    const scratch = await openScratch();
    try {
        scratch.must(['ipset', 'create', 'mine', 'hash:ip']);
        expect((await readSnapshot(namespaceOf(scratch))).ipsets).toBeUndefined();
        scratch.must(['iptables', '-A', 'INPUT', '-m', 'set', '--match-set', 'mine', 'src', '-j', 'DROP']);
        const read = await readSnapshot(namespaceOf(scratch));
        expect(read.ipsets).toContain('create mine hash:ip');
        expect(read.sets.get('mine')).toMatchObject({ type: 'hash:ip', family: 'ipv4', entries: [] });
    }
    finally {
        scratch.close();
    }
});
