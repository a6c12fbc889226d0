import { expect, test } from 'vitest';
import { explain } from '../../src/linux/user-namespaces.ts';

test.for([
  ['user.max_user_namespaces', '0', 'sudo sysctl -w user.max_user_namespaces=10000'],
  ['kernel.unprivileged_userns_clone', '0', 'sudo sysctl -w kernel.unprivileged_userns_clone=1'],
  [
    'kernel.apparmor_restrict_unprivileged_userns',
    '1',
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
] as const)('%s = %s is named, with the command that changes it', ([key, value, command]) => {
  const switches: Record<string, string> = { [key]: value };
  expect(explain('unshare: unshare failed: Operation not permitted', (name) => switches[name])).toMatchObject({
    available: false,
    because: expect.stringContaining(`${key} = ${value}`),
    hint: expect.stringContaining(command),
  });
});

test('a container’s seccomp profile is what is left', () => {
  expect(explain('unshare: unshare failed: Operation not permitted\n', () => undefined)).toMatchObject({
    because: expect.stringContaining('Operation not permitted'),
    hint: expect.stringContaining('seccomp'),
  });
});
