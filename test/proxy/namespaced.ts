import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { probeFrom } from '../../dist/proxy/index.js';
import type { DrainReport, InterceptionProbe, ProbeResult, ProxyConfig } from '../../src/proxy/index.ts';
import type { Scratch } from '../support/namespace.ts';
import type { Line } from './loopback.ts';

/** Somebody in a namespace who serves and connects as told: see peer.js. */
export interface Peer {
  do<Answer>(command: string, given?: object): Promise<Answer>;
  close(): void;
}

interface Answered {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

const PEER = fileURLToPath(new URL('./peer.js', import.meta.url));

export function startPeer(scratch: Scratch, options: { readonly uid?: number } = {}): Peer {
  const child = scratch.start([process.execPath, PEER], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, (line: Answered) => void>();
  let last = 0;
  createInterface({ input: child.stdout! }).on('line', (text) => {
    const line = JSON.parse(text) as Answered;
    waiting.get(line.id)?.(line);
    waiting.delete(line.id);
  });
  return {
    do(command, given = {}) {
      last += 1;
      child.stdin!.write(`${JSON.stringify({ id: last, command, ...given })}\n`);
      return new Promise((resolve, reject) => {
        waiting.set(last, ({ answer, error }) => (error ? reject(new Error(error)) : resolve(answer as never)));
      });
    },
    close: () => void child.kill('SIGKILL'),
  };
}

/** A proxy as a process of its own in a namespace. */
export interface ProxyProcess {
  readonly pid: number;
  /** The access log so far. */
  readonly lines: readonly Line[];
  /** The access log's line number `count`, awaited. */
  line(count: number): Promise<Line>;
  /** Waits until no connection is open and the log is quiet. Returns the log's lines since `from`. */
  descriptors(): number;
  /** SIGTERM; resolves to the report once the process has ended. */
  drain(): Promise<DrainReport>;
  alive(): boolean;
  close(): void;
}

const DIST = new URL('../../dist/proxy/index.js', import.meta.url).href;

/** Access log on standard output; `ready` and at the end the report of the drain on descriptor 3. */
const PROGRAM = (config: ProxyConfig) => `
  import { createWriteStream } from 'node:fs';
  import { startProxy } from ${JSON.stringify(DIST)};
  const told = createWriteStream('', { fd: 3 });
  try {
    const proxy = await startProxy({ ...${JSON.stringify(config)}, accessLog: process.stdout });
    process.once('SIGTERM', async () => told.end(JSON.stringify(await proxy.drain())));
    told.write('ready\\n');
  } catch (error) {
    told.end(JSON.stringify({ name: error.name, message: error.message, hint: error.hint }) + '\\n');
  }`;

export async function startProxyIn(
  scratch: Scratch,
  config: ProxyConfig,
  become: { readonly uid?: number; readonly gid?: number } = {},
): Promise<ProxyProcess> {
  const { uid, gid } = become;
  const command = [process.execPath, '--input-type=module', '-e', PROGRAM(config)];
  const child: ChildProcess = scratch.start(
    gid === undefined ? command : ['setpriv', `--regid=${gid}`, '--clear-groups', '--', ...command],
    { ...(uid === undefined ? {} : { uid }), stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
  );
  const lines: Line[] = [];
  createInterface({ input: child.stdout! }).on('line', (text) => lines.push(JSON.parse(text) as Line));
  const told: string[] = [];
  createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on('line', (text) => told.push(text));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  while (told.length === 0 && child.exitCode === null) await sleep(5);
  if (told[0] !== 'ready') {
    throw Object.assign(new Error('the proxy did not start'), JSON.parse(told[0] ?? '{}') as object);
  }
  return {
    pid: child.pid!,
    lines,
    async line(count) {
      for (let tries = 0; tries < 400; tries += 1) {
        const line = lines[count - 1];
        if (line) return line;
        await sleep(10);
      }
      throw new Error(`the access log has ${lines.length} lines, not ${count}`);
    },
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async drain() {
      child.kill('SIGTERM');
      await exited;
      await sleep(10);
      return JSON.parse(told.at(-1)!) as DrainReport;
    },
    alive: () => child.exitCode === null,
    close: () => void child.kill('SIGKILL'),
  };
}

/** Runs a probe of the interception in a namespace, as one of its users. */
export function probeIn(
  scratch: Scratch,
  asked: InterceptionProbe,
  become: { uid?: number } = {},
): Promise<readonly ProbeResult[]> {
  const { uid } = become;
  const user = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--'];
  return probeFrom([...scratch.enter, ...user], asked);
}
