import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { sendAtOnce, whichWritable } from '../linux/index.ts';

/** Says things on a descriptor without ever waiting for who reads them. */
export interface Aside {
  /** Writes a text; drops and counts it where there is no room. */
  write(text: string): void;
  /** Texts that nobody gets to read. */
  readonly dropped: number;
}

/** poll(2) calls a pipe writable where so many bytes have room. Source: pipe(7), PIPE_BUF. */
const ROOM = 4096;

/**
 * Opens what is said aside on a descriptor that another program may share: whether writing waits is then not this one's to decide.
 * How many texts were dropped is said before the next one that has room.
 *
 * @example
 * openAside(2).write('out  db.test:5432\n');
 */
export function openAside(fd: number): Aside {
  const write = writerOf(fd);
  let dropped = 0;
  let untold = 0;
  // What was written in part is ended before the next text.
  let torn = '';
  return {
    write(text) {
      const lost = untold > 0 ? `sidestep: ${untold} lines were dropped here: nobody read them in time\n` : '';
      const bytes = Buffer.from(`${torn}${lost}${text}`);
      const written = attempt(() => write(bytes));
      if (written > 0) torn = written < bytes.length ? '\n' : '';
      if (written === bytes.length) untold = 0;
      else {
        dropped += 1;
        untold += 1;
      }
    },
    get dropped() {
      return dropped;
    },
  };
}

/** No room, or nobody there any more: nothing is written. */
function attempt(write: () => number): number {
  try {
    return write();
  } catch {
    return 0;
  }
}

/** What writes as much as there is room for. */
function writerOf(fd: number): (bytes: Buffer) => number {
  const kind = fstatSync(fd);
  if (kind.isSocket()) return (bytes) => sendAtOnce(fd, bytes);
  if (!kind.isFIFO() && !isatty(fd)) return (bytes) => writeSync(fd, bytes);
  try {
    // Opened anew it has flags of its own.
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    return (bytes) => writeSync(own, bytes);
  } catch {
    // Another user's, as after su.
    return (bytes) => (whichWritable([fd], -1, 0).writable.length > 0 ? writeSync(fd, bytes.subarray(0, ROOM)) : 0);
  }
}
