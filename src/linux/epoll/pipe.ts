import { loopCalls } from './calls.ts';
import { Memory } from './memory.ts';

/** O_NONBLOCK | O_CLOEXEC. */
const NONBLOCK = 0x8_0800;
const F_SETPIPE_SZ = 1031;

/** A pipe through which splice(2) moves bytes. `held` of them are in it. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
  held: number;
}

/**
 * Pipes that are used over and over: making one takes as long as moving 100 KB through it. `most` may be open at a time;
 * `size` bytes fit into each, or as many as the kernel lets this user have (pipe(7), pipe-user-pages-soft).
 */
export class Pipes {
  readonly #calls = loopCalls();
  readonly #pair = new Memory(8);
  readonly #idle: Pipe[] = [];
  readonly #most: number;
  readonly #size: number;
  #open = 0;

  constructor(most: number, size: number) {
    this.#most = most;
    this.#size = size;
  }

  /** An empty pipe; undefined where there are enough, or the kernel gives none. */
  take(): Pipe | undefined {
    return this.#idle.pop() ?? this.#make();
  }

  /** Takes a pipe back; one that still holds bytes is closed. */
  give(pipe: Pipe): void {
    if (pipe.held === 0) this.#idle.push(pipe);
    else this.#close(pipe);
  }

  closeAll(): void {
    for (const pipe of this.#idle.splice(0)) this.#close(pipe);
  }

  #make(): Pipe | undefined {
    if (this.#open >= this.#most || this.#calls.pipe2(this.#pair.address, NONBLOCK) < 0) return undefined;
    const [read, write] = new Int32Array(this.#pair.bytes.buffer) as unknown as [number, number];
    this.#calls.fcntl(write, F_SETPIPE_SZ, this.#size);
    this.#open += 1;
    return { read, write, held: 0 };
  }

  #close({ read, write }: Pipe): void {
    this.#calls.close(read);
    this.#calls.close(write);
    this.#open -= 1;
  }
}
