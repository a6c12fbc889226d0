import { expect, test } from 'vitest';
import { parseSocketStatistics } from '../../src/linux/listeners.ts';
// Lines of `ss -H -O -n -l -t -u -e --inet-sockopt`, iproute2 6.1.
const read = (line) => parseSocketStatistics(`${line}\n`)[0];
test('a transparent TCP listener of a proxy', () => {
    const line = 'tcp LISTEN 0      128       0.0.0.0:15001 0.0.0.0:* uid:1337 ino:50141 sk:3 cgroup:/ <-> inet-sockopt: ( is_icsk mc_loop transparent mc_all)';
    expect(read(line)).toEqual({
        inode: 50141,
        listener: { family: 'ipv4', protocol: 'tcp', address: 0, port: 15001, transparent: true, uid: 1337 },
    });
});
test('a star is :: that takes IPv4 too, [::] is IPv6 alone', () => {
    const tail = 'ino:1 sk:5 cgroup:/ v6only:0 <-> inet-sockopt: ( is_icsk mc_loop)';
    expect(read(`tcp LISTEN 0 128 *:8080 *:* ${tail}`)?.listener).toMatchObject({
        family: 'ipv6',
        address: 0n,
        dual: true,
    });
    expect(read(`tcp LISTEN 0 128 [::]:8081 [::]:* ${tail}`)?.listener).not.toHaveProperty('dual');
});
test('a socket bound to an interface', () => {
    const tail = 'ino:1 sk:4 cgroup:/ <-> inet-sockopt: ( is_icsk mc_loop mc_all)';
    expect(read(`tcp LISTEN 0 128 0.0.0.0%lo:9999 0.0.0.0:* ${tail}`)?.listener).toMatchObject({
        device: 'lo',
        port: 9999,
    });
    expect(read(`udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:* ${tail}`)?.listener).toMatchObject({
        family: 'ipv6',
        protocol: 'udp',
        device: 'eth0',
        port: 546,
    });
});
test('a cgroup whose name imitates an option does not make a socket transparent or another user’s', () => {
    const line = 'tcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:* ino:7 sk:3 cgroup:/a uid:0 transparent <-> inet-sockopt: ( is_icsk mc_loop mc_all)';
    expect(read(line)?.listener).toEqual({ family: 'ipv4', protocol: 'tcp', address: 0, port: 80, uid: 0 });
});
