import { fstatSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { line, paragraph, warn } from '../explain/index.ts';
import type { LogFile } from '../proxy/index.ts';
import type { Terminal } from './terminal.ts';
import { UnreadableInput, whyUnwritable } from './usage.ts';

/** Where the access log goes. */
export interface Log {
  readonly stream: Writable;
  /** Opens a log in a file anew, after it was moved away. Undefined where it is in none. */
  readonly reopen?: () => Promise<void>;
  /** Whether it was said that, and why, lines get lost. */
  readonly told: boolean;
}

/** Opens what --access-log names. That it cannot be written any more is said once, when it happens. */
export async function openLog(path: string, terminal: Terminal): Promise<Log | undefined> {
  if (path === 'none') return undefined;
  const file = path === '-' ? undefined : await fileAt(path);
  const stream = file?.stream ?? (await standardOutput());
  let told = false;
  const tell = (error: NodeJS.ErrnoException): void => {
    if (told) return;
    told = true;
    const name = path === '-' ? 'standard output' : path;
    void terminal.say([paragraph(line(warn('access log:'), ` ${name}: ${reasonOf(error)}; lines get lost`))], 'warn');
  };
  stream.on('error', tell);
  stream.on('lost', tell);
  return {
    stream,
    ...(file ? { reopen: () => file.reopen().catch(tell) } : {}),
    get told() {
      return told;
    },
  };
}

/** As a pipe it is Node's own stream; a file must not keep the proxy waiting, nor end it when the disk is full. */
async function standardOutput(): Promise<Writable> {
  const kind = fstatSync(1);
  if (kind.isFIFO() || kind.isSocket()) return process.stdout;
  if (isatty(1)) return await ofTerminal();
  const { fileLog } = await import('../proxy/index.ts');
  return fileLog(() => 1);
}

/** Node.js waits for a terminal, which whoever looks at it may stop (Ctrl-S): with it everything that this thread does would stand still. */
async function ofTerminal(): Promise<Writable> {
  const { openAside } = await import('./aside.ts');
  const aside = openAside(1);
  const stream = new Writable({
    decodeStrings: false,
    write(line: string, _, done) {
      const { dropped } = aside;
      if (line.length > 0) aside.write(line);
      if (aside.dropped > dropped) stream.emit('lost', Object.assign(new Error('no room'), { code: 'EAGAIN' }));
      done();
    },
  });
  return stream;
}

async function fileAt(path: string): Promise<LogFile> {
  const { openLogFile } = await import('../proxy/index.ts');
  try {
    return await openLogFile(path);
  } catch (error) {
    const why = reasonOf(error as NodeJS.ErrnoException);
    throw new UnreadableInput(path, `cannot be written: ${why}`, 'Name another file for --access-log, or none.');
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EPIPE: 'nobody reads it any more',
  ENXIO: 'nobody reads this pipe',
  EAGAIN: 'its reader is too slow',
};

const reasonOf = (error: NodeJS.ErrnoException): string => REASONS[error.code ?? ''] ?? whyUnwritable(error);
