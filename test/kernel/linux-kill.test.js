import { once } from 'node:events';
import { readdirSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { changeRules } from '../../src/linux/index.ts';
import { holding, namespaceOf, stateOf, withoutRule, withRule } from '../support/change.ts';
import { openScratch } from '../support/namespace.ts';
import { seeded } from '../support/random.ts';
const BACKENDS = ['nft', 'legacy'];
const TPROXY = (any) => `*mangle
:ISTIO_TPROXY - [0:0]
-A PREROUTING -p tcp -j ISTIO_TPROXY
-A ISTIO_TPROXY -p tcp -j TPROXY --on-port 15001 --on-ip ${any} --tproxy-mark 0x539/0xffffffff
COMMIT
*nat
:ISTIO_REDIRECT - [0:0]
-A OUTPUT -p tcp -j ISTIO_REDIRECT
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
COMMIT
`;
const TEXTS = { ipv4: TPROXY('0.0.0.0'), ipv6: TPROXY('::') };
const ROUTING = [
    { kind: 'rule', family: 'ipv4', mark: 1337, table: 133 },
    { kind: 'local-route', family: 'ipv4', table: 133 },
    { kind: 'rule', family: 'ipv6', mark: 1337, table: 133 },
    { kind: 'local-route', family: 'ipv6', table: 133 },
];
let scratch;
// Where an ordinary user may lock; everybody in these tests locks the same file.
const lock = `/tmp/sidestep-kill-${process.pid}.lock`;
beforeEach(async () => {
    vi.stubEnv('XTABLES_LOCKFILE', lock);
    scratch = await openScratch();
    scratch.must(['ip', 'link', 'set', 'lo', 'up']);
});
afterEach(() => {
    scratch.close();
    vi.unstubAllEnvs();
    rmSync(lock, { force: true });
});
const url = (path) => JSON.stringify(new URL(`../../dist/${path}/index.js`, import.meta.url).href);
/** A Node that says when it begins, and then programs all of it or takes all of it away. */
const program = (backend, away) => `
  import { changeRules, openNamespace } from ${url('linux')};
  import { parseSave } from ${url('text')};
  const texts = ${JSON.stringify(away ? { ipv4: '', ipv6: '' } : TEXTS)};
  const held = Object.entries(texts).map(([family, text]) => ({
    backend: '${backend}',
    rules: parseSave(text, { family })[0] ?? { family, tables: [] },
  }));
  console.log('begin');
  await changeRules(openNamespace(), {
    backend: '${backend}',
    compute: () => ({ held, routing: { ${away ? 'remove' : 'add'}: ${JSON.stringify(ROUTING)} } }),
  });`;
describe.for(BACKENDS)('%s', (backend) => {
    test('whoever is killed while changing rules has changed all or nothing', { timeout: 300_000 }, async () => {
        const random = seeded(2018);
        const none = stateOf(scratch).replace(EMPTY_TABLES, '');
        await changeRules(namespaceOf(scratch), { backend, ...holding(TEXTS, { routing: { add: ROUTING } }) });
        const all = stateOf(scratch);
        const seen = { none: 0, all: 0 };
        let full = true;
        // How long a run takes on this machine today, when nobody kills it: the moments are spread over that.
        let whole = 0;
        for (let run = 0; run < 41; run += 1) {
            const node = scratch.start(['setsid', process.execPath, '--input-type=module', '-e', program(backend, full)]);
            await once(node.stdout, 'data');
            const begun = performance.now();
            if (run === 0) {
                await once(node, 'exit');
                whole = performance.now() - begun;
            }
            else
                await sleep(random.below(Math.ceil(whole * 1.2)));
            // Every third time as a terminal's Ctrl-C, which goes to the whole process group.
            if (run % 3 === 0)
                interrupt(node.pid);
            else
                node.kill('SIGKILL');
            await quiet(scratch);
            const state = stateOf(scratch);
            full = state === all;
            if (!full)
                expect(state.replace(EMPTY_TABLES, '')).toBe(none);
            seen[full ? 'all' : 'none'] += 1;
        }
        // Both ends were reached, so the moments were well chosen.
        expect(seen.none).toBeGreaterThan(0);
        expect(seen.all).toBeGreaterThan(0);
    });
    test('several at once, beside somebody who changes the same chain: every rule once, none lost', async () => {
        const bypass = (port) => `-p tcp -m tcp --dport ${port} -j RETURN`;
        const restless = scratch.start([
            'sh',
            '-c',
            `i=0; while [ $i -lt 25 ]; do i=$((i+1)); iptables-${backend} -w -t nat -I PREROUTING -p udp --dport $i -j ACCEPT; iptables-${backend} -w -t nat -D PREROUTING -p udp --dport $i -j ACCEPT; done; iptables-${backend} -w -t nat -A PREROUTING -p icmp -j ACCEPT`,
        ]);
        const ended = new Promise((resolve) => restless.once('close', resolve));
        const ports = [8001, 8002, 8003, 8003, 8003];
        await Promise.all(ports.map((port) => changeRules(namespaceOf(scratch), { ...withRule(bypass(port)), backend, wait: 20 })));
        await ended;
        const rules = () => [...scratch.must([`iptables-${backend}-save`, '-t', 'nat']).matchAll(/^-A PREROUTING (.*)$/gm)];
        expect(rules()
            .map(([, rule]) => rule)
            .sort()).toEqual(['-p icmp -j ACCEPT', ...[8001, 8002, 8003].map(bypass)].sort());
        for (const port of [8001, 8002, 8003])
            await changeRules(namespaceOf(scratch), { ...withoutRule(bypass(port)), backend });
        expect(rules().map(([, rule]) => rule)).toEqual(['-p icmp -j ACCEPT']);
    });
});
/** Tables that hold nothing: legacy cannot be rid of them, and whoever is killed does not come to take nft's away. */
const EMPTY_TABLES = /\*\w+\n(?::\S+ ACCEPT \[0:0\]\n)+COMMIT\n/g;
/** Sends SIGINT to a process group, unless it has ended already. */
function interrupt(group) {
    try {
        process.kill(-group, 'SIGINT');
    }
    catch (error) {
        if (error.code !== 'ESRCH')
            throw error;
    }
}
/** Waits until nobody but its holder runs in a namespace. */
async function quiet({ pid }) {
    const inside = readlinkSync(`/proc/${pid}/ns/net`);
    const others = () => readdirSync('/proc').filter((name) => {
        if (!/^\d+$/.test(name) || Number(name) === pid)
            return false;
        try {
            return readlinkSync(`/proc/${name}/ns/net`) === inside;
        }
        catch {
            return false;
        }
    });
    while (others().length > 0)
        await sleep(5);
}
