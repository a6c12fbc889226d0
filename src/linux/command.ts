import { spawn } from 'node:child_process';
import { searchPath } from './tool.ts';

/** What a command left behind. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In a session of its own: the terminal's Ctrl-C and the end of this process do not reach it. */
  readonly detached?: boolean;
  /** Milliseconds after which it is killed. */
  readonly timeout?: number;
}

/** A command that neither came to an end nor failed to start within a minute hangs. */
const PATIENCE = 60_000;

/**
 * What commands see: this process's environment, a path that finds system tools, messages in English, and the time zone in which
 * nft is to show times of day and dates, and to read them back.
 */
export const environment = (extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: searchPath(),
  LC_ALL: 'C',
  TZ: 'UTC0',
  ...extra,
});

/** Runs a command, given as words, and waits for its end. Never rejects: status 127 is a command that did not start. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [file = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: environment(options.env),
      detached: options.detached ?? false,
      timeout: options.timeout ?? PATIENCE,
      killSignal: 'SIGKILL',
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', (error) => resolve({ status: 127, stdout: '', stderr: String(error) }));
    child.on('close', (code, signal) =>
      resolve({
        status: code ?? 128,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString() || (signal ? `killed by ${signal}` : ''),
      }),
    );
    // A command that ends before it has read all of its input is judged by its status.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
  });
}
