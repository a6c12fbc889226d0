import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { EngineName } from '../../src/proxy/index.ts';
import { PROXY_MARK } from '../proxy/rules.ts';
import type { Scratch } from '../support/namespace.ts';

/** The command, as anybody runs it, and what can be seen of it from outside. */
export interface Watched {
  /** Lines of the access log, by response flags. */
  readonly flags: ReadonlyMap<string, number>;
  /** Lines of the access log that tell of what nobody has done: connections refused, or ended by the proxy. */
  readonly faults: readonly string[];
  said(): string;
  /** Descriptors by what they are. */
  descriptors(): { sockets: number; pipes: number; others: number };
  /** MB. */
  resident(): number;
  /** SIGTERM; resolves to the exit status. */
  stop(): Promise<number | null>;
  close(): void;
}

export async function startProxyCommand(scratch: Scratch, engine: EngineName): Promise<Watched> {
  const ports = ['--readiness-port', 'none', '--metrics-port', 'none', '--admin-port', 'none'];
  const own = scratch.manyUsers ? [] : ['--mark', `${PROXY_MARK}`];
  const drain = ['--drain-notice', '0', '--drain-timeout', '5s'];
  const command = [
    process.execPath,
    resolve('bin/sidestep.js'),
    'proxy',
    '--engine',
    engine,
    ...ports,
    ...own,
    ...drain,
  ];
  const child = scratch.start(command, {
    ...(scratch.manyUsers ? { uid: 1337 } : {}),
    env: { COLUMNS: '200', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const flags = new Map<string, number>();
  const faults: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const [, flag = '?'] = /"response_flags":"([^"]*)"/.exec(line) ?? [];
    flags.set(flag, (flags.get(flag) ?? 0) + 1);
    if (['NR', 'UO', 'LR', 'SI', '?'].includes(flag)) faults.push(line);
  });
  let said = '';
  await new Promise<void>((ready, failed) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('SIGTERM drains')) ready();
    });
    child.once('exit', () => failed(new Error(`the proxy did not start: ${said}`)));
  });
  const of = (file: string) => `/proc/${child.pid}/${file}`;
  return {
    flags,
    faults,
    said: () => said,
    descriptors() {
      const count = { sockets: 0, pipes: 0, others: 0 };
      for (const fd of readdirSync(of('fd'))) count[kindOf(of(`fd/${fd}`))] += 1;
      return count;
    },
    resident: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(of('status'), 'utf8'))?.[1]) / 1024,
    async stop() {
      const ended = once(child, 'close');
      child.kill('SIGTERM');
      const [status] = (await ended) as [number | null];
      return status;
    },
    close: () => void child.kill('SIGKILL'),
  };
}

function kindOf(path: string): 'sockets' | 'pipes' | 'others' {
  try {
    const to = readlinkSync(path);
    return to.startsWith('socket:') ? 'sockets' : to.startsWith('pipe:') ? 'pipes' : 'others';
  } catch {
    // Closed in between.
    return 'others';
  }
}
