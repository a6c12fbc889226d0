import { type Diagram, type Edge, NONE } from './diagram.ts';
import type { End } from './end.ts';
import type { Environment } from './environment.ts';

/** Packets on their way: what they were when they began, by what has become of them. */
export class Flow {
  readonly #diagram: Diagram;
  readonly #sets = new Map<number, { readonly environment: Environment; when: Edge }>();

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
  }

  add(environment: Environment, when: Edge): void {
    if (when === NONE) return;
    const known = this.#sets.get(environment.id);
    if (known) known.when = this.#diagram.or(known.when, when);
    else this.#sets.set(environment.id, { environment, when });
  }

  addAll(flow: Flow): void {
    for (const { environment, when } of flow) this.add(environment, when);
  }

  [Symbol.iterator](): IterableIterator<{ readonly environment: Environment; readonly when: Edge }> {
    return this.#sets.values();
  }

  get isEmpty(): boolean {
    return this.#sets.size === 0;
  }
}

/** Where packets have ended so far, by the key of their end. Those that are dropped are what is left. */
export class Ends {
  readonly #diagram: Diagram;
  readonly all = new Map<string, { readonly end: End; when: Edge }>();

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
  }

  add(end: End, when: Edge): void {
    if (when === NONE || end.kind === 'dropped') return;
    const known = this.all.get(end.key);
    if (known) known.when = this.#diagram.or(known.when, when);
    else this.all.set(end.key, { end, when });
  }

  /** Those that are nowhere, once all packets have gone their way: they have been dropped. */
  dropped(packets: Edge): Edge {
    let left = packets;
    for (const { when } of this.all.values()) left = this.#diagram.minus(left, when);
    return left;
  }
}
