import { accepted, EINTR, type LoopCalls, loopCalls } from './calls.ts';
import { Memory } from './memory.ts';

/** What happened to a descriptor. Source: epoll_ctl(2), sys/epoll.h. */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
const EPOLLET = 0x8000_0000;

/** All that a connected socket can tell, each once when it happens. */
export const STREAM_EVENTS = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

const EPOLL_CLOEXEC = 0x8_0000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;

/** `struct epoll_event` is packed on x86 alone: 12 bytes there, 16 elsewhere, with a gap after the flags. In 32-bit words. */
const LAYOUT = ['x64', 'ia32'].includes(process.arch) ? { words: 3, data: 1 } : { words: 4, data: 2 };

/** An epoll instance. `tag` is a number of 32 bits that comes back with each event of the descriptor. */
export class Poll {
  readonly #calls: LoopCalls = loopCalls();
  readonly #fd: number;
  readonly #most: number;
  readonly #events: Memory;
  readonly #words: Int32Array;
  readonly #event = new Memory(16);
  readonly #given = wordsOf(this.#event);

  /** For `most` events at a time. Throws SystemCallFailed. */
  constructor(most: number) {
    this.#most = most;
    this.#events = new Memory(most * LAYOUT.words * 4);
    this.#words = wordsOf(this.#events);
    this.#fd = accepted('epoll_create1', this.#calls.epoll_create1(EPOLL_CLOEXEC));
  }

  /** 0, or minus errno. */
  add(fd: number, events: number, tag: number): number {
    return this.#control(EPOLL_CTL_ADD, fd, events, tag);
  }

  change(fd: number, events: number, tag: number): number {
    return this.#control(EPOLL_CTL_MOD, fd, events, tag);
  }

  #control(operation: number, fd: number, events: number, tag: number): number {
    this.#given[0] = events | 0;
    this.#given[LAYOUT.data] = tag;
    return this.#calls.epoll_ctl(this.#fd, operation, fd, this.#event.address);
  }

  /** Waits up to `timeout` ms (-1: for ever) and returns how many events there are; none where a signal came. */
  wait(timeout: number): number {
    const count = this.#calls.epoll_wait(this.#fd, this.#events.address, this.#most, timeout);
    return count === -EINTR ? 0 : accepted('epoll_wait', count);
  }

  /** The tag of the event number `index`. */
  tag(index: number): number {
    return this.#words[index * LAYOUT.words + LAYOUT.data]!;
  }

  /** Its flags. */
  flags(index: number): number {
    return this.#words[index * LAYOUT.words]!;
  }

  close(): void {
    this.#calls.close(this.#fd);
  }
}

const wordsOf = ({ bytes }: Memory): Int32Array => new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
