import type { Endpoint } from '../../linux/socket/index.ts';
import type { Opened } from '../opened.ts';
import type { Direction } from '../policy.ts';

/** The low two bits of an entry's second word: what it is. A free entry is 0 as a whole. */
const KINDS = { outbound: 1, inbound: 2, removed: 3 } as const;
const KIND = 3;

/** Where a search begins, and what an entry is known by: 62 bits of both ends of a connection. */
interface Key {
  readonly low: number;
  readonly high: number;
}

/**
 * What all Workers have opened, in memory that all of them read. Each writes to a table of its own alone, so that nothing is
 * locked: a word is written last that makes an entry valid, and first that ends it.
 *
 * A connection has a port only once it is under way, and another Worker may accept it before it is in the table. So
 * `connecting` is odd while a Worker connects, and who finds nothing waits for those who are about to add something.
 */
export class OpenedTable implements Opened {
  readonly #tables: readonly Int32Array[];
  readonly #own: Int32Array;
  readonly #connecting: Int32Array;
  readonly #worker: number;

  /** One table for each Worker, as `tableFor` makes them; `connecting` has a word for each. */
  constructor(tables: readonly Int32Array[], connecting: Int32Array, worker: number) {
    this.#tables = tables;
    this.#own = tables[worker]!;
    this.#connecting = connecting;
    this.#worker = worker;
  }

  /** Runs what opens a connection and adds it. */
  whileConnecting<T>(connect: () => T): T {
    Atomics.add(this.#connecting, this.#worker, 1);
    try {
      return connect();
    } finally {
      Atomics.add(this.#connecting, this.#worker, 1);
    }
  }

  add(from: Endpoint, to: Endpoint, direction: Direction): void {
    const { low, high } = keyOf(from, to);
    const own = this.#own;
    const mask = own.length / 2 - 1;
    for (let at = low & mask, tries = 0; tries < mask; at = (at + 1) & mask, tries += 1) {
      const kind = own[2 * at + 1]! & KIND;
      if (kind !== 0 && kind !== KINDS.removed) continue;
      own[2 * at] = low;
      Atomics.store(own, 2 * at + 1, high | KINDS[direction]);
      return;
    }
  }

  remove(from: Endpoint, to: Endpoint): void {
    const own = this.#own;
    const mask = own.length / 2 - 1;
    let at = place(own, keyOf(from, to));
    if (at < 0) return;
    const last = own[2 * ((at + 1) & mask) + 1] === 0;
    Atomics.store(own, 2 * at + 1, last ? 0 : KINDS.removed);
    if (!last) return;
    // Nothing follows: entries before it that are only kept so that searches go on past them are free too.
    for (at = (at - 1) & mask; own[2 * at + 1] === KINDS.removed; at = (at - 1) & mask) {
      Atomics.store(own, 2 * at + 1, 0);
    }
  }

  find(from: Endpoint, to: Endpoint): Direction | undefined {
    const key = keyOf(from, to);
    return this.#tables.length === 1 ? directionIn(this.#own, key) : this.#findAnywhere(key);
  }

  #findAnywhere(key: Key): Direction | undefined {
    for (const [worker, table] of this.#tables.entries()) {
      if (worker !== this.#worker) this.#wait(worker);
      const direction = directionIn(table, key);
      if (direction) return direction;
    }
    return undefined;
  }

  /**
   * Connecting takes some microseconds, unless whoever does it has lost its processor. Then it is not waited for any longer: a loop
   * that is missed here comes by again.
   */
  #wait(worker: number): void {
    const turn = Atomics.load(this.#connecting, worker);
    if ((turn & 1) === 0) return;
    for (let tries = 0; tries < 100; tries += 1) if (Atomics.load(this.#connecting, worker) !== turn) return;
    for (let tries = 0; tries < 3 && Atomics.load(this.#connecting, worker) === turn; tries += 1) {
      Atomics.wait(this.#connecting, worker, turn, 0.1);
    }
  }
}

/** An empty table in which `connections` find room, a quarter full at most. */
export function tableFor(connections: number): Int32Array {
  const entries = 2 ** Math.ceil(Math.log2(4 * connections + 2));
  return new Int32Array(new SharedArrayBuffer(entries * 8));
}

function directionIn(table: Int32Array, key: Key): Direction | undefined {
  const at = place(table, key);
  if (at < 0) return undefined;
  return (table[2 * at + 1]! & KIND) === KINDS.outbound ? 'outbound' : 'inbound';
}

/** Where an entry is, or -1. */
function place(table: Int32Array, { low, high }: Key): number {
  const mask = table.length / 2 - 1;
  for (let at = low & mask, tries = 0; tries < mask; at = (at + 1) & mask, tries += 1) {
    const word = Atomics.load(table, 2 * at + 1);
    if (word === 0) return -1;
    if ((word & ~KIND) === high && (word & KIND) !== KINDS.removed && table[2 * at] === low) return at;
  }
  return -1;
}

function keyOf(from: Endpoint, to: Endpoint): Key {
  let low = Math.imul(from.port, 0x9e37_79b1) ^ to.port;
  let high = Math.imul(to.port, 0x85eb_ca6b) ^ from.port;
  for (const { address } of [from, to]) {
    for (let at = 0; at < address.length; at += 1) {
      const code = address.charCodeAt(at);
      low = Math.imul(low ^ code, 0x0100_0193);
      high = Math.imul(high ^ code, 0x5bd1_e995) ^ (high >>> 15);
    }
    low ^= low >>> 13;
  }
  return { low, high: high & ~KIND };
}
