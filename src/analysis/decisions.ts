import type { Diagram, Edge } from './diagram.ts';
import { kept } from './kept.ts';

/**
 * Something that a packet does not tell. `choice`: the kernel may answer either way each time it is asked. `open`: there is an
 * answer, which is not known.
 */
export interface Decision {
  readonly kind: 'choice' | 'open';
  readonly where: string;
  readonly because: string;
}

/** What is not known, each a variable of its own behind those of the fields. Equal keys are one. */
export class Decisions {
  readonly #diagram: Diagram;
  readonly #first: number;
  readonly #levels = new Map<string, number>();
  readonly #all: Decision[] = [];

  constructor(diagram: Diagram, first: number) {
    this.#diagram = diagram;
    this.#first = first;
  }

  /** Whether anything is not known. */
  get any(): boolean {
    return this.#all.length > 0;
  }

  level(key: string, decision: Decision): number {
    return kept(this.#levels, key, () => this.#first + this.#all.push(decision) - 1);
  }

  set(key: string, decision: Decision): Edge {
    return this.#diagram.variable(this.level(key, decision));
  }

  /** The decision of a variable, or undefined where it is a field's. */
  at(level: number): Decision | undefined {
    return this.#all[level - this.#first];
  }

  readonly isDecision = (level: number): boolean => level >= this.#first;
  readonly isChoice = (level: number): boolean => this.at(level)?.kind === 'choice';
}
