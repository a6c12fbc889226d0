import { openWake, type Streams } from '../../linux/epoll/index.ts';

/** A descriptor that is kept for when there is none left: closed, it makes room for one connection, so that it can be refused. */
export class Reserve {
  readonly #streams: Streams;
  #fd: number | undefined;

  constructor(streams: Streams) {
    this.#streams = streams;
    this.refill();
  }

  /** Runs `take` with room for one more descriptor. */
  use(take: () => number): number {
    if (this.#fd !== undefined) this.#streams.close(this.#fd);
    this.#fd = undefined;
    const taken = take();
    if (taken < 0) this.refill();
    return taken;
  }

  close(): void {
    if (this.#fd !== undefined) this.#streams.close(this.#fd);
    this.#fd = undefined;
  }

  /** Fills it again, where that is possible. */
  refill(): void {
    try {
      this.#fd ??= openWake();
    } catch {
      // Somebody else was quicker.
    }
  }
}
