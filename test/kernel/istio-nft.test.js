import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialectOf, nativeModel, nativeText } from '../../src/interception/index.ts';
import { isSameTable } from '../../src/netfilter/index.ts';
import { parseNft } from '../../src/text/index.ts';
import { randomInterception, seeded } from '../interception/random.ts';
import { openScratch } from '../support/namespace.ts';
import { sidestep } from '../support/sidestep.ts';
let scratch;
let folder;
beforeAll(async () => {
    scratch = await openScratch();
    folder = mkdtempSync(join(tmpdir(), 'sidestep-istio-nft-'));
});
afterAll(() => {
    scratch?.close();
    rmSync(folder, { recursive: true, force: true });
});
test('what is written is what the kernel lists, in 60 random configurations', { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 60; seed += 1) {
        const interception = { ...randomInterception(seeded(seed)), dialect: 'istio-nft' };
        const { native = [] } = dialectOf('istio-nft').write(interception);
        const file = join(folder, 'rules.nft');
        writeFileSync(file, nativeText(native));
        const listed = scratch.must(['unshare', '--net', 'sh', '-c', 'nft -f "$1" && nft -a list ruleset', 'sh', file]);
        const [wanted, held] = [nativeModel(native), parseNft(listed)];
        expect(held.map(({ name }) => name)).toEqual(wanted.map(({ name }) => name));
        for (const [index, table] of wanted.entries()) {
            const there = held[index];
            // In words, where they differ: a model is long.
            if (!isSameTable(table, there))
                expect([seed, nativeText(native)]).toEqual([seed, listed]);
        }
    }
});
// What the two forms do differently, and why it seldom matters (docs/dialects.md): a report of IGMP is a first packet without a
// socket; a reset and the answer to a ping are no first ones, and nat is not asked about them.
test('of what the kernel sends itself, `! --uid-owner` holds and `meta skuid !=` does not; nat sees no answers', async () => {
    const pod = await openScratch();
    try {
        const rules = ['tcp flags & rst == rst', 'ip protocol igmp', 'ip protocol igmp meta skuid != 1337'];
        const lines = rules.map((rule) => `${rule} counter\n`).join('');
        const chains = ['filter', 'nat'].map((type) => `chain ${type} {\ntype ${type} hook output priority 0\n${lines}}\n`);
        // Without a mapping nat is not asked at all.
        const mapping = 'chain on {\ntype nat hook output priority 1\ntcp dport 1 redirect to :2\n}\n';
        pod.must(['nft', '-f', '-'], { input: `table ip t {\n${chains.join('')}${mapping}}\n` });
        const links = ['link set lo up', 'link add eth0 type veth peer name peer', 'address add 10.0.0.5/24 dev eth0'];
        pod.must(['ip', '-batch', '-'], { input: `${[...links, 'link set eth0 up'].join('\n')}\n` });
        pod.must(['iptables-nft', '-A', 'OUTPUT', '-p', 'igmp', '-m', 'owner', '!', '--uid-owner', '1337']);
        pod.must([process.execPath, '-e', IS_REFUSED_AND_JOINS]);
        const listed = pod.must(['nft', 'list', 'table', 'ip', 't']);
        const met = [...listed.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets) > 0);
        expect(met).toEqual([true, true, false, false, true, false]);
        expect(pod.must(['iptables-nft', '-vnxL', 'OUTPUT'])).toMatch(/^ +[1-9]\d* +\d+ .*! owner UID match 1337/m);
    }
    finally {
        pod.close();
    }
});
/** Calls a port where nobody listens, then joins a group: the kernel sends a reset and a report. */
const IS_REFUSED_AND_JOINS = `
require('net').connect(9, '10.0.0.5').on('error', () => {
  const socket = require('dgram').createSocket('udp4');
  socket.bind(() => {
    socket.addMembership('239.1.2.3', '10.0.0.5');
    setTimeout(() => process.exit(), 100);
  });
});`;
describe('init --dialect istio-nft', () => {
    const ALL = ['-b', '*', '-i', '*', '-u', '1337', '-g', '1337', '--family', 'both'];
    let pod;
    const run = (...args) => sidestep(args, { enter: pod.enter });
    const init = (...args) => run('init', '--dialect', 'istio-nft', ...ALL, ...args);
    const tables = () => pod.must(['nft', 'list', 'tables']).trim().split('\n');
    const rules = () => pod.must(['ip', 'rule']);
    beforeAll(async () => {
        pod = await openScratch();
        pod.must(['ip', 'link', 'set', 'lo', 'up']);
        pod.must(['nft', '-f', '-'], { input: 'table inet others {\n\tchain c {\n\t\ttcp dport 80 accept\n\t}\n}\n' });
    });
    afterAll(() => pod?.close());
    test('writes once, and has nothing to do the second time', () => {
        expect(init().stdout).toContain('done in');
        expect(tables()).toEqual(['table inet others', 'table inet istio-proxy-nat']);
        const listed = pod.must(['nft', '-a', 'list', 'ruleset']);
        expect(init().stdout).toContain('Nothing to do');
        expect(pod.must(['nft', '-a', 'list', 'ruleset'])).toBe(listed);
    });
    test('is listed, verified and followed', () => {
        expect(run('list').stdout).toMatch(/inbound {3}tcp, but :15008 +→ proxy :15006[\s\S]*Istio \(native nftables\)/);
        const verified = run('verify', '--no-probe');
        expect([verified.status, verified.stdout]).toEqual([0, expect.stringContaining('no difference')]);
        expect(run('trace', 'out tcp > 127.0.0.1:8080').stdout).toContain('inet istio-proxy-nat output');
    });
    test('verify finds a rule that was taken out, and one that was put in; init mends both', () => {
        const handle = /# handle (\d+)/.exec(pod.must(['nft', '-a', 'list', 'chain', 'inet', 'istio-proxy-nat', 'istio-inbound']).split('\n')[2] ?? '')?.[1];
        pod.must(['nft', 'delete', 'rule', 'inet', 'istio-proxy-nat', 'istio-inbound', 'handle', handle ?? '']);
        pod.must(['nft', 'insert', 'rule', 'inet', 'istio-proxy-nat', 'prerouting', 'tcp', 'dport', '8888', 'return']);
        const found = run('verify', '--no-probe', ...ALL, '--dialect', 'istio-nft');
        expect(found.status).toBe(1);
        expect(found.stdout).toContain('--dport 8888');
        expect(found.stdout).toContain('--dport 15008');
        expect(init().stdout).toContain('done in');
        expect(run('verify', '--no-probe').status).toBe(0);
    });
    test('another configuration takes its place: TPROXY, with its routing', () => {
        expect(init('-m', 'TPROXY', '--drop-invalid', '--redirect-dns', '--capture-all-dns').status).toBe(0);
        expect(tables().slice(1).sort()).toEqual([
            'table inet istio-proxy-mangle',
            'table inet istio-proxy-nat',
            'table inet istio-proxy-raw',
        ]);
        expect(rules()).toContain('fwmark 0x539 lookup 133');
        expect(run('verify', '--no-probe').status).toBe(0);
        expect(init().status).toBe(0);
        expect(tables()).toEqual(['table inet others', 'table inet istio-proxy-nat']);
        expect(rules()).not.toContain('0x539');
    });
    // iptables tells the proxy by its uid, which a namespace of an ordinary user does not have.
    test.runIf(process.getuid?.() === 0)('the iptables form and the native one give way to each other', () => {
        expect(run('init', '--dialect', 'istio', ...ALL).stderr).toContain('dialect istio-nft was here');
        expect(tables().filter((table) => table.includes('istio'))).toEqual([]);
        expect(pod.must(['iptables-nft-save'])).toContain('ISTIO_OUTPUT');
        expect(run('init', '--native-nftables', ...ALL).status).toBe(0);
        expect(pod.must(['iptables-nft-save'])).not.toContain('ISTIO_OUTPUT');
        expect(tables()).toContain('table inet istio-proxy-nat');
    });
    test('a dry run changes nothing, and -o save is what nft takes', () => {
        const before = pod.must(['nft', '-a', 'list', 'ruleset']);
        const saved = init('-m', 'TPROXY', '--dry-run', '-o', 'save').stdout;
        expect(init('--dry-run').stdout).toContain('this is a dry run');
        expect(pod.must(['nft', '-a', 'list', 'ruleset'])).toBe(before);
        pod.must(['unshare', '--net', 'nft', '-f', '-'], { input: saved });
    });
    test('bypass stands at the top of its chain, outlasts another init, and undo restores the rules', () => {
        const chain = () => pod.must(['nft', '-s', 'list', 'chain', 'inet', 'istio-proxy-nat', 'prerouting']);
        expect(init().status).toBe(0);
        const before = chain();
        expect(run('bypass', '8888', '9000-9010', '--apply').stdout).toContain('done in');
        expect(chain().split('\n')[3]).toBe('\t\ttcp dport { 8888, 9000-9010 } counter return comment "sidestep bypass"');
        expect(run('bypass', '8888', '9000-9010', '--apply').stdout).toContain('Nothing to do');
        expect(run('list').stdout).toMatch(/inbound {3}tcp, but :8888 :9000-9010 :15008/);
        expect(run('verify', '--no-probe').stdout).toContain("a bypass of Sidestep's");
        expect(run('trace', 'in tcp/8888').stdout).toContain('sidestep bypass');
        expect(init('-d', '15090').status).toBe(0);
        expect(chain()).toContain('sidestep bypass');
        expect(init().status).toBe(0);
        expect(run('bypass', '--undo').stdout).toContain('done in');
        expect(chain()).toBe(before);
        const refused = run('bypass', '8888', '--apply', '--for', '30m');
        expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('a bypass without an end')]);
    });
    test('with TPROXY the bypass stands where that does, for one family if asked', () => {
        expect(init('-m', 'TPROXY').status).toBe(0);
        expect(run('bypass', '8888', '--apply', '--family', 'ipv6').status).toBe(0);
        expect(pod.must(['nft', '-s', 'list', 'chain', 'inet', 'istio-proxy-mangle', 'prerouting']).split('\n')[3]).toBe('\t\tmeta nfproto ipv6 iifname != "lo" tcp dport 8888 counter return comment "sidestep bypass"');
        expect(run('bypass', '8888', '--apply', '--self', '--family', 'ipv6').status).toBe(0);
        expect(pod.must(['nft', '-s', 'list', 'chain', 'inet', 'istio-proxy-nat', 'output']).split('\n')[3]).toBe('\t\tmeta nfproto ipv6 oifname "lo" fib daddr type local tcp dport 8888 counter return comment "sidestep bypass"');
        expect(run('bypass', '8888', '--apply', '--self', '--family', 'ipv6').stdout).toMatch(/^Nothing to do: /);
        expect(run('bypass', '--undo').status).toBe(0);
        expect(run('clean').status).toBe(0);
        expect(init().status).toBe(0);
    });
    test('clean takes away its tables and nothing else', () => {
        expect(run('clean', '--dry-run').status).toBe(0);
        expect(tables()).toContain('table inet istio-proxy-nat');
        expect(run('clean').stdout).toContain('done in');
        expect(tables()).toEqual(['table inet others']);
        expect(run('clean').stdout).toContain('Nothing to do');
    });
});
