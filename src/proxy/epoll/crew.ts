import { stat } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openWake, wake } from '../../linux/epoll/index.ts';
import { builtModule, closeDescriptor, type Endpoint } from '../../linux/socket/index.ts';
import type { Settings } from '../config.ts';
import { COUNTS, type FromWorker, LISTENERS, type Shared, type ToWorker, type WorkerStart } from './messages.ts';
import { tableFor } from './opened-table.ts';

/**
 * Megabytes for objects that have just been made. A connection's live as long as it does: where they have much room, they are
 * moved later, and not fewer of them.
 */
const YOUNG = 2;

interface Hand {
  readonly worker: Worker;
  /** Resolves when it has ended, also where it never began. */
  readonly gone: Promise<void>;
  /** An eventfd that ends its wait. */
  readonly wake: number;
}

/** What a crew is made for. */
export interface CrewOptions {
  readonly count: number;
  readonly settings: Settings;
  /** How many connections may be open at a time. */
  readonly connections: number;
  /** How many pipes each Worker may have. */
  readonly pipes: number;
  readonly original: Endpoint | 'none' | undefined;
  /** Takes what a Worker tells. */
  readonly told: (message: Exclude<FromWorker, { kind: 'ready' }>) => void;
}

/** The Workers of an engine, each in its own loop, of which Node knows nothing. */
export class Crew {
  readonly shared: Shared;
  /** Resolves when all of them are in their loops; what they are told before waits for them. Rejects where one cannot start. */
  readonly ready: Promise<void>;
  readonly #hands: Hand[] = [];
  #ended: Promise<void> | undefined;
  readonly #quit = () => this.#endNow();

  /** Starts the Workers. */
  constructor({ count, settings, connections, pipes, original, told }: CrewOptions) {
    const words = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
    this.shared = {
      tables: Array.from({ length: count }, () => tableFor(connections)),
      connecting: words(count),
      counts: words(COUNTS.words * LISTENERS),
      quit: words(1),
    };
    const file = new URL(builtModule('dist/program/worker.js'));
    process.on('exit', this.#quit);
    // libuv ends the process where it gets no threads for its own pool, which begins with the first file: before ours are taken.
    stat('/', () => {});
    try {
      for (let worker = 0; worker < count; worker += 1)
        this.#start(file, { worker, settings, wake: openWake(), shared: this.shared, pipes, original });
      this.ready = this.#started(told);
    } catch (error) {
      // The system has no room for so many; those that there are give theirs back.
      this.ready = this.#giveUp().then(() => Promise.reject(error));
    }
    // Whoever waits for it hears of it; nobody has to.
    this.ready.catch(() => {});
  }

  #start(file: URL, workerData: WorkerStart): void {
    // Flags of Node's own, such as --input-type, are about this process's program.
    const worker = new Worker(file, {
      workerData,
      name: `epoll ${workerData.worker}`,
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG },
    });
    const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#hands.push({ worker, gone, wake: workerData.wake });
  }

  async #started(told: CrewOptions['told']): Promise<void> {
    try {
      await Promise.all(this.#hands.map(({ worker }) => ready(worker, told)));
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  tell(worker: number, message: ToWorker): void {
    // Its eventfd is another's descriptor by now.
    if (this.#ended) return;
    const hand = this.#hands[worker]!;
    hand.worker.postMessage(message);
    wake(hand.wake);
  }

  tellAll(message: ToWorker): void {
    for (const index of this.#hands.keys()) this.tell(index, message);
  }

  /** Ends all Workers; resolves when they are gone. */
  async end(): Promise<void> {
    this.tellAll({ kind: 'end' });
    this.#ended ??= this.#gone();
    await this.#ended;
  }

  /** Some cannot be started: those that were have nothing to do. */
  async #giveUp(): Promise<void> {
    for (const { worker } of this.#hands) worker.on('error', () => {});
    this.#endNow();
    this.#ended ??= this.#gone();
    await this.#ended;
  }

  async #gone(): Promise<void> {
    process.off('exit', this.#quit);
    await Promise.all(this.#hands.map(({ gone }) => gone));
    for (const { wake: descriptor } of this.#hands) closeDescriptor(descriptor);
  }

  /** The process ends: a Worker that waits in a system call would keep it from that. */
  #endNow(): void {
    Atomics.store(this.shared.quit, 0, 1);
    for (const hand of this.#hands) wake(hand.wake);
  }
}

/** Resolves when a Worker says that it is in its loop. `told` takes whatever else it says. */
function ready(worker: Worker, told: CrewOptions['told']): Promise<void> {
  return new Promise((resolve, reject) => {
    let started = false;
    worker.on('message', (message: FromWorker) => {
      if (message.kind !== 'ready') told(message);
      else {
        started = true;
        resolve();
      }
    });
    worker.on('error', (error) => {
      // Later, its connections are lost: a proxy that serves half is worse than one that starts anew.
      if (started) throw error;
      reject(error);
    });
  });
}
