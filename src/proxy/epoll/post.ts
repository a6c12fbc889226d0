import type { ConnectionRecord, ListenerOptions, OpenListener } from '../engine.ts';
import type { Crew } from './crew.ts';
import { COUNTS, type FromWorker } from './messages.ts';

/** A listener as the main thread sees it: its sockets are the Workers'. */
export class Post implements OpenListener {
  readonly port: number;
  readonly #id: number;
  readonly #crew: Crew;
  readonly #record: (record: ConnectionRecord) => void;
  readonly #gone: () => void;
  readonly #waiting: (() => void)[] = [];
  /** Workers that still accept. */
  #accepting: number;
  #ended = 0;
  #over = false;

  /** `gone` is called when nothing is accepted any more and no connection is open. */
  constructor(
    { port }: ListenerOptions,
    place: { readonly id: number; readonly crew: Crew; readonly workers: number },
    record: (record: ConnectionRecord) => void,
    gone: () => void,
  ) {
    this.port = port;
    this.#id = place.id;
    this.#crew = place.crew;
    this.#accepting = place.workers;
    this.#record = record;
    this.#gone = gone;
  }

  /** A connection is open until its record is here. */
  get connections(): number {
    return Atomics.load(this.#crew.shared.counts, COUNTS.words * this.#id + COUNTS.accepted) - this.#ended;
  }

  stop(): void {
    this.#crew.tellAll({ kind: 'stop', id: this.#id });
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#settle();
    });
  }

  reset(reason: string): void {
    this.#crew.tellAll({ kind: 'reset', id: this.#id, reason });
  }

  told(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    if (message.kind === 'stopped') this.#accepting -= 1;
    else {
      this.#ended += message.records.length;
      for (const record of message.records) this.#record(record);
    }
    this.#settle();
  }

  #settle(): void {
    if (this.connections > 0 || this.#accepting > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
    if (!this.#over) this.#gone();
    this.#over = true;
  }
}
