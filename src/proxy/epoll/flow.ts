import { EAGAIN, EINTR, type Memory, type Pipe } from '../../linux/epoll/index.ts';
import type { FirstBytes } from '../first-bytes.ts';
import { READ } from './buffers.ts';
import type { Turn } from './loop.ts';
import type { Side } from './side.ts';
import type { Tools } from './tools.ts';

/** What is moved by one splice(2). */
const SPLICED = 1 << 18;
/** What a direction may move until others have their turn. */
const BUDGET = 4 * SPLICED;
/** So many full reads in a row are bulk, which is moved within the kernel from then on … */
const FULL_READS = 2;
/** … until so many in a row have brought less than this. */
const SMALL_READS = 8;
const SMALL = 8192;

/** Who is told how a flow goes. */
export interface FlowOwner {
  /** Bytes were moved. */
  moved(): void;
  /** All that `from` had to say has been passed on, its FIN included. */
  finished(flow: Flow): void;
  /** A socket gave an error: errno. */
  failed(side: Side, error: number): void;
}

/**
 * The bytes that go one way. Small messages are read and written; bulk goes through a pipe within the kernel. It never holds
 * more than one read or one pipe that `to` has not taken: until then nothing is read, and the kernel's window stops the sender.
 */
export class Flow implements Turn {
  readonly from: Side;
  readonly to: Side;
  readonly #owner: FlowOwner;
  readonly #tools: Tools;
  /** Bytes that came from `from`. */
  bytes = 0;
  /** Nothing more is moved. */
  over = false;
  #ended = false;
  #queued = false;
  #held: Memory | undefined;
  #heldFrom = 0;
  #heldTo = 0;
  #pipe: Pipe | undefined;
  #splicing = false;
  /** Looks at what passes, until it knows. Bulk is not spliced before. */
  #first: FirstBytes | undefined;
  /** Full reads in a row, or small ones while splicing. */
  #row = 0;

  constructor(from: Side, to: Side, owner: FlowOwner, tools: Tools, first?: FirstBytes) {
    this.from = from;
    this.to = to;
    this.#owner = owner;
    this.#tools = tools;
    this.#first = first;
  }

  /** Whether bytes wait that `to` has not taken. */
  get waiting(): boolean {
    return this.#held !== undefined || (this.#pipe !== undefined && this.#pipe.held > 0);
  }

  /** Whether a turn could move something. */
  get ready(): boolean {
    return !this.over && (this.waiting ? this.to.writable : this.from.readable);
  }

  /** Moves what can be moved: first what is held, then the end, then what can be read. */
  turn(): void {
    this.#queued = false;
    let left = BUDGET;
    while (!this.over && this.#flush()) {
      if (this.#ended) {
        this.over = true;
        this.#owner.finished(this);
      } else if (!this.from.readable) break;
      else if (left <= 0) {
        this.#queue();
        break;
      } else left -= this.#splicing ? this.#splice() : this.#copy();
    }
    if (this.#pipe?.held === 0) this.#releasePipe();
  }

  /** Gives up what is held. */
  drop(): void {
    this.over = true;
    if (this.#held) this.#tools.buffers.give(this.#held);
    this.#held = undefined;
    this.#releasePipe();
  }

  #queue(): void {
    if (this.#queued) return;
    this.#queued = true;
    this.#tools.loop.again(this);
  }

  /** Whether nothing is held any more. */
  #flush(): boolean {
    while (this.#held) {
      if (!this.#sent(this.#tools.streams.send(this.to.fd, this.#held, this.#heldFrom, this.#heldTo))) return false;
    }
    while (this.#pipe && this.#pipe.held > 0) {
      if (!this.#sent(this.#tools.streams.splice(this.#pipe.read, this.to.fd, this.#pipe.held))) return false;
    }
    return true;
  }

  /** Takes down what was written, or why it was not. */
  #sent(result: number): boolean {
    if (result === -EINTR) return true;
    if (result === -EAGAIN) {
      this.to.writable = false;
      return false;
    }
    if (result < 0) {
      this.#owner.failed(this.to, -result);
      return false;
    }
    this.#owner.moved();
    if (this.#held) {
      this.#heldFrom += result;
      if (this.#heldFrom === this.#heldTo) {
        this.#tools.buffers.give(this.#held);
        this.#held = undefined;
      }
    } else this.#pipe!.held -= result;
    return true;
  }

  #copy(): number {
    const { buffers, streams } = this.#tools;
    const size = streams.receive(this.from.fd, buffers.current, READ);
    if (size <= 0) return this.#nothing(size);
    this.#came(size);
    if (this.#first) this.#look(this.#first, size);
    // A short read has emptied the socket, unless what ends it is behind.
    if (size < READ && !this.from.ending) this.from.readable = false;
    this.#row = size === READ ? this.#row + 1 : 0;
    if (this.#row === FULL_READS) this.#change(true);
    const sent = this.to.writable ? streams.send(this.to.fd, buffers.current, 0, size) : -EAGAIN;
    if (sent === size) return size;
    if (sent < 0 && sent !== -EAGAIN && sent !== -EINTR) {
      this.#owner.failed(this.to, -sent);
      return size;
    }
    this.#held = buffers.keep();
    this.#heldFrom = Math.max(0, sent);
    this.#heldTo = size;
    return size;
  }

  #look(first: FirstBytes, size: number): void {
    first.passed(this.#tools.buffers.current.bytes.subarray(0, size));
    if (first.spoken) this.#first = undefined;
  }

  #splice(): number {
    this.#pipe ??= this.#tools.pipes.take();
    if (!this.#pipe) {
      this.#change(false);
      return 0;
    }
    const size = this.#tools.streams.splice(this.from.fd, this.#pipe.write, SPLICED);
    if (size <= 0) return this.#nothing(size);
    this.#pipe.held += size;
    this.#came(size);
    this.#row = size < SMALL ? this.#row + 1 : 0;
    if (this.#row === SMALL_READS) this.#change(false);
    return size;
  }

  #change(splicing: boolean): void {
    this.#splicing = splicing;
    this.#row = 0;
  }

  #came(size: number): void {
    this.bytes += size;
    this.#owner.moved();
  }

  /** A read brought no bytes: because none are there, at the end, or with an error. */
  #nothing(result: number): number {
    if (result === -EINTR) return 0;
    this.from.readable = false;
    // After a RST the rest can be read, and then there is an end: the error itself was told when it came.
    if (result === 0) this.#ended = true;
    else if (result !== -EAGAIN) this.#owner.failed(this.from, -result);
    return 0;
  }

  #releasePipe(): void {
    if (this.#pipe) this.#tools.pipes.give(this.#pipe);
    this.#pipe = undefined;
  }
}
