import type { Walk } from '../trace/parts.ts';
import type { Grain } from './classes.ts';
import { type Edge, NONE } from './diagram.ts';
import type { Environment, Environments, State } from './environment.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';
import { Trial } from './trial.ts';

/** Packets that fare alike in one part of the walk. */
export interface Group<T> {
  readonly result: T;
  readonly environment: Environment;
  readonly when: Edge;
}

/** More packets than this are not tried out for one question. */
const MOST_TRIALS = 20_000;

/**
 * Asks a part of the walk about all packets at once, by asking it about one packet after the other: what it reads of a packet is
 * taken down, and its answer holds for all packets that are of the same class in what it read. So nothing of the walk's own
 * knowledge is written a second time.
 */
export class Asking {
  readonly #space: Space;
  readonly #environments: Environments;
  readonly #trial: Trial;

  constructor(space: Space, environments: Environments) {
    this.#space = space;
    this.#environments = environments;
    this.#trial = new Trial(space);
  }

  /** What a walk remembers before it has begun. */
  get start(): State {
    return this.#trial.start;
  }

  /**
   * `keyOf` tells results apart; those of one key, and of one environment afterwards, are one group. `grain`: how much the question
   * wants to know of addresses.
   */
  split<T>(
    environment: Environment,
    within: Edge,
    ask: (walk: Walk, trial: Trial) => T,
    keyOf: (result: T) => string,
    grain: Grain = 'ways',
  ): readonly Group<T>[] {
    const { diagram } = this.#space;
    const trial = this.#trial;
    const groups = new Map<string, Group<T>>();
    let left = within;
    for (let trials = 0; left !== NONE; trials += 1) {
      if (trials > MOST_TRIALS) {
        throw new TooComplex(`more than ${MOST_TRIALS} kinds of packet in one question`);
      }
      const numbers = diagram.witness(left);
      trial.begin(environment, (level) => numbers.get(level) ?? 0, grain);
      const result = ask(trial.walk, trial);
      const after = trial.environment(this.#environments);
      const alike = trial.alike();
      const these = diagram.and(left, alike);
      left = diagram.minus(left, alike);
      const key = `${after.id} ${keyOf(result)}`;
      const before = groups.get(key);
      groups.set(key, { result, environment: after, when: before ? diagram.or(before.when, these) : these });
    }
    return [...groups.values()];
  }

  /** The same for packets on their way: asked of all that there are, and given for those that have come so far. */
  part<T>(
    environment: Environment,
    when: Edge,
    ask: (walk: Walk, trial: Trial) => T,
    keyOf: (result: T) => string,
    grain?: Grain,
  ): readonly Group<T>[] {
    const { diagram, valid } = this.#space;
    const groups = this.split(environment, valid, ask, keyOf, grain);
    const [first] = groups;
    // Where all fare alike, nothing has to be taken apart.
    if (first && groups.length === 1) return [{ ...first, when }];
    return groups.map((group) => ({ ...group, when: diagram.and(when, group.when) }));
  }
}
