import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { LiveDocument } from '../../src/explain/index.ts';
import { liveDocument } from '../../src/explain/schema/index.ts';
import type { Scratch } from './namespace.ts';
import { SIDESTEP } from './sidestep.ts';

export const ENVIRONMENT = { COLUMNS: '200', NO_COLOR: '1', LC_ALL: 'C.UTF-8' };

/** A `trace --live` that runs. */
export interface Watching {
  readonly child: ChildProcess;
  /** Resolves once packets are traced. */
  readonly begun: Promise<void>;
  readonly ended: Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }>;
}

export function watching(from: Scratch, ...args: readonly string[]): Watching {
  const child = from.start([process.execPath, SIDESTEP, 'trace', '--live', ...args], { env: ENVIRONMENT });
  const said = { stdout: '', stderr: '' };
  const begun = new Promise<void>((resolve, reject) => {
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        said[stream] += text;
        if (/It ends after/.test(said.stderr)) resolve();
      });
    }
    child.once('close', () => reject(new Error(`ended: ${said.stderr}`)));
  });
  begun.catch(() => {});
  const ended = once(child, 'close').then(([status]) => ({ status: status as number | null, ...said }));
  return { child, begun, ended };
}

export const documentsIn = (stdout: string): readonly LiveDocument[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => liveDocument.parse(JSON.parse(text)));

/** The steps of rules that matched. */
export const matchedIn = ({ steps }: LiveDocument) =>
  steps.flatMap((step) => (step.kind === 'rule' && step.answer === 'matched' ? [step] : []));
