import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What a program gets from whoever starts it, and Node.js keeps from the programs that it starts itself. */
export interface Inherited {
  /** Open files beside the standard ones: of `3<file`, of `<(command)`, of a supervisor. */
  readonly descriptors: readonly number[];
  /** The soft limit of open files, where this process has another one. */
  readonly openFiles: number | undefined;
}

/**
 * What this process was given when it started; to be asked before it opens anything. Node.js raises the soft limit of open files to the
 * hard one and does not tell what it was: whoever started this process has it, unless it is one of Node.js, too.
 */
export const inheritedHere = (): Inherited => ({ descriptors: inheritedDescriptors(), openFiles: openFilesBefore() });

/** Of pipes, Node.js has both ends of its own; and none but itself its events. A channel to a parent of Node.js is for this process. */
function inheritedDescriptors(): readonly number[] {
  if (process.channel) return [];
  const open = readdirSync('/proc/self/fd').flatMap((name) => {
    const what = pointsTo(`/proc/self/fd/${name}`);
    return what === undefined ? [] : [{ descriptor: Number(name), what }];
  });
  const hasBothEnds = (pipe: string) => pipe.startsWith('pipe:') && open.filter(({ what }) => what === pipe).length > 1;
  return open
    .filter(({ descriptor, what }) => descriptor > 2 && !what.startsWith('anon_inode:') && !hasBothEnds(what))
    .map(({ descriptor }) => descriptor);
}

/** Undefined for what is closed again: the folder that was read, for one. */
function pointsTo(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function openFilesBefore(): number | undefined {
  const [own, before] = [limitOf('self'), limitOf(process.ppid)];
  return own && before && before.hard === own.hard && before.soft !== own.soft ? Number(before.soft) : undefined;
}

/** Source: proc(5), /proc/PID/limits. */
function limitOf(pid: number | 'self'): { readonly soft: string; readonly hard: string } | undefined {
  try {
    const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
    const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(limits) ?? [];
    return soft === undefined || hard === undefined ? undefined : { soft, hard };
  } catch {
    return undefined;
  }
}
