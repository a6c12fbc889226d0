import { EPOLLIN, Poll, takeWake } from '../../linux/epoll/index.ts';
import { type Timed, TimerWheel } from './timer-wheel.ts';

/** Something with a descriptor. */
export interface Source {
  /** What epoll_wait(2) said of it. */
  event(flags: number): void;
}

/** Something that has more to do than it may in one turn. */
export interface Turn {
  turn(): void;
}

const EVENTS = 512;

/**
 * One thread's event loop: waits for descriptors, for deadlines and for being woken, and lets whoever has more to do go on in
 * turns. Does not return to Node's own loop until it is ended.
 */
export class Loop {
  /** Milliseconds, of this turn's beginning; from no particular time. */
  now = performance.now();
  readonly #poll = new Poll(EVENTS);
  readonly #timers = new TimerWheel(this.now);
  /** By their tags. */
  readonly #sources: (Source | undefined)[] = [];
  readonly #free: number[] = [];
  /** Tags of what was forgotten in this turn: later events of the same wait may still name them. */
  #forgotten: number[] = [];
  #waiting: Turn[] = [];
  #ended = false;
  /** Called in each turn before the wait; how many milliseconds it can wait at most to be called again, or -1. */
  beforeWait: () => number = () => -1;

  /** Has `source` told of `events` on a descriptor. Returns a tag for `forget`, or minus errno. */
  add(fd: number, events: number, source: Source): number {
    const tag = this.#free.pop() ?? this.#sources.length;
    this.#sources[tag] = source;
    const result = this.#poll.add(fd, events, tag);
    if (result >= 0) return tag;
    this.forget(tag);
    return result;
  }

  /** Other events from now on. */
  change(fd: number, events: number, tag: number): void {
    this.#poll.change(fd, events, tag);
  }

  /** Tells a source nothing any more. Closing the descriptor takes it out of the kernel's set. */
  forget(tag: number): void {
    this.#sources[tag] = undefined;
    this.#forgotten.push(tag);
  }

  /** Lets `turn` go on after what else has happened. */
  again(turn: Turn): void {
    this.#waiting.push(turn);
  }

  /** Has `item` expire in so many milliseconds, instead of when it would have. */
  expire(item: Timed, milliseconds: number): void {
    this.#timers.set(item, this.now + milliseconds);
  }

  neverExpire(item: Timed): void {
    this.#timers.clear(item);
  }

  end(): void {
    this.#ended = true;
  }

  /** Runs until it is ended. */
  run(): void {
    while (!this.#ended) {
      const count = this.#poll.wait(this.#patience());
      this.now = performance.now();
      for (let index = 0; index < count; index += 1) {
        this.#sources[this.#poll.tag(index)]?.event(this.#poll.flags(index));
      }
      this.#turns();
      this.#timers.advance(this.now);
      if (this.#forgotten.length > 0) {
        this.#free.push(...this.#forgotten);
        this.#forgotten = [];
      }
    }
    this.#poll.close();
  }

  #turns(): void {
    if (this.#waiting.length === 0) return;
    const turns = this.#waiting;
    this.#waiting = [];
    for (const each of turns) each.turn();
  }

  #patience(): number {
    const asked = this.beforeWait();
    if (this.#waiting.length > 0) return 0;
    const timers = this.#timers.wait(this.now);
    return asked < 0 ? timers : timers < 0 ? asked : Math.min(asked, timers);
  }
}

/** Calls `told` in the loop's thread for every `wake` of the descriptor, once for many. */
export function listenForWake(loop: Loop, fd: number, told: () => void): void {
  loop.add(fd, EPOLLIN, {
    event() {
      takeWake(fd);
      told();
    },
  });
}
