import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { escapeControl } from '../text/index.ts';
import { hasCapability } from './capability.ts';
import { findContainer } from './container.ts';
import { NoSuchNamespace, NotPermitted } from './refusal.ts';
import { demandTool } from './tool.ts';

/** Which network namespace is meant: at most one of the three; none means this process's own. */
export interface NamespaceSelector {
  /** A name that `ip netns` knows, or a path to a namespace file. */
  readonly netns?: string;
  readonly pid?: number;
  /** A container's id or a prefix of it that only one container has, with or without `docker://`; or its name. */
  readonly container?: string;
}

/** A network namespace that commands can be run in. */
export interface Namespace {
  /** In words: `this network namespace`, `network namespace of node (pid 4711)`. */
  readonly title: string;
  /** Put before a command's words, this runs it inside. Empty for this process's own namespace. */
  readonly enter: readonly string[];
  /** What /proc/PID/ns/net of its processes links to: `net:[4026531840]`. */
  readonly inode: string;
}

/** Where `ip netns` keeps names. Source: ip-netns(8). */
const NAMED = ['/run/netns', '/var/run/netns'];

/**
 * Finds a network namespace. Throws NoSuchNamespace when there is none, NotPermitted when it may not be entered.
 *
 * @example (await run([...openNamespace({ pid: 4711 }).enter, 'ip', 'address'])).stdout
 */
export function openNamespace(selector: NamespaceSelector = {}, proc = '/proc'): Namespace {
  if (Object.values(selector).filter((value) => value !== undefined).length > 1)
    throw new NoSuchNamespace('more than one namespace is named', 'Give one of --netns, --pid and --container.');
  if (selector.container !== undefined) return ofContainer(selector.container, proc);
  if (selector.pid !== undefined) return ofProcess(selector.pid, proc);
  if (selector.netns !== undefined) return ofFile(selector.netns, proc);
  return { title: 'this network namespace', enter: [], inode: own(proc, 'net') };
}

function ofContainer(wanted: string, proc: string): Namespace {
  const { id, pid } = findContainer(wanted, proc);
  return { ...ofProcess(pid, proc), title: `network namespace of container ${id.slice(0, 12)} (pid ${pid})` };
}

function ofProcess(pid: number, proc: string): Namespace {
  const inode = linkOf(pid, 'net', proc);
  const title = `network namespace of ${nameOf(pid, proc)} (pid ${pid})`;
  if (inode === own(proc, 'net')) return { title, enter: [], inode };
  const net = `--net=${proc}/${pid}/ns/net`;
  const nsenter = demandTool('nsenter');
  if (linkOf(pid, 'user', proc) === own(proc, 'user')) {
    demandEntry(title);
    return { title, enter: [nsenter, net, '--'], inode };
  }
  const owner = withRoot(pid, inode, proc);
  const user = `--user=${proc}/${owner}/ns/user`;
  return { title, enter: [...asItsRoot(owner, proc), nsenter, user, ...keeping(owner, proc), net, '--'], inode };
}

/**
 * A process may be in a user namespace without a root, in which nobody can change the network (so is the app of `sidestep run`):
 * the network namespace is another's then, which a process beside it is in. Source: user_namespaces(7).
 */
function withRoot(pid: number, inode: string, proc: string): number {
  if (outsideRoot(pid, 'uid_map', proc) !== undefined) return pid;
  const beside = readdirSync(proc)
    .map(Number)
    .find(
      (other) =>
        Number.isInteger(other) && isIn(other, inode, proc) && outsideRoot(other, 'uid_map', proc) !== undefined,
    );
  return beside ?? pid;
}

function isIn(pid: number, inode: string, proc: string): boolean {
  try {
    return readlinkSync(`${proc}/${pid}/ns/net`) === inode;
  } catch {
    return false;
  }
}

