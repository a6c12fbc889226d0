import type { Line, Screen, Tone } from '../explain/index.ts';
import type { Aside } from './aside.ts';
import { EXIT } from './status.ts';

/** How much is said on standard error: SIDESTEP_LOG. */
const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
export type Level = (typeof LEVELS)[number];

/** Where a command writes: results to standard output, everything said on the way to standard error. */
export interface Terminal {
  /** A screen, fitted to the terminal and coloured where it is one. */
  show(screen: Screen): Promise<void>;
  /** Text as it is, without a line break added. */
  write(text: string): void;
  /** One JSON document: over several lines for a person, on one line in a stream. */
  json(document: object, form?: 'document' | 'stream'): void;
  /** Something said on the way. */
  say(screen: Screen, level?: Level): Promise<void>;
  /**
   * From now on what is said waits for nobody: what has no room on standard error is dropped, and how much that was is said there later.
   * For a standard error that is shared with a program of which one does not know what it does to it.
   */
  neverWait(): Promise<void>;
  /** Fulfilled when all that was written has left this process, or never will. */
  settled(): Promise<void>;
  /** Nobody reads standard output any more. */
  readonly closed: boolean;
  /** Standard output is a terminal: bytes that are not text must not reach it. */
  readonly interactive: boolean;
}

/** What writing to somebody who is no longer there gives. */
const GONE: readonly string[] = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED', 'ECONNRESET'];

/** A result that cannot be written is worth nothing: a full disk, say. */
function stop({ code, message }: NodeJS.ErrnoException): never {
  const why = code === 'ENOSPC' ? 'no space left' : message;
  process.stderr.write(`sidestep: standard output: ${why}\n`);
  process.exit(EXIT.unusable);
}

type Paint = (line: Line) => string;

/** A terminal over this process's own streams. `color` is the flag: undefined leaves it to what the stream is. */
export function openTerminal(color: boolean | undefined): Terminal {
  const { stdout } = process;
  const level = LEVELS.indexOf((process.env.SIDESTEP_LOG?.toLowerCase() as Level | undefined) ?? 'info');
  const threshold = level < 0 ? LEVELS.indexOf('info') : level;
  let closed = false;
  // A reader that goes away early is no error, nor is a terminal that is gone.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!GONE.includes(error.code ?? '')) stop(error);
    closed = true;
  });
  const print = (stream: NodeJS.WriteStream, text: string): void => {
    if (stream.writable) stream.write(text);
  };
  let heard = false;
  let aside: Aside | undefined;
  const say = (text: string): void => {
    if (aside) {
      aside.write(text);
      return;
    }
    // Standard error is opened when there is something to say.
    const { stderr } = process;
    if (!heard) stderr.on('error', () => {});
    heard = true;
    print(stderr, text);
  };
  return {
    show: async (screen) => print(stdout, await painted(screen, stdout, color)),
    write: (text) => print(stdout, text),
    json: (document, form = 'document') => print(stdout, `${jsonText(document, form)}\n`),
    async say(screen, at = 'info') {
      if (LEVELS.indexOf(at) <= threshold) say(await painted(screen, process.stderr, color));
    },
    async neverWait() {
      const { openAside } = await import('./aside.ts');
      aside = openAside(2);
    },
    async settled() {
      // What went wrong with the last write is told a turn later.
      await new Promise((turn) => setImmediate(turn));
      for (const stream of heard && !aside ? [stdout, process.stderr] : [stdout])
        if (stream.writable && stream.writableLength > 0)
          await new Promise<void>((done) => stream.write('', () => done()));
    },
    get closed() {
      return closed;
    },
    interactive: stdout.isTTY === true,
  };
}

/** The layout is loaded when something is shown: a proxy that only writes its log never needs it. */
async function painted(screen: Screen, stream: NodeJS.WriteStream, color: boolean | undefined): Promise<string> {
  const { layOut, textOf } = await import('../explain/index.ts');
  const paint = wantsColor(stream, color) ? await painter() : textOf;
  return layOut(screen, widthOf(stream))
    .map(
      (line) => `${paint(line)}
`,
    )
    .join('');
}

/** COLUMNS counts where it is set, else the terminal's own width; a pipe has none. */
function widthOf(stream: NodeJS.WriteStream): number {
  const columns = Number(process.env.COLUMNS);
  if (Number.isInteger(columns) && columns > 0) return Math.max(columns, 20);
  return stream.isTTY && stream.columns > 0 ? Math.max(stream.columns, 20) : Number.POSITIVE_INFINITY;
}

/** Source: no-color.org. */
function wantsColor(stream: NodeJS.WriteStream, flag: boolean | undefined): boolean {
  if (flag !== undefined) return flag;
  if (process.env.FORCE_COLOR && process.env.FORCE_COLOR !== '0') return true;
  return stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}

async function painter(): Promise<Paint> {
  const { default: pico } = await import('picocolors');
  const colors = pico.createColors(true);
  const tones: Readonly<Record<Tone, (text: string) => string>> = {
    plain: (text) => text,
    strong: colors.bold,
    faint: colors.dim,
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    name: colors.cyan,
  };
  return (line) => line.map(({ text, tone }) => tones[tone](text)).join('');
}

/** JSON.stringify escapes the controls below 0x20 only; a terminal obeys those from 0x7f to 0x9f too. */
const jsonText = (document: object, form: 'document' | 'stream'): string =>
  JSON.stringify(document, undefined, form === 'document' ? 2 : undefined).replace(
    /[\x7f-\x9f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
