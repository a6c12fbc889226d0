import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readSocketTable, TCP_LISTEN } from './table.ts';

/** A process, as a message names it. */
export interface Holder {
  readonly pid: number;
  readonly name: string;
}

/**
 * Who listens on a TCP port of this network namespace, as far as this user may see: the process whose open files hold the
 * listening socket. Undefined where nobody does, or where the process is another user's.
 */
export function holderOf(port: number): Holder | undefined {
  const inodes = readSocketTable()
    .filter(({ state, local }) => state === TCP_LISTEN && local.port === port)
    .map(({ inode }) => `socket:[${inode}]`);
  if (inodes.length === 0) return undefined;
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && holdsAny(name, inodes)) return { pid: Number(name), name: nameOf(name) };
  }
  return undefined;
}

function holdsAny(pid: string, inodes: readonly string[]): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.includes(linkOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '?';
  }
}
