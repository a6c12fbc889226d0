import { expect, test } from 'vitest';
import { refusalOf } from '../../src/linux/complaint.ts';
// What the tools print when they fail (iptables 1.8.9, util-linux 2.38), and what it is told as.
const told = (stderr, script) => refusalOf({ stderr, status: 4 }, { doing: 'changing table nat', ...(script ? { script } : {}) });
test.for([
    [
        'iptables-nft-restore v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)',
        'NotPermitted',
        'needs CAP_NET_ADMIN',
        'capabilities: { add: [NET_ADMIN] }',
    ],
    ['RTNETLINK answers: Operation not permitted', 'NotPermitted', 'changing table nat needs CAP_NET_ADMIN', 'sudo'],
    [
        "nsenter: reassociate to namespace 'ns/net' failed: Operation not permitted",
        'NotPermitted',
        'CAP_SYS_ADMIN',
        'SYS_ADMIN',
    ],
    ['nsenter: cannot open /proc/9/ns/net: No such file or directory', 'NoSuchNamespace', 'is gone', 'ended'],
    [
        "nsenter: reassociate to namespace 'ns/net' failed: Invalid argument",
        'NoSuchNamespace',
        'not a network',
        '/ns/net',
    ],
    [
        'Another app is currently holding the xtables lock. Stopped waiting after 1s.',
        'LockHeld',
        'Stopped waiting after 1s',
        'fuser -v /run/xtables.lock',
    ],
    [
        'iptables-nft-restore: Extension socket revision 0 not supported, missing kernel module?',
        'MissingKernelFeature',
        'Extension socket',
        'modprobe xt_socket',
    ],
    [
        'iptables-nft-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Invalid argument',
        'MissingKernelFeature',
        'generation id',
        'modprobe nf_tables',
    ],
    [
        "iptables-restore v1.8.9 (nf_tables): Couldn't load match `nosuch':No such file or directory",
        'ChangeRefused',
        'nosuch',
        'newer package',
    ],
])('%s', ([stderr, name, message, hint]) => {
    const error = told(stderr);
    expect(error.name).toBe(name);
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
});
test('the line that was refused is quoted; an owner that does not exist there is explained', () => {
    const script = '*nat\n-A OUTPUT -p tcp -j ACCEPT\n-A OUTPUT -m owner --uid-owner 1337 -j RETURN\nCOMMIT\n';
    const error = told('line 3: RULE_APPEND failed (Invalid argument): rule in chain OUTPUT\n', script);
    expect(error.name).toBe('ChangeRefused');
    expect(error.message).toContain('-A OUTPUT -m owner --uid-owner 1337 -j RETURN');
    expect(error.hint).toContain('packet mark');
});
test('of many rules that were refused the first is told, and how many there are', () => {
    const failed = [3, 4, 5].map((line) => `line ${line}: RULE_APPEND failed (Invalid argument): rule in chain OUTPUT\n`);
    const { message } = told(`iptables-nft-restore v1.8.9 (nf_tables): \n${failed.join('')}`);
    expect(message).toMatch(/: line 3: RULE_APPEND failed \(Invalid argument\): rule in chain OUTPUT \(and 2 more like it\)$/);
});
test('control characters of a rule are not printed', () => {
    const script = '*nat\n-A OUTPUT -m comment --comment "\x1b[2J" -j NOWHERE\nCOMMIT\n';
    expect(told('iptables-restore: line 2 failed', script).message).toContain('\\x1b[2J');
});