function ofFile(netns: string, proc: string): Namespace {
  const path = netns.includes('/') ? netns : named(netns);
  const [, pid] = /^\/proc\/(\d+)(?:\/task\/\d+)?\/ns\/net$/.exec(path) ?? [];
  if (pid !== undefined) return ofProcess(Number(pid), proc);
  const title = `network namespace ${escapeControl(netns)}`;
  let inode: string;
  try {
    const file = statSync(path);
    // Namespace files, and nothing else, live on the kernel's nsfs.
    if (file.dev !== statSync('/proc/self/ns/net').dev)
      throw new NoSuchNamespace(`${escapeControl(path)} is not a namespace`, names());
    inode = `net:[${file.ino}]`;
  } catch (error) {
    throw refusalOfFile(error, path);
  }
  if (inode === own(proc, 'net')) return { title, enter: [], inode };
  demandEntry(title);
  return { title, enter: [demandTool('nsenter'), `--net=${path}`, '--'], inode };
}

const named = (name: string): string => {
  const found = NAMED.map((folder) => `${folder}/${name}`).find((path) => exists(path));
  if (found === undefined) throw new NoSuchNamespace(`there is no network namespace ${escapeControl(name)}`, names());
  return found;
};

const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** The names there are, for the hint. */
function names(): string {
  const known = NAMED.flatMap((folder) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  });
  const list = [...new Set(known)].map(escapeControl);
  return list.length > 0
    ? `There are: ${list.join(', ')}. A process's namespace is named with --pid.`
    : 'No namespace has a name here (`ip netns` lists none). A process is named with --pid, a container with --container.';
}

function refusalOfFile(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return new NotPermitted(`opening ${escapeControl(path)}`, 'CAP_SYS_ADMIN');
  if (code === undefined) return error;
  return new NoSuchNamespace(`there is no namespace at ${escapeControl(path)}`, names());
}

/** Entering a namespace of our own user namespace takes CAP_SYS_ADMIN. Source: setns(2). */
function demandEntry(title: string): void {
  if (!hasCapability('CAP_SYS_ADMIN')) throw new NotPermitted(`entering the ${title}`, 'CAP_SYS_ADMIN');
}

const own = (proc: string, kind: 'net' | 'user'): string => {
  try {
    return readlinkSync(`${proc}/self/ns/${kind}`);
  } catch {
    return '';
  }
};

/** What /proc/PID/ns/KIND links to. */
function linkOf(pid: number, kind: 'net' | 'user', proc: string): string {
  try {
    return readlinkSync(`${proc}/${pid}/ns/${kind}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new NotPermitted(`looking at the namespaces of ${nameOf(pid, proc)} (pid ${pid})`, 'CAP_SYS_PTRACE');
    throw new NoSuchNamespace(
      `there is no process ${pid}`,
      'It may have ended, or it may be a number from another pid namespace (a container counts its own).',
    );
  }
}

function nameOf(pid: number, proc: string): string {
  try {
    return escapeControl(readFileSync(`${proc}/${pid}/comm`, 'utf8').trim());
  } catch {
    return 'a process';
  }
}

/**
 * Rules that ask for an owner are taken only from the user namespace that owns the network namespace (xt_owner.c,
 * owner_check), so that one is entered too. Where it does not allow groups to be set (an ordinary user made it), nsenter cannot
 * become its root: whoever enters has to be the user that its root stands for, and stay that.
 */
const keeping = (pid: number, proc: string): readonly string[] =>
  process.getuid?.() !== 0 || setsNoGroups(pid, proc) ? ['--preserve-credentials'] : [];

function asItsRoot(pid: number, proc: string): readonly string[] {
  if (process.getuid?.() !== 0 || !setsNoGroups(pid, proc)) return [];
  const [user, group] = [outsideRoot(pid, 'uid_map', proc), outsideRoot(pid, 'gid_map', proc)];
  if (user === undefined || group === undefined || user === 0) return [];
  return [demandTool('setpriv'), `--reuid=${user}`, `--regid=${group}`, '--clear-groups', '--'];
}

const setsNoGroups = (pid: number, proc: string): boolean => read(`${proc}/${pid}/setgroups`).trim() === 'deny';

/** The id outside that is 0 inside. Source: user_namespaces(7). */
function outsideRoot(pid: number, map: 'uid_map' | 'gid_map', proc: string): number | undefined {
  for (const line of read(`${proc}/${pid}/${map}`).trim().split('\n')) {
    const [inside, outside] = line.trim().split(/\s+/).map(Number);
    if (inside === 0) return outside;
  }
  return undefined;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
