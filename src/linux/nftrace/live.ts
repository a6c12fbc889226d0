import { type ChildProcess, spawn } from 'node:child_process';
import { environment } from '../command.ts';
import { refusalOf } from '../complaint.ts';
import type { Namespace } from '../namespace.ts';
import { MissingKernelFeature, MissingPackage, NotPermitted } from '../refusal.ts';
import { builtModule } from '../socket/installed.ts';
import { requestText, type ToldMessage, type WatchLine, type WatchRequest } from './watch.ts';

/** The kernel's own account of the packets that pass a namespace, while it is watched. */
export interface PacketWatch {
  /** The table goes with the process that made it. False: a process that is killed leaves it behind (Linux before 5.12). */
  readonly owned: boolean;
  /** Called with every message; `undefined` where the kernel told more than was read in time. */
  listen(take: (message: ToldMessage | undefined) => void): void;
  /** Resolves when the watching ends, also by itself, with what the child complained of. */
  readonly ended: Promise<string>;
  /** Takes the table away. */
  close(): Promise<void>;
}

const INSIDE = `
const { requestIn, watch } = await import(process.argv[1]);
await watch(requestIn(process.argv[2]), (line) => process.stdout.write(JSON.stringify(line) + '\\n'));
process.exit();`;

const EPERM = 1;
const DOING = 'having the kernel trace packets';

/**
 * Watches packets in a network namespace: a child inside makes a table that has the kernel trace those of the filters. The
 * table is the child's own, and the child ends with this process: nothing is left, whichever of the two is killed.
 * Throws NotPermitted, MissingPackage (koffi), MissingKernelFeature.
 */
export async function watchPackets(namespace: Namespace, request: WatchRequest): Promise<PacketWatch> {
  const [file = '', ...args] = [
    ...namespace.enter,
    process.execPath,
    '--input-type=module',
    '-e',
    INSIDE,
    builtModule('dist/linux/nftrace/watch.js'),
    requestText(request),
  ];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdin.on('error', () => {});
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said ||= String(error);
      resolve();
    });
    child.once('close', (code, signal) => {
      if (signal ?? code) said += ` (${signal ?? `status ${code}`})`;
      resolve();
    });
  });
  let take: ((message: ToldMessage | undefined) => void) | undefined;
  const waiting: (ToldMessage | undefined)[] = [];
  const { createInterface } = await import('node:readline');
  const began = new Promise<WatchLine | undefined>((resolve) => {
    void ended.then(() => resolve(undefined));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as WatchLine;
      if ('ready' in line || 'refused' in line) return resolve(line);
      const message = 'message' in line ? line.message : undefined;
      if (take) take(message);
      else waiting.push(message);
    });
  });
  const line = await began;
  if (line === undefined || !('ready' in line)) {
    await stop(child, ended);
    throw refused(line, said);
  }
  return {
    owned: line.owned,
    ended: ended.then(() => said.trim()),
    listen(listener) {
      take = listener;
      for (const message of waiting.splice(0)) listener(message);
    },
    close: () => stop(child, ended),
  };
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.end();
  await ended;
}

function refused(line: WatchLine | undefined, said: string): Error {
  if (line === undefined || !('refused' in line)) return refusalOf({ status: 1, stderr: said }, { doing: DOING });
  const { error, message } = line.refused;
  if (error === EPERM || /EPERM/.test(message)) return new NotPermitted(DOING, 'CAP_NET_ADMIN');
  if (/koffi/.test(message))
    return new MissingPackage('the package koffi is not installed', 'Install Sidestep with its dependencies: npm ci');
  return new MissingKernelFeature(
    `${DOING} failed: ${message}`,
    'It takes nf_tables: modprobe nf_tables nft_limit, or a kernel that has them.',
  );
}
