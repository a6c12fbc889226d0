import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { environment } from './command.ts';
import { findTool, installHint } from './tool.ts';

/** Whether an ordinary user can make namespaces here. */
export type UserNamespaces =
  | { readonly available: true }
  | { readonly available: false; readonly because: string; readonly hint: string };

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

/** Tries to make a user and a network namespace, and where that fails says why: the switch that forbids it, by name. */
export function userNamespaces(): UserNamespaces {
  const unshare = findTool('unshare');
  if (unshare === undefined)
    return { available: false, because: 'unshare is not installed', hint: installHint(['unshare']) };
  const tried = spawnSync(unshare, ['--user', '--map-root-user', '--net', 'true'], {
    encoding: 'utf8',
    env: environment(),
  });
  return tried.status === 0 ? { available: true } : explain(tried.stderr);
}

/** Why user namespaces are refused: `said` is unshare's own complaint, `readSwitch` gives a sysctl's value. */
export function explain(said: string, readSwitch: (key: string) => string | undefined = sysctl): UserNamespaces {
  const set = SWITCHES.find(({ key, forbids }) => readSwitch(key) === forbids);
  if (set !== undefined) {
    return {
      available: false,
      because: `user namespaces are switched off: ${set.key} = ${set.forbids}${set.whose}`,
      hint: `Run it as root, or allow them: sudo sysctl -w ${set.key}=${set.allow}`,
    };
  }
  return {
    available: false,
    because: `user namespaces are refused: ${said.trim() || 'no reason given'}`,
    hint:
      'Run it as root. In a container, its seccomp profile forbids them: docker run --security-opt seccomp=unconfined, ' +
      'or in Kubernetes securityContext: { seccompProfile: { type: Unconfined } }.',
  };
}

function sysctl(key: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
