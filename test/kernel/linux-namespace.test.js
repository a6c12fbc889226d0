import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NoSuchNamespace, openNamespace, readSnapshot } from '../../src/linux/index.ts';
import { namespaceOf } from '../support/change.ts';
import { ORDINARY_USER, openScratch, WAYS } from '../support/namespace.ts';
const built = (path) => JSON.stringify(new URL(`../../dist/${path}/index.js`, import.meta.url).href);
const isRoot = process.getuid?.() === 0;
/** A Node of its own, which tries to open a namespace and to read it, and prints how that went. */
const opening = (selector) => [
    process.execPath,
    '--input-type=module',
    '-e',
    `import { openNamespace, readSnapshot } from ${built('linux')};
   try {
     const snapshot = await readSnapshot(openNamespace(${JSON.stringify(selector)}), { needRules: true });
     console.log(JSON.stringify({ origin: snapshot.origin, names: snapshot.interfaces.map(({ name }) => name) }));
   } catch ({ name, message, hint, exitStatus }) {
     console.log(JSON.stringify({ name, message, hint, exitStatus }));
   }`,
];
describe.for(WAYS)('another process’s namespace, $title', ({ options }) => {
    let scratch;
    beforeEach(async () => {
        scratch = await openScratch(options);
        scratch.must(['ip', 'link', 'add', 'marked', 'type', 'veth', 'peer', 'name', 'other']);
    });
    afterEach(() => scratch.close());
    test('is entered by process id', async () => {
        const snapshot = await readSnapshot(namespaceOf(scratch));
        expect(snapshot.origin).toBe(`network namespace of cat (pid ${scratch.pid})`);
        expect(snapshot.interfaces?.map(({ name }) => name).sort()).toEqual(['lo', 'marked', 'other']);
    });
    test('is entered by a path to its file', async () => {
        const snapshot = await readSnapshot(openNamespace({ netns: `/proc/${scratch.pid}/ns/net` }));
        expect(snapshot.interfaces?.map(({ name }) => name)).toContain('marked');
    });
    test('is this one when seen from inside', () => {
        const said = JSON.parse(scratch.must(opening({ pid: scratch.pid })));
        expect(said.names).toContain('marked');
    });
    test('is gone with its process', async () => {
        const namespace = namespaceOf(scratch);
        const { pid } = scratch;
        scratch.close();
        for (let tries = 0; tries < 300 && isThere(pid); tries += 1)
            await sleep(10);
        expect(() => openNamespace({ pid })).toThrow(NoSuchNamespace);
        expect(() => openNamespace({ pid })).toThrow(`there is no process ${pid}`);
        await expect(readSnapshot(namespace)).rejects.toThrow('the namespace is gone');
    });
});
const isThere = (pid) => {
    try {
        openNamespace({ pid });
        return true;
    }
    catch {
        return false;
    }
};
test('this namespace is entered by nothing', () => {
    expect(openNamespace()).toMatchObject({ title: 'this network namespace', enter: [] });
    expect(openNamespace({ pid: process.pid })).toMatchObject({ enter: [] });
});
test.for([
    [{ netns: 'no\x1bsuch' }, 'there is no network namespace no\\x1bsuch'],
    [{ netns: '/etc/passwd' }, '/etc/passwd is not a namespace'],
    [{ netns: '/no/such/file' }, 'there is no namespace at /no/such/file'],
    [{ pid: 2 ** 31 - 1 }, 'there is no process 2147483647'],
    [{ pid: 1, netns: 'blue' }, 'more than one namespace is named'],
    [{ container: 'deadbeefdeadbeef' }, 'no running container is called deadbeefdeadbeef'],
])('%j is refused: %s', ([selector, message]) => {
    const open = () => openNamespace(selector);
    expect(open).toThrow(NoSuchNamespace);
    expect(open).toThrow(message);
});
describe('a container', () => {
    const ID = '3f2a91c0b7d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e';
    let scratch;
    let proc;
    beforeAll(async () => {
        scratch = await openScratch();
        scratch.must(['ip', 'link', 'add', 'marked', 'type', 'veth', 'peer', 'name', 'other']);
        // A /proc in which the scratch's holder is in the cgroup of a container; all else is the real one's.
        proc = mkdtempSync(join(tmpdir(), 'sidestep-proc-'));
        symlinkSync('/proc/self', join(proc, 'self'));
        mkdirSync(join(proc, String(scratch.pid)));
        for (const name of ['ns', 'comm', 'uid_map', 'gid_map', 'setgroups'])
            symlinkSync(`/proc/${scratch.pid}/${name}`, join(proc, String(scratch.pid), name));
        writeFileSync(join(proc, String(scratch.pid), 'cgroup'), `0::/system.slice/docker-${ID}.scope\n`);
    });
    afterAll(() => {
        scratch?.close();
        rmSync(proc, { recursive: true, force: true });
    });
    test('is entered by the beginning of its id', async () => {
        const namespace = openNamespace({ container: ID.slice(0, 8) }, proc);
        expect(namespace.title).toBe(`network namespace of container 3f2a91c0b7d4 (pid ${scratch.pid})`);
        expect((await readSnapshot(namespace)).interfaces?.map(({ name }) => name)).toContain('marked');
    });
});
describe.runIf(isRoot)('what only root can stage', () => {
    let scratch;
    beforeEach(async () => {
        scratch = await openScratch();
    });
    afterEach(() => scratch.close());
    test('a name of ip netns is entered; an unknown one is answered with those there are', async () => {
        // The name lives in a mount namespace of its own, and goes with it.
        const mounts = `mount -t tmpfs tmpfs /run && mkdir /run/netns && ip netns attach blue ${scratch.pid} && exec "$@"`;
        const beside = await openScratch();
        try {
            const said = (netns) => JSON.parse(beside.must(['unshare', '--mount', 'sh', '-c', mounts, 'sh', ...opening({ netns })]));
            expect(said('blue')).toEqual({ origin: 'network namespace blue', names: ['lo'] });
            expect(said('/run/netns/blue')).toMatchObject({ names: ['lo'] });
            const red = said('red');
            expect(red).toMatchObject({ name: 'NoSuchNamespace', exitStatus: 2 });
            expect(red.hint).toContain('There are: blue');
        }
        finally {
            beside.close();
        }
    });
    test('an ordinary user is told which capability is missing, and how to get it', () => {
        const become = ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups', '--'];
        const asUser = (selector) => JSON.parse(scratch.must([...become, ...opening(selector)]));
        const rules = asUser({});
        expect(rules).toMatchObject({ name: 'NotPermitted', exitStatus: 3 });
        expect(rules.message).toContain('needs CAP_NET_ADMIN');
        expect(rules.hint).toContain('unshare --user --map-root-user --net');
        expect(asUser({ pid: scratch.pid })).toMatchObject({
            name: 'NotPermitted',
            message: `looking at the namespaces of cat (pid ${scratch.pid}) needs CAP_SYS_PTRACE, which this process does not have`,
        });
    });
    test('a missing package is named, with the command that installs it', () => {
        // An empty folder lies over each that has the tools, in a mount namespace of its own.
        const hide = 'for folder in /usr/sbin /usr/local/sbin; do mount -t tmpfs tmpfs $folder; done; exec "$@"';
        const said = JSON.parse(scratch.must(['unshare', '--mount', 'sh', '-c', hide, 'sh', ...opening({})]));
        expect(said).toMatchObject({
            name: 'MissingPackage',
            exitStatus: 3,
            message: 'iptables-nft-save is not installed',
        });
        expect(said.hint).toMatch(/^Install it: .* iptables/);
    });
});
