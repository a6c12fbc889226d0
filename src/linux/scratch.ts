import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { refusalOf } from './complaint.ts';
import { demandTools, searchPath } from './tool.ts';
import { userNamespaceRefused } from './user-namespaces.ts';

/** What a command in a scratch namespace left behind. */
export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The uid and gid that the command runs as. Not where the user namespace knows one user only. */
  readonly uid?: number;
  /** Milliseconds after which it is killed. */
  readonly timeout?: number;
}

/**
 * A network namespace that lives as long as this process at most. A child that waits for the end of its standard input
 * holds it: when this process goes, however it goes, the pipe closes, the child ends and the kernel takes the namespace
 * apart, with all that was in it.
 */
export interface Scratch {
  /** The process that holds the namespace: what `--pid` takes. */
  readonly pid: number;
  /** Put before a command, this runs it inside. */
  readonly enter: readonly string[];
  /** Whether other uids than 0 exist inside (not in a user namespace that an ordinary user made). */
  readonly manyUsers: boolean;
  /** Runs a command inside and waits for it. Never throws for a failing command. */
  run(command: readonly string[], options?: RunOptions): Finished;
  /** The same, and an Error with what the command said when it fails. Returns its standard output. */
  must(command: readonly string[], options?: RunOptions): string;
  /** Starts a command inside. It is killed when this process dies. */
  start(command: readonly string[], options?: RunOptions & Pick<SpawnOptions, 'stdio'>): ChildProcess;
  /** Another network namespace beside this one, under the same user namespace. */
  beside(): Promise<Scratch>;
  close(): void;
}

/**
 * Opens a network namespace: as root directly, as an ordinary user inside a user namespace of its own.
 *
 * `user` (root only) gives up root for that uid first, which is how the ordinary user's way is tested.
 * Throws NamespaceRefused where user namespaces are switched off, and says which switch; NotPermitted where root lacks
 * CAP_SYS_ADMIN; MissingPackage where util-linux is not there.
 *
 * @example
 * const scratch = await openScratch();
 * try { scratch.must(['ip', 'link', 'set', 'lo', 'up']); } finally { scratch.close(); }
 */
export async function openScratch(options: { readonly user?: number } = {}): Promise<Scratch> {
  const become =
    options.user === undefined
      ? []
      : ['setpriv', `--reuid=${options.user}`, `--regid=${options.user}`, '--clear-groups', '--'];
  const ordinary = options.user !== undefined || process.getuid?.() !== 0;
  demandTools(['unshare', 'nsenter', ...(become.length > 0 ? (['setpriv'] as const) : [])]);
  const unshare = [...become, 'unshare', ...(ordinary ? ['--user', '--map-root-user'] : []), '--net'];
  const holder = await hold(unshare, ordinary ? userNamespaceRefused : rootRefused);
  return describe(holder, (pid) => [
    ...become,
    'nsenter',
    `--target=${pid}`,
    ...(ordinary ? ['--user', '--preserve-credentials'] : []),
    '--net',
    '--',
  ]);
}

const rootRefused = (said: string): Error =>
  refusalOf({ stderr: said, status: 1 }, { doing: 'making a network namespace', capability: 'CAP_SYS_ADMIN' });

/** Starts the child that holds a namespace and waits until it is inside; throws what `refused` makes of its complaint. */
async function hold(
  command: readonly string[],
  refused: (said: string) => Error,
): Promise<ChildProcess & { readonly pid: number }> {
  const [file = '', ...args] = command;
  const env = { ...process.env, PATH: searchPath() };
  const child = spawn(file, [...args, 'cat'], { stdio: ['pipe', 'pipe', 'pipe'], detached: true, env });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // The echo proves that unshare has finished: only then does cat run.
  child.stdin.on('error', () => {});
  child.stdin.write('inside\n');
  const echoed = await Promise.race([
    once(child.stdout, 'data').then(() => true),
    once(child, 'exit').then(() => false),
    once(child, 'error').then(([error]) => {
      said ||= String(error);
      return false;
    }),
  ]);
  if (!echoed || child.pid === undefined) throw refused(said.trim());
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as { unref(): void }).unref();
  return child as ChildProcess & { readonly pid: number };
}

/** Who died before its death was to be told of tells nothing: so a child looks whose it is before it begins. */
const UNLESS_ORPHANED = '[ "$PPID" = "$1" ] || exit 1; shift; exec "$@"';

function describe(
  holder: ChildProcess & { readonly pid: number },
  entering: (pid: number) => readonly string[],
): Scratch {
  const enter = entering(holder.pid);
  const manyUsers = !enter.includes('--user');
  const argv = (command: readonly string[], options: RunOptions, extra: readonly string[]): string[] => {
    const become =
      options.uid === undefined ? [] : [`--reuid=${options.uid}`, `--regid=${options.uid}`, '--clear-groups'];
    const setpriv = [...become, ...extra];
    return [...enter, ...(setpriv.length > 0 ? ['setpriv', ...setpriv, '--'] : []), ...command];
  };
  const environment = (options: RunOptions) => ({
    ...process.env,
    PATH: searchPath(),
    ...options.env,
  });
  const run: Scratch['run'] = (command, options = {}) => {
    const [file = '', ...args] = argv(command, options, []);
    const done = spawnSync(file, args, {
      encoding: 'utf8',
      input: options.input ?? '',
      env: environment(options),
      maxBuffer: 1 << 28,
      ...(options.timeout ? { timeout: options.timeout } : {}),
    });
    return { status: done.status ?? 128, stdout: done.stdout ?? '', stderr: done.stderr ?? String(done.error ?? '') };
  };
  return {
    pid: holder.pid,
    enter,
    manyUsers,
    run,
    must(command, options) {
      const done = run(command, options);
      if (done.status !== 0) throw new Error(`${command.join(' ')}: ${done.stderr.trim() || `status ${done.status}`}`);
      return done.stdout;
    },
    start(command, options = {}) {
      const orphan = ['sh', '-c', UNLESS_ORPHANED, 'sh', String(process.pid)];
      const [file = '', ...args] = argv([...orphan, ...command], options, ['--pdeathsig=KILL']);
      return spawn(file, args, { stdio: options.stdio ?? 'pipe', env: environment(options) });
    },
    beside: async () => describe(await hold([...enter, 'unshare', '--net'], rootRefused), entering),
    close() {
      holder.stdin?.end();
      holder.kill('SIGKILL');
    },
  };
}
