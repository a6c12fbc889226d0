import type { ConnectionRecord, Hearer, ListenerOptions, OpenListener } from '../engine.ts';
import type { Crew } from './crew.ts';
import { COUNTS, type FromWorker } from './messages.ts';
import { recordsIn } from './record-row.ts';

interface Question {
  readonly records: ConnectionRecord[];
  missing: number;
  readonly resolve: (records: readonly ConnectionRecord[]) => void;
}

/** A listener as the main thread sees it: its sockets are the Workers'. */
export class Post implements OpenListener {
  readonly port: number;
  readonly descriptors: readonly number[];
  readonly #id: number;
  readonly #crew: Crew;
  readonly #workers: number;
  readonly #tell: Hearer;
  readonly #gone: () => void;
  readonly #waiting: (() => void)[] = [];
  readonly #stopping: (() => void)[] = [];
  /** Questions that not all Workers have answered: what came so far, how many answers are missing, and who waits. */
  readonly #questions = new Map<number, Question>();
  #lastQuestion = 0;
  /** Workers that still accept. */
  #accepting: number;
  #ended = 0;
  #over = false;

  /** `gone` is called when nothing is accepted any more and no connection is open. */
  constructor(
    { port }: ListenerOptions,
    place: {
      readonly id: number;
      readonly crew: Crew;
      readonly workers: number;
      readonly descriptors: readonly number[];
    },
    tell: Hearer,
    gone: () => void,
  ) {
    this.port = port;
    this.descriptors = place.descriptors;
    this.#id = place.id;
    this.#crew = place.crew;
    this.#workers = place.workers;
    this.#accepting = place.workers;
    this.#tell = tell;
    this.#gone = gone;
  }

  /** A connection is open until its record is here. Both counts go round at 2³², which a busy proxy reaches in days. */
  get connections(): number {
    return (Atomics.load(this.#crew.shared.counts, COUNTS.words * this.#id + COUNTS.accepted) - this.#ended) | 0;
  }

  stop(): Promise<void> {
    this.#crew.tellAll({ kind: 'stop', id: this.#id });
    return new Promise((resolve) => {
      this.#stopping.push(resolve);
      this.#settle();
    });
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

  list(): Promise<readonly ConnectionRecord[]> {
    // The Workers are gone with the last connection.
    if (this.#over) return Promise.resolve([]);
    this.#lastQuestion += 1;
    const question = this.#lastQuestion;
    return new Promise((resolve) => {
      this.#questions.set(question, { records: [], missing: this.#workers, resolve });
      this.#crew.tellAll({ kind: 'list', id: this.#id, question });
    });
  }

  told(message: Exclude<FromWorker, { kind: 'ready' }>): void {
    if (message.kind === 'trouble') this.#tell.trouble(message.what);
    else if (message.kind === 'stopped') this.#accepting -= 1;
    else if (message.kind === 'listed') this.#listed(message);
    else {
      const records = recordsIn(message.rows);
      this.#ended = (this.#ended + records.length) | 0;
      for (const record of records) this.#tell.ended(record);
    }
    this.#settle();
  }

  #listed({ question, records }: Extract<FromWorker, { kind: 'listed' }>): void {
    const asked = this.#questions.get(question);
    if (!asked) return;
    asked.records.push(...records);
    asked.missing -= 1;
    if (asked.missing === 0) this.#answer(question, asked);
  }

  #answer(question: number, { records, resolve }: Question): void {
    this.#questions.delete(question);
    resolve(records);
  }

  /** The Workers could not be started: nothing is accepted, and nobody answers. */
  lost(): void {
    this.#accepting = 0;
    this.#settle();
  }

  #settle(): void {
    if (this.#accepting > 0) return;
    for (const resolve of this.#stopping.splice(0)) resolve();
    if (this.connections > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
    for (const [question, asked] of this.#questions) this.#answer(question, asked);
    if (!this.#over) this.#gone();
    this.#over = true;
  }
}
