import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scratch } from '../support/namespace.ts';

/** What a party has counted. */
export interface Counted {
  readonly connections: number;
  readonly right: number;
  readonly reset: number;
  readonly bytes: number;
  readonly open: number;
}

/** A connection that ended before all bytes had come, though nobody meant to reset it. Times in milliseconds since 1970. */
export interface Short {
  /** The server's port, where a caller tells it. */
  readonly port?: number;
  readonly begun: number;
  readonly ended: number;
  readonly how: string;
  readonly got: number;
}

/** One end, as a process that is killed now and then and begins anew. */
export interface Party {
  readonly name: string;
  readonly shorts: Short[];
  /** Bytes that were not those that had been sent. */
  readonly wrong: unknown[];
  /** From a SIGKILL until it was back, in milliseconds since 1970. */
  readonly away: { from: number; until: number }[];
  /** All that it and those before it have counted. */
  counted(): Counted;
  kill(): Promise<void>;
  /** Lets a caller finish what it has begun; false where that never came to an end. */
  finish(): Promise<boolean>;
  close(): void;
}

/** Milliseconds for what a caller has begun: its longest connection takes a few seconds. */
const LONGEST = 40_000;

const NOTHING: Counted = { connections: 0, right: 0, reset: 0, bytes: 0, open: 0 };

export async function startParty(
  scratch: Scratch,
  name: string,
  args: (life: number) => readonly string[],
  options: { readonly uid?: number },
): Promise<Party> {
  const [shorts, wrong, away]: [Short[], unknown[], Party['away']] = [[], [], []];
  let before = NOTHING;
  let now = NOTHING;
  let life = 0;
  let child: ChildProcess;
  const begin = async () => {
    life += 1;
    const program = [process.execPath, resolve('test/churn/party.js'), ...args(life)];
    child = scratch.start(program, { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((ready) => {
      createInterface({ input: child.stdout! }).on('line', (text) => {
        const line = JSON.parse(text) as { tally?: Counted; short?: Short; wrong?: unknown };
        if (line.tally) now = line.tally;
        else if (line.short) shorts.push(line.short);
        else if (line.wrong) wrong.push(line.wrong);
        else ready();
      });
    });
  };
  const gone = () => {
    before = sum(before, { ...now, open: 0 });
    now = NOTHING;
  };
  await begin();
  return {
    ...{ name, shorts, wrong, away },
    counted: () => sum(before, now),
    async kill() {
      const absence = { from: Date.now(), until: Number.POSITIVE_INFINITY };
      away.push(absence);
      child.kill('SIGKILL');
      await once(child, 'exit');
      gone();
      await begin();
      absence.until = Date.now();
    },
    async finish() {
      const ended = once(child, 'exit').then(() => true);
      child.kill('SIGTERM');
      return await Promise.race([ended, sleep(LONGEST, false, { ref: false })]);
    },
    close: () => void child.kill('SIGKILL'),
  };
}

const sum = (a: Counted, b: Counted): Counted => ({
  connections: a.connections + b.connections,
  right: a.right + b.right,
  reset: a.reset + b.reset,
  bytes: a.bytes + b.bytes,
  open: a.open + b.open,
});
