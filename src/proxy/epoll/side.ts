import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../linux/epoll/index.ts';
import type { Source } from './loop.ts';

/** Who is told what happens to a side. */
export interface Owner {
  happened(side: Side, failed: boolean): void;
}

/** One of the two sockets of a connection, and what is known of it: events tell each thing once, so it is kept. */
export class Side implements Source {
  readonly #owner: Owner;
  readonly fd: number;
  tag = -1;
  /** A read may bring something. */
  readable = false;
  /** A write may be taken. */
  writable = false;
  /** The peer's FIN or RST is there, behind what is still to be read: a short read is not the last. */
  ending = false;
  /** A RST has come, or the peer is gone: nothing is written any more. */
  broken = false;

  constructor(owner: Owner, fd: number) {
    this.#owner = owner;
    this.fd = fd;
  }

  event(flags: number): void {
    if (flags & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) this.ending = true;
    if (this.ending || flags & EPOLLIN) this.readable = true;
    if (flags & EPOLLOUT) this.writable = true;
    this.#owner.happened(this, (flags & EPOLLERR) !== 0);
  }
}
