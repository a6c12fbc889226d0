import type { FieldName } from '../netfilter/index.ts';
import type { Walk } from '../trace/parts.ts';
import type { Grain } from './classes.ts';
import { type Edge, NONE } from './diagram.ts';
import { type Changes, type Environment, type Environments, fieldKey, type State } from './environment.ts';
import { kept } from './kept.ts';
import type { Space } from './space.ts';
import { TooComplex } from './too-complex.ts';
import { changesKey, type Footprint, Trial } from './trial.ts';

/** A question to the walk. Who asks the same again, asks with the same object: then its answers are remembered. */
export interface Inquiry<T> {
  readonly ask: (walk: Walk, trial: Trial) => T;
  /** Tells results apart. */
  readonly keyOf: (result: T) => string;
  /** How much the question wants to know of addresses: `ways` where it is absent. */
  readonly grain?: Grain;
}

/** Packets that fare alike in one part of the walk. */
export interface Group<T> {
  readonly result: T;
  readonly environment: Environment;
  readonly when: Edge;
}

/** The same, in whatever environment. */
interface Fate<T> {
  readonly result: T;
  readonly changes: Changes;
  readonly when: Edge;
}

/** The answer to a question, and all of the environment that was looked at for it. */
export interface Answered {
  readonly within: Edge;
  readonly fields: readonly (readonly [field: FieldName, key: string])[];
  readonly state: readonly (readonly [key: keyof State, value: unknown])[];
  /** Rules were looked at, too. */
  readonly rules: boolean;
  readonly fates: readonly Fate<unknown>[];
}

/** What has been asked before. */
export type Answers = Map<Inquiry<unknown>, Answered[]>;

/** More packets than this are not tried out for one question, nor for all questions about one rule set. */
const MOST_TRIALS = 20_000;
const MOST_IN_ALL = 300_000;

/** So many answers to a question are remembered: who has come in very many environments meets few of them again. */
const MOST_ANSWERS = 64;

/**
 * Asks a part of the walk about all packets at once, by asking it about one packet after the other: what it reads of a packet is
 * taken down, and its answer holds for all packets that are of the same class in what it read. So nothing of the walk's own
 * knowledge is written a second time. What it reads of the environment is taken down, too: the answer holds in all environments
 * that are the same in that.
 */
export class Asking {
  readonly #space: Space;
  readonly #environments: Environments;
  readonly #trial: Trial;
  /** What hangs on these rules; what hangs on the machine alone is kept with that. */
  readonly #answers: Answers = new Map();
  #tried = 0;
  /** How many answers hung on rules. */
  rulesAsked = 0;

  constructor(space: Space, environments: Environments) {
    this.#space = space;
    this.#environments = environments;
    this.#trial = new Trial(space);
  }

  /** What a walk remembers before it has begun. */
  get start(): State {
    return this.#trial.start;
  }

  /** Results of one key, with one environment afterwards, are one group. */
  split<T>(environment: Environment, within: Edge, inquiry: Inquiry<T>): readonly Group<T>[] {
    const asked = inquiry as Inquiry<unknown>;
    const { answers } = this.#space.machine;
    const holds = (one: Answered): boolean => one.within === within && isSame(one, environment);
    let answered = answers.get(asked)?.find(holds) ?? this.#answers.get(asked)?.find(holds);
    if (!answered) {
      answered = this.#answer(environment, within, asked);
      const remembered = kept(answered.rules ? this.#answers : answers, asked, () => []);
      if (remembered.length < MOST_ANSWERS) remembered.push(answered);
    }
    if (answered.rules) this.rulesAsked += 1;
    return (answered.fates as readonly Fate<T>[]).map(({ result, changes, when }) => ({
      result,
      environment: this.#environments.after(environment, changes),
      when,
    }));
  }

  #answer<T>(environment: Environment, within: Edge, { ask, keyOf, grain = 'ways' }: Inquiry<T>): Answered {
    const { diagram } = this.#space;
    const trial = this.#trial;
    const fates = new Map<string, Fate<T>>();
    const read: Footprint = { fields: new Map(), state: new Map(), rules: false };
    let left = within;
    for (let trials = 0; left !== NONE; trials += 1) {
      if (trials > MOST_TRIALS) {
        throw new TooComplex(`more than ${MOST_TRIALS} kinds of packet in one question`);
      }
      if (this.#tried++ > MOST_IN_ALL) throw new TooComplex(`more than ${MOST_IN_ALL} kinds of packet in all`);
      const numbers = diagram.witness(left);
      trial.begin(environment, (level) => numbers.get(level) ?? 0, grain, read);
      const result = ask(trial.walk, trial);
      const { changes } = trial;
      const alike = trial.alike();
      const these = diagram.and(left, alike);
      left = diagram.minus(left, alike);
      const key = `${changesKey(changes)} ${keyOf(result)}`;
      const before = fates.get(key);
      fates.set(key, { result, changes, when: before ? diagram.or(before.when, these) : these });
    }
    return {
      within,
      fields: [...read.fields],
      state: [...read.state],
      rules: read.rules,
      fates: [...fates.values()],
    };
  }

  /** The same for packets on their way: asked of all that there are, and given for those that have come so far. */
  part<T>(environment: Environment, when: Edge, inquiry: Inquiry<T>): readonly Group<T>[] {
    const { diagram, valid } = this.#space;
    const groups = this.split(environment, valid, inquiry);
    const [first] = groups;
    // Where all fare alike, nothing has to be taken apart.
    if (first && groups.length === 1) return [{ ...first, when }];
    return groups.map((group) => ({ ...group, when: diagram.and(when, group.when) }));
  }
}

/** Whether an environment is the same in all that was looked at. */
function isSame({ fields, state }: Answered, environment: Environment): boolean {
  for (let at = 0; at < state.length; at += 1) {
    const asked = state[at]!;
    if (environment.state[asked[0]] !== asked[1]) return false;
  }
  for (let at = 0; at < fields.length; at += 1) {
    const asked = fields[at]!;
    if (fieldKey(environment, asked[0]) !== asked[1]) return false;
  }
  return true;
}
