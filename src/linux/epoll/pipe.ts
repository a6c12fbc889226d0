import { loopCalls } from './calls.ts';
import { Memory } from './memory.ts';

/** O_NONBLOCK | O_CLOEXEC. */
const NONBLOCK = 0x8_0800;
const F_SETPIPE_SZ = 1031;
const F_GETPIPE_SZ = 1032;
/** One that takes less is worth less than reading and writing. */
const LEAST = 1 << 16;

/** A pipe through which splice(2) moves bytes. `held` of them are in it. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
  held: number;
}

/**
 * Pipes that are used over and over: making one takes as long as moving 100 KB through it. `most` may be open at a time;
 * `size` bytes fit into each, or as many as the kernel lets this user have; a user who has too many already (pipe(7),
 * pipe-user-pages-soft) is given some of two pages, which are not taken.
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
    this.#open += 1;
    const pipe = { read, write, held: 0 };
    if (this.#calls.fcntl(write, F_SETPIPE_SZ, this.#size) >= 0) return pipe;
    if (this.#calls.fcntl(write, F_GETPIPE_SZ, 0) >= LEAST) return pipe;
    this.#close(pipe);
    return undefined;
  }

  #close({ read, write }: Pipe): void {
    this.#calls.close(read);
    this.#calls.close(write);
    this.#open -= 1;
  }
}
