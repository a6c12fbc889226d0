import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Backend } from './loaded.ts';
import { NOTHING, sum, type Tally } from './trial.ts';

/** What is to be run. */
export interface Plan {
  readonly backend: Backend;
  readonly seed: number;
  readonly rules: number;
  readonly packets: number;
  readonly workers: number;
  /** Where what is done is kept, so that a run that was stopped goes on. */
  readonly state?: string | undefined;
}

/** Some trials for one worker. */
export interface Order {
  readonly backend: Backend;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly packets: number;
}

interface State {
  readonly plan: Pick<Plan, 'backend' | 'seed' | 'rules' | 'packets'>;
  /** Numbers of the chunks that are done. */
  readonly done: readonly number[];
  readonly tally: Tally;
  readonly seconds: number;
}

export interface Result {
  readonly tally: Tally;
  readonly seconds: number;
}

/** Rule sets that a worker gets at once: some thousand packets. */
const chunkOf = ({ packets }: Plan): number => Math.max(1, Math.round(5000 / packets));

/** Runs a plan in processes of their own, and tells of each chunk. Takes up what `plan.state` holds. */
export async function runCampaign(plan: Plan, tell: (result: Result) => void): Promise<Result> {
  const before = readState(plan);
  const done = new Set(before.done);
  const begun = Date.now();
  let { tally } = before;
  const seconds = (): number => before.seconds + (Date.now() - begun) / 1000;
  const size = chunkOf(plan);
  const chunks = Math.ceil(plan.rules / size);
  const waiting = Array.from({ length: chunks }, (_, chunk) => chunk).filter((chunk) => !done.has(chunk));
  const work = async (): Promise<void> => {
    const worker = fork(process.argv[1]!, ['--worker']);
    try {
      for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
        const { backend, seed, packets } = plan;
        const order = { backend, seed, packets, from: chunk * size, to: Math.min(plan.rules, (chunk + 1) * size) };
        const part = await ask(worker, order);
        tally = sum(tally, part);
        done.add(chunk);
        writeState(plan, { plan: identity(plan), done: [...done], tally, seconds: seconds() });
        tell({ tally, seconds: seconds() });
      }
    } finally {
      worker.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(plan.workers, waiting.length) }, work));
  return { tally, seconds: seconds() };
}

/** Milliseconds for a chunk: much longer than the busiest machine needs. */
const PATIENCE = 600_000;

const ask = (worker: ChildProcess, order: Order): Promise<Tally> =>
  new Promise((resolve, reject) => {
    const gone = (code: number | null): void =>
      reject(new Error(`a worker ended (${code}) in rule sets ${order.from}–${order.to}`));
    const silent = setTimeout(
      () => reject(new Error(`a worker is silent in rule sets ${order.from}–${order.to}`)),
      PATIENCE,
    );
    worker.once('exit', gone);
    worker.once('message', (tally) => {
      worker.off('exit', gone);
      clearTimeout(silent);
      resolve(tally as Tally);
    });
    worker.send(order);
  });

const identity = ({ backend, seed, rules, packets }: Plan): State['plan'] => ({ backend, seed, rules, packets });

function readState(plan: Plan): State {
  const fresh: State = { plan: identity(plan), done: [], tally: NOTHING, seconds: 0 };
  if (plan.state === undefined || !existsSync(plan.state)) return fresh;
  const state = stateIn(readFileSync(plan.state, 'utf8'));
  if (!state) throw new NotResumed(`${plan.state} holds no run to go on with. Name a file that does not exist yet.`);
  const [theirs, own] = [wordsOf(state.plan), wordsOf(identity(plan))];
  if (theirs !== own) throw new NotResumed(`${plan.state} is of another run: ${theirs}. This one is: ${own}`);
  return state;
}

/** The file that was named is not one to go on with. */
export class NotResumed extends Error {}

function stateIn(text: string): State | undefined {
  try {
    const state = JSON.parse(text) as Partial<State> | null;
    return state?.plan && state.tally && Array.isArray(state.done) ? (state as State) : undefined;
  } catch {
    return undefined;
  }
}

/** A plan as the options that ask for it. */
const wordsOf = (plan: State['plan']): string =>
  Object.entries(plan)
    .map(([name, value]) => `--${name} ${value}`)
    .join(' ');

function writeState({ state: file }: Plan, state: State): void {
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}
