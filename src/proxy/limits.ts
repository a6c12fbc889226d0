import { readFileSync } from 'node:fs';

/** Descriptors that are not connections: Node's own, listeners, logs. */
const OTHERS = 64;
/** A proxied connection has two. */
const EACH = 2;

/**
 * How many connections each of `listeners` may have at a time: what was asked for, or less where the limit of open files
 * (Node raises the soft one to the hard one) does not allow as many. A connection over a limit of ours is refused with a
 * reason; one over the kernel's is lost without a word.
 */
export function connectionLimit(asked: number, listeners: number, openFiles = openFileLimit()): number {
  return Math.max(1, Math.min(asked, Math.floor((openFiles - OTHERS) / EACH / listeners)));
}

/** One pipe for so many open files. */
const FOR_ONE_PIPE = 64;
const MOST_PIPES = 512;

/**
 * How many pipes each of `workers` may have: a small part of the open files, since bytes are read and written where there is no
 * pipe for them.
 */
export const pipeLimit = (workers: number, openFiles = openFileLimit()): number =>
  Math.min(MOST_PIPES, Math.floor(openFiles / FOR_ONE_PIPE / workers));

function openFileLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
