import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants as fsConstants, readFileSync, type Stats, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter } from 'node:path';
import { demandTool } from '../linux/index.ts';
import type { Inherited } from './inherited.ts';
import type { OpenPod } from './pod.ts';

/** A command that cannot be run: `status` is what a shell gives then. Source: POSIX, sh, "Exit Status for Commands". */
export class NoSuchCommand extends Error {
  readonly status: 126 | 127;
  readonly hint: string;

  constructor(command: string, status: 126 | 127, why: string, hint: string) {
    super(`${command}: ${why}`);
    this.name = 'NoSuchCommand';
    this.status = status;
    this.hint = hint;
  }
}

/** Throws NoSuchCommand where a command cannot be run, before anything is made for it. Looks as execvp(3) does. */
export function demandCommand(command: string): void {
  const path = process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
  const candidates = command.includes('/')
    ? [command]
    : path.split(delimiter).map((folder) => `${folder || '.'}/${command}`);
  const files = candidates.filter((path) => statusAt(path)?.isFile());
  if (files.some(isProgram)) return;
  const [first] = files;
  if (first !== undefined)
    throw new NoSuchCommand(command, 126, `${first} may not be executed`, `If it is a program: chmod +x ${first}`);
  if (command.includes('/') && statusAt(command)?.isDirectory())
    throw new NoSuchCommand(command, 126, 'it is a folder', 'The command that starts the app comes after --.');
  throw command.includes('/')
    ? new NoSuchCommand(command, 127, 'there is no such file', 'The command that starts the app comes after --.')
    : new NoSuchCommand(command, 127, 'command not found', `It is in no folder of PATH (${path}).`);
}

const statusAt = (path: string): Stats | undefined => {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
};

function isProgram(file: string): boolean {
  try {
    accessSync(file, fsConstants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** An app that runs in a pod. */
export interface RunningApp {
  readonly pid: number;
  /** Its exit status, or 128 and the number of the signal that ended it. */
  readonly ended: Promise<number>;
}

/** Sets the soft limit of open files, the first word, for a command, the others. */
const LIMIT = 'ulimit -S -n "$1"; shift; exec "$@"';

/**
 * Starts a command in a pod, as the user that this process is, with its terminal, its folder and its environment, and what else it was
 * started with. Signals that come here go on to it. It gets SIGKILL when this process is gone.
 */
export async function startApp(
  command: readonly string[],
  { enter, mapped }: OpenPod,
  { descriptors, openFiles }: Inherited,
): Promise<RunningApp> {
  // Where rules can be changed by the pod's root, whom the kernel takes this user for, the app is itself again: a user like any.
  const itself = mapped
    ? [demandTool('unshare'), '--user', `--map-user=${process.getuid!()}`, `--map-group=${process.getgid!()}`, '--']
    : [];
  const limited = openFiles === undefined ? [] : [demandTool('sh'), '-c', LIMIT, 'sh', String(openFiles)];
  const words = [...enter, ...itself, ...limited, demandTool('setpriv'), '--pdeathsig=KILL', '--', ...command];
  const [file = '', ...args] = [demandTool('nsenter'), ...words.slice(1)];
  const child = spawn(file, args, { stdio: stdioWith(descriptors) });
  await once(child, 'spawn');
  const ended = once(child, 'exit').then(([code, signal]) => statusOf(code, signal));
  const stop = passSignals(child);
  return { pid: child.pid!, ended: ended.finally(stop) };
}

/** The standard streams, and each descriptor under its number. What is ignored there is closed. */
const stdioWith = (descriptors: readonly number[]): StdioOptions =>
  Array.from({ length: Math.max(2, ...descriptors) + 1 }, (_, fd) =>
    fd < 3 ? 'inherit' : descriptors.includes(fd) ? fd : 'ignore',
  );

const statusOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal ? 128 + constants.signals[signal] : (code ?? 0);

/** Those that somebody sends to a program to have it do something. */
const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGCONT'];
/** Those that a terminal sends to all of its foreground programs, the app among them. */
const TYPED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** Passes signals on to the app; returns what ends that. */
function passSignals(child: ChildProcess): () => void {
  const listeners = PASSED.map((signal) => {
    const listener = (): void => {
      if (!(TYPED.includes(signal) && inForeground())) child.kill(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const end of listeners) end();
  };
}

/** Whether this process is in its terminal's foreground: then what was typed there has reached the app as well. */
function inForeground(): boolean {
  try {
    // The name, which may hold anything, ends with the last parenthesis. Source: proc(5), /proc/PID/stat.
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8').split(/\) /).at(-1)!.split(' ');
    return group === foreground;
  } catch {
    return false;
  }
}
