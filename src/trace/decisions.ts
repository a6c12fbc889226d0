/** Something that the walk cannot know. */
export interface Doubt {
  /** Where it came up: "filter INPUT 3". */
  readonly where: string;
  /** What is not known. */
  readonly because: string;
  /** Either answer as a clause: "filter INPUT 3 matches", "filter INPUT 3 does not match". */
  readonly yes: string;
  readonly no: string;
  /** Of a rule: which of the rules looked at on this walk it is. What is doubted of one of them decides whether that matches; the last answer tells. */
  readonly looked?: number;
}

/** A doubt, and which way a walk took. */
export interface Decision extends Doubt {
  readonly answer: boolean;
}

/** Asks for a decision. Equal keys within one walk get the same answer. */
export type Decide = (key: string, doubt: Doubt) => boolean;

/** One way through all decisions. */
export interface Way<T> {
  readonly decisions: readonly Decision[];
  readonly result: T;
}

/** All ways, and whether there are more. */
export interface Explored<T> {
  readonly ways: readonly Way<T>[];
  readonly complete: boolean;
}

/**
 * Goes every way that decisions leave open, for one packet after the other. Most have nothing to decide, and do not pay for
 * those that have: the first walk is the caller's own, between `begin` and `explore`.
 */
export interface Explorer {
  /** What the walks ask. */
  readonly decide: Decide;
  /** Before the first walk: yes to everything. */
  begin(): void;
  /** Whether the walk just now had anything to decide. */
  decided(): boolean;
  /**
   * Runs `walk` once for every other combination of answers that is asked for; all walks are at most `limit`. Where that is not
   * enough, those with few answers turned round have been tried: what hangs on one doubt alone is found, wherever it stands. The
   * ways are given in the order of their answers, yes before no.
   *
   * `complete` is false where the limit left combinations out.
   */
  explore<T>(first: T, walk: () => T): Explored<T>;
}

/** Made once for many packets. */
export function explorer(limit: number): Explorer {
  let prefix: readonly boolean[] = [];
  let made: Decision[] = [];
  const known = new Map<string, boolean>();
  const begin = (answers: readonly boolean[]): void => {
    prefix = answers;
    if (made.length === 0) return;
    made = [];
    known.clear();
  };
  return {
    decide(key, doubt) {
      const before = known.get(key);
      if (before !== undefined) return before;
      const answer = prefix[made.length] ?? true;
      known.set(key, answer);
      made.push({ ...doubt, answer });
      return answer;
    },
    begin: () => begin(YES),
    decided: () => made.length > 0,
    explore(first, walk) {
      const ways = [{ decisions: made, result: first }];
      const waiting: (readonly boolean[])[] = [];
      let complete = true;
      // What was answered by itself has not been turned round yet.
      const turnEach = (from: number): void => {
        for (let turn = from; turn < made.length; turn += 1) {
          if (ways.length + waiting.length >= limit) {
            complete = false;
            return;
          }
          waiting.push([...made.slice(0, turn).map(({ answer }) => answer), false]);
        }
      };
      turnEach(0);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        begin(next);
        const result = walk();
        ways.push({ decisions: made, result });
        turnEach(next.length);
      }
      return { ways: ways.sort(byAnswers), complete };
    },
  };
}

const YES: readonly boolean[] = [];

/** Two ways part where one doubt was answered yes here and no there. */
function byAnswers(one: Way<unknown>, other: Way<unknown>): number {
  const apart = one.decisions.findIndex(({ answer }, at) => answer !== other.decisions[at]?.answer);
  return apart < 0 ? 0 : one.decisions[apart]!.answer ? -1 : 1;
}

/** The same for one walk, which is given what it asks. */
export function explore<T>(walk: (decide: Decide) => T, limit: number): Explored<T> {
  const { decide, begin, explore } = explorer(limit);
  begin();
  return explore(walk(decide), () => walk(decide));
}

/** Whether the ways lead to different places, told apart by name. */
const differ = <T>(one: readonly Way<T>[], other: readonly Way<T>[], nameOf: (result: T) => string): boolean => {
  const places = (ways: readonly Way<T>[]): string =>
    [...new Set(ways.map(({ result }) => nameOf(result)))].sort().join('\n');
  return one.length > 0 && other.length > 0 && places(one) !== places(other);
};

/**
 * The decisions of a way on which its result hangs, in order: had one been answered otherwise, the packet might have come
 * to another place.
 */
export function hangsOn<T>(way: Way<T>, ways: readonly Way<T>[], nameOf: (result: T) => string): readonly Decision[] {
  const relevant: Decision[] = [];
  let among = ways;
  for (const [depth, decision] of way.decisions.entries()) {
    const same = among.filter(({ decisions }) => decisions[depth]?.answer === decision.answer);
    const other = among.filter(({ decisions }) => decisions[depth]?.answer === !decision.answer);
    if (differ(same, other, nameOf)) relevant.push(decision);
    among = same;
  }
  return relevant;
}
