import { Differs } from './comparison.ts';
import { type Decide, explorer } from './decisions.ts';

/** Ways that are tried: a kernel that chooses among addresses or ports tells which it took by what came of it. */
const MOST_WAYS = 64;

/** What a decision was, by its key. */
export type Answers = ReadonlyMap<string, boolean>;

/** A way through all that is open, and its decisions. */
export interface Agreed<T> {
  readonly result: T;
  readonly answers: Answers;
}

/**
 * The first way through what is open on which `walk` does not part from the kernel's account. Throws the Differs of the way on
 * which they agreed longest.
 */
export function agreeing<T>(walk: (decide: Decide) => T): Agreed<T> {
  const { decide, begin, explore } = explorer(MOST_WAYS);
  let agreed: Agreed<T> | undefined;
  let longest: Differs | undefined;
  const attempt = (): void => {
    if (agreed) return;
    const answers = new Map<string, boolean>();
    try {
      const result = walk((key, doubt) => {
        const answer = decide(key, doubt);
        answers.set(key, answer);
        return answer;
      });
      agreed = { result, answers };
    } catch (error) {
      if (!(error instanceof Differs)) throw error;
      if (!longest || error.agreed.events > longest.agreed.events) longest = error;
    }
  };
  begin();
  attempt();
  if (!agreed) explore(undefined, attempt);
  if (!agreed) throw longest;
  return agreed;
}
