/** Milliseconds that a slot stands for: no timer is late by more. */
const TICK = 16;
const SLOTS = 1024;

/** Something that has one deadline at a time. The fields but `expired` are the wheel's own; `slot` begins as -1. */
export interface Timed {
  deadline: number;
  slot: number;
  before: Timed | undefined;
  after: Timed | undefined;
  expired(): void;
}

/**
 * Deadlines by the thousand, of which few are ever met: to set one and to take it back costs a few assignments. Each slot holds
 * a ring of things that are due in the same tick, or whole turns of the wheel later.
 */
export class TimerWheel {
  readonly #slots: (Timed | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  #count = 0;
  /** The last tick that was looked at. */
  #done: number;
  /** No slot before this tick has anything. */
  #soonest = Number.POSITIVE_INFINITY;

  constructor(now: number) {
    this.#done = Math.floor(now / TICK);
  }

  /** Sets or moves a deadline. */
  set(item: Timed, deadline: number): void {
    this.clear(item);
    // Never in a slot that was just looked at: it would wait a whole turn.
    const tick = Math.max(Math.ceil(deadline / TICK), this.#done + 1);
    const slot = tick % SLOTS;
    const first = this.#slots[slot];
    item.deadline = deadline;
    item.slot = slot;
    item.before = undefined;
    item.after = first;
    if (first) first.before = item;
    this.#slots[slot] = item;
    this.#count += 1;
    this.#soonest = Math.min(this.#soonest, tick);
  }

  clear(item: Timed): void {
    if (item.slot < 0) return;
    if (item.before) item.before.after = item.after;
    else this.#slots[item.slot] = item.after;
    if (item.after) item.after.before = item.before;
    item.before = undefined;
    item.after = undefined;
    item.slot = -1;
    this.#count -= 1;
  }

  /** Calls `expired` of all that is due. */
  advance(now: number): void {
    const current = Math.floor(now / TICK);
    if (current < this.#soonest) {
      this.#done = current;
      return;
    }
    const last = Math.min(current, this.#done + SLOTS);
    for (let tick = this.#done + 1; tick <= last; tick += 1) {
      this.#done = tick;
      let item = this.#slots[tick % SLOTS];
      const due: Timed[] = [];
      for (; item; item = item.after) if (item.deadline <= now) due.push(item);
      for (const each of due) {
        // An earlier one may have ended a later one.
        if (each.slot < 0 || each.deadline > now) continue;
        this.clear(each);
        each.expired();
      }
    }
    this.#done = current;
    this.#soonest = this.#next();
  }

  /** Milliseconds until `advance` has to be called; -1 where nothing waits. */
  wait(now: number): number {
    if (this.#count === 0) return -1;
    return Math.max(0, Math.ceil(this.#soonest * TICK - now));
  }

  #next(): number {
    if (this.#count === 0) return Number.POSITIVE_INFINITY;
    let tick = this.#done + 1;
    while (!this.#slots[tick % SLOTS]) tick += 1;
    return tick;
  }
}
