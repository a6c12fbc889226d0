import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { containerOf, findContainer } from '../../src/linux/container.ts';
import { NoSuchNamespace } from '../../src/linux/index.ts';
const ID = '3f2a91c0b7d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e';
const OTHER = '3f2a91ffb7d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e';
// What /proc/PID/cgroup of a containerised process holds, runtime by runtime.
test.for([
    ['Docker, cgroup v1, cgroupfs', `12:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}\n`],
    ['Docker, cgroup v2, systemd', `0::/system.slice/docker-${ID}.scope\n`],
    ['containerd of a kubelet, v1, cgroupfs', `4:memory:/kubepods/burstable/pod6a1d2c3e-0000/${ID}\n`],
    [
        'containerd of a kubelet, v2, systemd',
        `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6a1d2c3e_0000.slice/cri-containerd-${ID}.scope\n`,
    ],
    ['CRI-O', `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod6a.slice/crio-${ID}.scope\n`],
    ['CRI-O with a cgroup of its own inside', `0::/kubepods.slice/kubepods-pod6a.slice/crio-${ID}.scope/container\n`],
    ['Podman, cgroupfs', `11:pids:/libpod_parent/libpod-${ID}\n0::/libpod_parent/libpod-${ID}\n`],
    ['Podman, rootless', `0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope/container\n`],
    ['Podman in a pod', `0::/libpod_parent/${OTHER}/libpod-${ID}\n`],
    ['a container in a container', `0::/docker/${OTHER}/docker/${ID}\n`],
    ['seen from another cgroup namespace', `0::/../cri-containerd-${ID}.scope\n`],
])('%s', ([, cgroup]) => {
    expect(containerOf(cgroup)).toBe(ID);
});
test.for([
    ['a session of the host', '0::/user.slice/user-1000.slice/session-3.scope\n'],
    ['the monitor beside a container', `0::/machine.slice/libpod-conmon-${ID}.scope\n`],
    ['the root cgroup', '9:name=systemd:/\n0::/\n'],
    ['nothing readable', ''],
])('%s is no container', ([, cgroup]) => {
    expect(containerOf(cgroup)).toBeUndefined();
});
test('LXC and systemd-nspawn name their cgroups', () => {
    expect(containerOf('0::/lxc.payload.web/system.slice/nginx.service\n')).toBe('web');
    expect(containerOf('0::/machine.slice/machine-build\\x2droot.scope/payload\n')).toBe('build-root');
});
describe('finding one', () => {
    let proc;
    const process = (pid, cgroup) => {
        mkdirSync(join(proc, String(pid)));
        writeFileSync(join(proc, String(pid), 'cgroup'), cgroup);
    };
    beforeEach(() => {
        proc = mkdtempSync(join(tmpdir(), 'sidestep-proc-'));
        process(1, '0::/init.scope\n');
        process(4712, `0::/system.slice/docker-${ID}.scope\n`);
        process(4711, `0::/system.slice/docker-${ID}.scope\n`);
        process(4800, `0::/system.slice/docker-${OTHER}.scope\n`);
    });
    afterEach(() => rmSync(proc, { recursive: true }));
    test.for([ID, ID.slice(0, 12), `docker://${ID}`, `containerd://${ID.slice(0, 9)}`])('%s is its first process', (word) => {
        expect(findContainer(word, proc)).toEqual({ id: ID, pid: 4711 });
    });
    test('a prefix of two is refused, and both are shown', () => {
        const find = () => findContainer('3f2a91', proc);
        expect(find).toThrow(NoSuchNamespace);
        expect(find).toThrow('2 containers are called 3f2a91: 3f2a91c0b7d4e5f6, 3f2a91ffb7d4e5f6');
    });
    test.for(['deadbeef', '', 'no such name', '\x1b[31mred'])('%j is not there', (word) => {
        const find = () => findContainer(word, proc);
        expect(find).toThrow(NoSuchNamespace);
        expect(find).not.toThrow('\x1b');
    });
});
