import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ChangeRefused, changeRules, LockHeld, NotPermitted, openNamespace } from '../../src/linux/index.ts';
import { holding, namespaceOf, rulesIn, stateOf, withoutNotes, withoutRule, withRule } from '../support/change.ts';
import { openPair, openScratch, WAYS } from '../support/namespace.ts';
const BACKENDS = ['nft', 'legacy'];
const BYPASS = '-p tcp -m tcp --dport 8888 -j RETURN';
const TPROXY = `*mangle
:ISTIO_DIVERT - [0:0]
:ISTIO_TPROXY - [0:0]
-A PREROUTING -p tcp -j ISTIO_TPROXY
-A ISTIO_DIVERT -j MARK --set-xmark 0x539/0xffffffff
-A ISTIO_DIVERT -j ACCEPT
-A ISTIO_TPROXY -p tcp -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff
COMMIT
*nat
:ISTIO_REDIRECT - [0:0]
-A OUTPUT -p tcp -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`;
const REDIRECT = '*nat\n-A PREROUTING -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n';
/** What the tool refuses as it reads it, and what only the kernel refuses. */
const REFUSED = [
    '*nat\n-A PREROUTING -p tcp -m tcp --dport 1 -j REDIRECT --to-ports 1\n-A OUTPUT -m nosuchmatch -j ACCEPT\nCOMMIT\n',
    '*nat\n-A PREROUTING -p tcp -m tcp --dport 1 -j REDIRECT --to-ports 1\n-A OUTPUT -m cgroup --path nosuch -j ACCEPT\nCOMMIT\n',
];
const ROUTING = [
    { kind: 'rule', family: 'ipv4', mark: 1337, table: 133 },
    { kind: 'local-route', family: 'ipv4', table: 133 },
    { kind: 'rule', family: 'ipv6', mark: 1337, table: 133 },
    { kind: 'local-route', family: 'ipv6', table: 133 },
    { kind: 'address', family: 'ipv6', prefix: '::6/128', device: 'lo' },
];
/** TPROXY's own text of IPv6. */
const v6 = (text) => text.replace('--on-ip 0.0.0.0', '--on-ip ::');
describe.for(WAYS)('$title', ({ options: user, title }) => {
    /** A lock file that this user may write. */
    const env = { XTABLES_LOCKFILE: `/tmp/sidestep-test-${process.pid}-${title.replaceAll(' ', '-')}.lock` };
    describe.for(BACKENDS)('%s', (backend) => {
        let pair;
        let pod;
        const change = (what) => changeRules(namespaceOf(pod), { backend, ...what });
        beforeEach(async () => {
            pair = await openPair(user);
            pod = pair.pod;
        });
        afterEach(() => {
            pair.close();
            rmSync(env.XTABLES_LOCKFILE, { force: true });
        });
        test('both families, marks, routes and an address come and go; twice is once', async () => {
            const before = stateOf(pod);
            const all = holding({ ipv4: TPROXY, ipv6: v6(TPROXY) }, { routing: { add: ROUTING } });
            const report = await change(all);
            expect(report.changed).toBe(true);
            expect(withoutNotes(pod.must([`iptables-${backend}-save`, '-t', 'mangle']))).toContain('-A ISTIO_TPROXY -p tcp -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x539/0xffffffff\nCOMMIT\n');
            expect(withoutNotes(pod.must([`ip6tables-${backend}-save`]))).toContain('-A ISTIO_TPROXY -p tcp');
            expect(pod.must(['ip', '-6', 'rule'])).toContain('fwmark 0x539 lookup 133');
            expect(pod.must(['ip', '-4', 'route', 'show', 'table', '133'])).toContain('local default dev lo');
            expect(pod.must(['ip', '-6', 'address', 'show', 'dev', 'lo'])).toContain('::6/128');
            const middle = stateOf(pod);
            const again = await change(all);
            expect(again).toMatchObject({ changed: false, steps: [] });
            expect(stateOf(pod)).toBe(middle);
            const gone = await change(holding({ ipv4: '', ipv6: '' }, { routing: { remove: ROUTING } }));
            expect(gone).toMatchObject({ changed: true, left: [] });
            // A legacy table cannot be taken away from a namespace; without rules and with policy ACCEPT it does nothing.
            expect(withoutEmptyTables(stateOf(pod), backend)).toBe(before);
        });
        test('a rule, undone, leaves the bytes that were there before', async () => {
            for (const start of ['', '*nat\n-A PREROUTING -p udp -j ACCEPT\nCOMMIT\n*filter\n-P INPUT DROP\nCOMMIT\n']) {
                if (start !== '')
                    pod.must([`iptables-${backend}-restore`, '--noflush'], { input: start, env });
                const before = stateOf(pod);
                expect((await change(withRule(BYPASS))).changed).toBe(true);
                expect(withoutNotes(pod.must([`iptables-${backend}-save`, '-t', 'nat']))).toContain(`-A PREROUTING ${BYPASS}`);
                await change(withoutRule(BYPASS));
                expect(withoutEmptyTables(stateOf(pod), backend)).toBe(withoutEmptyTables(before, backend));
            }
        });
        test('rules that others add in between stay, with their counters', async () => {
            await change(withRule(BYPASS));
            const others = '*nat\n[3:180] -A PREROUTING -p udp -j ACCEPT\n[4:240] -I PREROUTING 1 -p icmp -j ACCEPT\nCOMMIT\n';
            pod.must([`iptables-${backend}-restore`, '--noflush', '--counters'], { input: others, env });
            await change(withoutRule(BYPASS));
            const saved = pod.must([`iptables-${backend}-save`, '-c', '-t', 'nat']);
            expect(saved.match(/.*-A PREROUTING.*/g)).toEqual([
                '[4:240] -A PREROUTING -p icmp -j ACCEPT',
                '[3:180] -A PREROUTING -p udp -j ACCEPT',
            ]);
        });
        test('what the kernel refuses in one family is not done in the other', async () => {
            await change(holding({ ipv4: REDIRECT }));
            const before = stateOf(pod);
            for (const refused of REFUSED) {
                for (const texts of [
                    { ipv4: TPROXY, ipv6: refused },
                    { ipv4: refused, ipv6: v6(TPROXY) },
                ]) {
                    const refusal = change(holding(texts, { routing: { add: ROUTING } }));
                    await expect(refusal).rejects.toThrow(ChangeRefused);
                    await expect(refusal).rejects.toThrow('nosuch');
                    expect(withoutEmptyTables(stateOf(pod), backend)).toBe(withoutEmptyTables(before, backend));
                }
            }
        });
        test('what ip refuses leaves no rules', async () => {
            const before = stateOf(pod);
            const odd = { kind: 'address', family: 'ipv6', prefix: '::6/128', device: 'nosuchdevice' };
            const refused = change(holding({ ipv4: TPROXY }, { routing: { add: [...ROUTING, odd] } }));
            await expect(refused).rejects.toThrow('nosuchdevice');
            expect(stateOf(pod)).toBe(before);
        });
        test('a dry run says what would be done, and does nothing', async () => {
            const before = stateOf(pod);
            const report = await change({ ...holding({ ipv4: REDIRECT }, { routing: { add: ROUTING } }), dryRun: true });
            expect(report.changed).toBe(false);
            expect(report.steps.map((step) => (step.kind === 'ip' ? step.words[0] : step.script))).toEqual([
                'rule',
                'route',
                'rule',
                'route',
                'address',
                REDIRECT,
            ]);
            expect(stateOf(pod)).toBe(before);
        });
        test('from TPROXY to REDIRECT and back is the same as from nothing', async () => {
            await change(holding({ ipv4: TPROXY }, { routing: { add: ROUTING } }));
            await change(holding({ ipv4: REDIRECT }, { routing: { remove: ROUTING } }));
            const arrived = withoutEmptyTables(stateOf(pod), backend);
            const fresh = await openPair(user);
            try {
                await changeRules(namespaceOf(fresh.pod), { backend, ...holding({ ipv4: REDIRECT }) });
                expect(arrived).toBe(withoutEmptyTables(stateOf(fresh.pod), backend));
            }
            finally {
                fresh.close();
            }
        });
    });
});
describe('empty nft tables', () => {
    let scratch;
    beforeEach(async () => {
        scratch = await openScratch();
    });
    afterEach(() => scratch.close());
    test('one that somebody else has put a set into is left, and said to be', async () => {
        await changeRules(namespaceOf(scratch), withRule(BYPASS));
        scratch.must(['nft', 'add set ip nat mine { type ipv4_addr; }']);
        const report = await changeRules(namespaceOf(scratch), withoutRule(BYPASS));
        expect(report.left).toEqual([{ family: 'ipv4', table: 'nat' }]);
        expect(scratch.must(['nft', 'list', 'ruleset'])).toContain('set mine');
    });
    test('one whose policy is DROP is left', async () => {
        scratch.must(['iptables-nft', '-P', 'FORWARD', 'DROP']);
        const before = stateOf(scratch);
        const filter = { table: 'filter', chain: 'INPUT' };
        await changeRules(namespaceOf(scratch), withRule(BYPASS, filter));
        await changeRules(namespaceOf(scratch), withoutRule(BYPASS, filter));
        expect(stateOf(scratch)).toBe(before);
    });
    test('one that was empty before the change is not touched by it', async () => {
        scratch.must(['sh', '-c', 'iptables-nft -t mangle -A INPUT -j ACCEPT; iptables-nft -t mangle -F']);
        await changeRules(namespaceOf(scratch), withRule(BYPASS));
        await changeRules(namespaceOf(scratch), withoutRule(BYPASS));
        expect(withoutNotes(scratch.must(['iptables-nft-save']))).toMatch(/^\*mangle\n/);
    });
});
describe('the lock of the legacy tools', () => {
    test('is waited for with a bound; then nothing has changed and the message says so', async () => {
        const scratch = await openScratch();
        scratch.must(['ip', 'link', 'set', 'lo', 'up']);
        const held = `/tmp/sidestep-test-${process.pid}.lock`;
        const old = process.env.XTABLES_LOCKFILE;
        process.env.XTABLES_LOCKFILE = held;
        const holder = scratch.start(['flock', '--no-fork', held, 'sh', '-c', 'echo locked; exec sleep 1000'], {
            stdio: 'pipe',
        });
        try {
            await new Promise((resolve) => holder.stdout?.once('data', resolve));
            const change = { ...holding({ ipv4: TPROXY, ipv6: v6(TPROXY) }, { routing: { add: ROUTING } }), wait: 1 };
            const blocked = changeRules(namespaceOf(scratch), { backend: 'legacy', ...change });
            await expect(blocked).rejects.toThrow(LockHeld);
            await expect(blocked).rejects.toThrow(/holds the xtables lock.*Stopped waiting after 1s/);
            expect(scratch.must(['ip', 'rule'])).not.toContain('133');
            // nft needs no lock.
            await changeRules(namespaceOf(scratch), { backend: 'nft', ...holding({ ipv4: REDIRECT }) });
            setTimeout(() => holder.kill('SIGKILL'), 300);
            const waited = await changeRules(namespaceOf(scratch), { backend: 'legacy', ...withRule(BYPASS), wait: 20 });
            expect(waited.changed).toBe(true);
        }
        finally {
            holder.kill('SIGKILL');
            if (old === undefined)
                delete process.env.XTABLES_LOCKFILE;
            else
                process.env.XTABLES_LOCKFILE = old;
            scratch.close();
            rmSync(held, { force: true });
        }
    });
});
test('without CAP_NET_ADMIN the capability is named, and how to get it', async () => {
    const scratch = await openScratch();
    const program = `
    import { changeRules, openNamespace } from ${JSON.stringify(new URL('../../dist/linux/index.js', import.meta.url).href)};
    changeRules(openNamespace(), { compute: () => ({ held: [] }) }).catch(({ name, message, hint }) => console.log(JSON.stringify({ name, message, hint })));`;
    try {
        const done = scratch.run([
            'setpriv',
            '--bounding-set=-net_admin',
            process.execPath,
            '--input-type=module',
            '-e',
            program,
        ]);
        const error = JSON.parse(done.stdout);
        expect(error.name).toBe(NotPermitted.name);
        expect(error.message).toContain('needs CAP_NET_ADMIN');
        expect(error.hint).toContain('securityContext: { capabilities: { add: [NET_ADMIN] } }');
        expect(openNamespace().enter).toEqual([]);
    }
    finally {
        scratch.close();
    }
});
/** In legacy, tables that hold nothing stay behind; nft's must be gone. */
function withoutEmptyTables(saved, backend) {
    return backend === 'nft' ? saved : saved.replace(/\*\w+\n(?::\S+ ACCEPT \[0:0\]\n)+COMMIT\n/g, '');
}
test('the rules that these tests write are those that the kernel prints', () => {
    expect(rulesIn(TPROXY).tables.map(({ name }) => name)).toEqual(['mangle', 'nat']);
});
