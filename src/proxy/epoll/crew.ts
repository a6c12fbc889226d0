import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { openWake, wake } from '../../linux/epoll/index.ts';
import { builtModule, closeDescriptor, type Endpoint } from '../../linux/socket/index.ts';
import type { Settings } from '../config.ts';
import { COUNTS, type FromWorker, LISTENERS, type Shared, type ToWorker, type WorkerStart } from './messages.ts';
import { tableFor } from './opened-table.ts';

interface Hand {
  readonly worker: Worker;
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
  readonly told: (message: FromWorker) => void;
}

/** The Workers of an engine, each in its own loop, of which Node knows nothing. */
export class Crew {
  readonly shared: Shared;
  readonly #hands: readonly Hand[];
  readonly #quit = () => this.#endNow();

  private constructor(shared: Shared, hands: readonly Hand[]) {
    this.shared = shared;
    this.#hands = hands;
    process.on('exit', this.#quit);
  }

  /** Starts the Workers; resolves when all of them are in their loops. */
  static async start({ count, settings, connections, pipes, original, told }: CrewOptions): Promise<Crew> {
    const words = (length: number) => new Int32Array(new SharedArrayBuffer(4 * length));
    const shared: Shared = {
      tables: Array.from({ length: count }, () => tableFor(connections)),
      connecting: words(count),
      counts: words(COUNTS.words * LISTENERS),
      quit: words(1),
    };
    const file = new URL(builtModule('dist/program/worker.js'));
    const hands = Array.from({ length: count }, (_, worker): Hand => {
      const workerData: WorkerStart = { worker, settings, wake: openWake(), shared, pipes, original };
      // Flags of Node's own, such as --input-type, are about this process's program.
      const options = { workerData, name: `epoll ${worker}`, execArgv: [] };
      return { worker: new Worker(file, options), wake: workerData.wake };
    });
    // The first that it says is that it is ready. One that cannot start says why by an error, which `once` throws.
    await Promise.all(hands.map(({ worker }) => once(worker, 'message')));
    for (const { worker } of hands) {
      worker.on('message', told);
      // Whoever hangs on to its connections is told by their end: a proxy that serves half is worse than one that starts anew.
      worker.on('error', (error) => {
        throw error;
      });
    }
    return new Crew(shared, hands);
  }

  tell(worker: number, message: ToWorker): void {
    const hand = this.#hands[worker]!;
    hand.worker.postMessage(message);
    wake(hand.wake);
  }

  tellAll(message: ToWorker): void {
    for (const index of this.#hands.keys()) this.tell(index, message);
  }

  /** Ends all Workers; resolves when they are gone. */
  async end(): Promise<void> {
    process.off('exit', this.#quit);
    const gone = this.#hands.map(({ worker }) => once(worker, 'exit'));
    this.tellAll({ kind: 'end' });
    await Promise.all(gone);
    for (const { wake: descriptor } of this.#hands) closeDescriptor(descriptor);
  }

  /** The process ends: a Worker that waits in a system call would keep it from that. */
  #endNow(): void {
    Atomics.store(this.shared.quit, 0, 1);
    for (const hand of this.#hands) wake(hand.wake);
  }
}
