import type { ConnectionRecord } from '../engine.ts';
import { addRow, type Cell } from './record-row.ts';

/** So many records are told at once, */
const MOST = 128;
/** and none later than this many milliseconds after its connection has ended. */
const LATEST = 20;

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
    if (this.#count < MOST && now - this.#since < LATEST) return LATEST - Math.floor(now - this.#since);
    this.flush();
    return -1;
  }

  flush(): void {
    for (const [id, rows] of this.#waiting) this.#tell(id, rows);
    this.#waiting = new Map();
    this.#count = 0;
  }
}
