import type { ConnectionRecord } from '../engine.ts';
import { addRow, type Cell } from './record-row.ts';

/** Records are told no later than this many milliseconds after the first of them; */
const LATEST = 20;
/** where so many have come by then, there is much to do, and each time another thread is woken costs: then it is */
const MANY = 16;
/** so many milliseconds, */
const LATEST_OF_MANY = 100;
/** or so many records. */
const MOST = 512;

/** Records on their way to the main thread: a message costs several times what is in it. */
export class RecordBatch {
  readonly #tell: (id: number, rows: readonly Cell[]) => void;
  #waiting = new Map<number, Cell[]>();
  #count = 0;
  #since = 0;

  /** `tell` is called with the records of one listener. */
  constructor(tell: (id: number, rows: readonly Cell[]) => void) {
    this.#tell = tell;
  }

  add(id: number, record: ConnectionRecord, now: number): void {
    if (this.#count === 0) this.#since = now;
    this.#count += 1;
    let rows = this.#waiting.get(id);
    if (!rows) {
      rows = [];
      this.#waiting.set(id, rows);
    }
    addRow(rows, record);
  }

  /** Tells them if it is time to. How many milliseconds it has until then, or -1. */
  due(now: number): number {
    if (this.#count === 0) return -1;
    const latest = this.#count < MANY ? LATEST : LATEST_OF_MANY;
    if (this.#count < MOST && now - this.#since < latest) return latest - Math.floor(now - this.#since);
    this.flush();
    return -1;
  }

  flush(): void {
    for (const [id, rows] of this.#waiting) this.#tell(id, rows);
    this.#waiting = new Map();
    this.#count = 0;
  }
}
