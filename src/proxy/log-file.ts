import { closeSync, constants, open, write } from 'node:fs';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';

const NEWLINE = Buffer.from('\n');

/**
 * An access log in a file. Node's own file stream is over after one write that fails, and standard output to a file is
 * written at once, on the thread that moves the bytes. Here a full disk costs the lines that do not fit, each told by the
 * event `lost`, and the log goes on when there is space again.
 */
export function fileLog(descriptor: () => number): Writable {
  // What a failed write has left of a line is ended before the next one.
  let torn = false;
  const stream = new Writable({
    write(line: Buffer, _, done) {
      // Nothing, written to hear of all before it, is no line that could be lost.
      if (line.length === 0) {
        done();
        return;
      }
      writeAll(descriptor(), torn ? Buffer.concat([NEWLINE, line]) : line, (error, written) => {
        torn = error !== null && (torn || written > 0);
        if (error) stream.emit('lost', error);
        done();
      });
    },
  });
  return stream;
}

/** A log in a file that may be moved away. */
export interface LogFile {
  readonly stream: Writable;
  /** Opens the file anew by its name. Where that fails the old one goes on, and what the system said is thrown. */
  reopen(): Promise<void>;
}

/** Opens a file to append to. A named pipe is not waited for: without a reader it is refused (ENXIO), a full one loses lines. */
export async function openLogFile(path: string): Promise<LogFile> {
  const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
  const openIt = () => promisify(open)(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0o666);
  let current = await openIt();
  const stale: number[] = [];
  // Lines are written one after the other: when one begins, nobody writes to an earlier descriptor.
  const stream = fileLog(() => {
    for (const old of stale.splice(0)) closeSync(old);
    return current;
  });
  return {
    stream,
    async reopen() {
      const fresh = await openIt();
      stale.push(current);
      current = fresh;
    },
  };
}

/** write(2) may take a part only: as much as the disk has room for. */
function writeAll(fd: number, bytes: Buffer, done: (error: Error | null, written: number) => void, from = 0): void {
  write(fd, bytes, from, bytes.length - from, null, (error, written) => {
    if (error) done(error, from);
    else if (from + written < bytes.length) writeAll(fd, bytes, done, from + written);
    else done(null, bytes.length);
  });
}
