import { Memory } from '../../linux/epoll/index.ts';

/** The size of a read. */
export const READ = 1 << 16;
/** How many buffers are kept for the next reader that stalls. */
const IDLE = 16;

/** Buffers of one read each: one that everybody reads into, and those that hold what a slow reader has not taken yet. */
export class Buffers {
  readonly #idle: Memory[] = [];
  /** Good until the next read. */
  current = new Memory(READ);

  /** Lets the reader keep what was read into `current`. */
  keep(): Memory {
    const kept = this.current;
    this.current = this.#idle.pop() ?? new Memory(READ);
    return kept;
  }

  give(buffer: Memory): void {
    if (this.#idle.length < IDLE) this.#idle.push(buffer);
  }
}
