import { readFileSync } from 'node:fs';
import { NamespaceRefused } from './refusal.ts';

/** Switches that forbid it: the file under /proc/sys, the value that forbids, and the value that allows. */
const SWITCHES: readonly {
  readonly key: string;
  readonly forbids: string;
  readonly allow: string;
  readonly whose: string;
}[] = [
  { key: 'user.max_user_namespaces', forbids: '0', allow: '10000', whose: '' },
  { key: 'kernel.unprivileged_userns_clone', forbids: '0', allow: '1', whose: " (Debian's switch)" },
  { key: 'kernel.apparmor_restrict_unprivileged_userns', forbids: '1', allow: '0', whose: " (Ubuntu's switch)" },
];

/** Why user namespaces are refused: `said` is unshare's own complaint, `readSwitch` gives a sysctl's value. */
export function userNamespaceRefused(
  said: string,
  readSwitch: (key: string) => string | undefined = sysctl,
): NamespaceRefused {
  const set = SWITCHES.find(({ key, forbids }) => readSwitch(key) === forbids);
  if (set !== undefined) {
    return new NamespaceRefused(
      `user namespaces are switched off: ${set.key} = ${set.forbids}${set.whose}`,
      `Run it as root, or allow them: sudo sysctl -w ${set.key}=${set.allow}`,
    );
  }
  return new NamespaceRefused(
    `user namespaces are refused: ${said.trim() || 'no reason given'}`,
    'Run it as root. In a container, its seccomp profile forbids them: docker run --security-opt seccomp=unconfined, ' +
      'or in Kubernetes securityContext: { seccompProfile: { type: Unconfined } }.',
  );
}

function sysctl(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
