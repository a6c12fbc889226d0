import { expect, test } from 'vitest';
import { userNamespaceRefused } from '../../src/linux/user-namespaces.ts';
test.for([
    ['user.max_user_namespaces', '0', 'sudo sysctl -w user.max_user_namespaces=10000'],
    ['kernel.unprivileged_userns_clone', '0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1'],
    [
        'kernel.apparmor_restrict_unprivileged_userns',
        '1',
        'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    ],
])('%s = %s is named, with the command that changes it', ([key, value, command]) => {
    const switches = { [key]: value };
    expect(userNamespaceRefused('unshare: unshare failed: Operation not permitted', (name) => switches[name])).toMatchObject({
        what: expect.stringContaining(`${key} = ${value}`),
        hint: expect.stringContaining(command),
        exitStatus: 3,
    });
});
test('a container’s seccomp profile is what is left', () => {
    expect(userNamespaceRefused('unshare: unshare failed: Operation not permitted\n', () => undefined)).toMatchObject({
        what: expect.stringContaining('Operation not permitted'),
        hint: expect.stringContaining('seccomp'),
    });
});
