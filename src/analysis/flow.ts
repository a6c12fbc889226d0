import { type Diagram, type Edge, NONE } from './diagram.ts';
import type { End } from './end.ts';
import type { Environment } from './environment.ts';

/** Packets on their way: what they were when they began, by what has become of them. */
export class Flow {
  readonly #diagram: Diagram;
  readonly #sets = new Map<number, Gathered & { readonly environment: Environment }>();

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
  }

  add(environment: Environment, when: Edge): void {
    if (when === NONE) return;
    const known = this.#sets.get(environment.id);
    if (known) known.sets.push(when);
    else this.#sets.set(environment.id, { environment, sets: [when] });
  }

  addAll(flow: Flow): void {
    for (const { environment, when } of flow) this.add(environment, when);
  }

  *[Symbol.iterator](): IterableIterator<{ readonly environment: Environment; readonly when: Edge }> {
    for (const known of this.#sets.values())
      yield { environment: known.environment, when: together(this.#diagram, known) };
  }

  get isEmpty(): boolean {
    return this.#sets.size === 0;
  }
}

/** Sets that are put together when somebody asks. */
interface Gathered {
  sets: Edge[];
}

function together(diagram: Diagram, gathered: Gathered): Edge {
  const all = diagram.any(gathered.sets);
  if (gathered.sets.length > 1) gathered.sets = [all];
  return all;
}

/** Where packets have ended so far, by the key of their end. Those that are dropped are what is left. */
export class Ends {
  readonly #diagram: Diagram;
  readonly #sets = new Map<string, Gathered & { readonly end: End }>();

  constructor(diagram: Diagram) {
    this.#diagram = diagram;
  }

  add(end: End, when: Edge): void {
    if (when === NONE || end.kind === 'dropped') return;
    const known = this.#sets.get(end.key);
    if (known) known.sets.push(when);
    else this.#sets.set(end.key, { end, sets: [when] });
  }

  get all(): Map<string, { readonly end: End; readonly when: Edge }> {
    return new Map(
      [...this.#sets].map(([key, known]) => [key, { end: known.end, when: together(this.#diagram, known) }]),
    );
  }

  /** Those that are nowhere, once all packets have gone their way: they have been dropped. */
  dropped(packets: Edge): Edge {
    const ended = this.#diagram.any([...this.all.values()].map(({ when }) => when));
    return this.#diagram.minus(packets, ended);
  }
}
