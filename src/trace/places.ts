import { type Decision, hangsOn, type Way } from './decisions.ts';
import type { Walked } from './once.ts';
import type { Outcome, Trace } from './result.ts';

/** Undecided rules are followed both ways, in this many walks at most. */
export const MOST_WALKS = 64;

/** Outcomes that lead to the same place are one, however they came about. */
export const placeOf = ({ outcome }: Pick<Walked, 'outcome'>): string => {
  switch (outcome.kind) {
    case 'proxy':
      return `proxy ${outcome.port} ${outcome.original ? `${outcome.original.address} ${outcome.original.port}` : ''}`;
    case 'app':
    case 'nobody listens':
      return `${outcome.kind} ${outcome.port}`;
    case 'rejected':
      return `rejected ${outcome.with}`;
    case 'forwarded':
    case 'sent':
      return `${outcome.kind} ${outcome.out}`;
    case 'answered':
      return `answered ${outcome.out ?? ''} ${outcome.from.address} ${outcome.from.port}`;
    case 'dropped':
    case 'delivered':
    case 'astray':
    case 'unknown':
      return outcome.kind;
  }
};

/** Where ways lead that were not followed. */
export const NOT_FOLLOWED = {
  outcome: { kind: 'unknown', because: `more than ${MOST_WALKS} ways lead through these rules` },
  because: 'if it goes one that was not followed',
} as const;

/** The outcome of all ways together. */
export function outcomeOf(ways: readonly Way<Walked>[], complete: boolean): Outcome {
  const [first] = ways;
  const places = new Set(ways.map(({ result }) => placeOf(result)));
  if (first && places.size === 1 && complete) return first.result.outcome;
  if (places.size === 1) return NOT_FOLLOWED.outcome;
  // The last of them is the nearest to where the ways part.
  const decision = first ? hangsOn(first, ways, placeOf).at(-1) : undefined;
  return {
    kind: 'unknown',
    because: decision ? `${decision.where}: ${decision.because}` : 'several ways lead through these rules',
  };
}

/**
 * The decisions on which a way hangs, in words: of a rule whether it matches, once; where that hangs on several conditions, on which. A
 * rule that is met again, in another call of its chain or by a later packet, says when.
 */
export function clausesOf<T>(way: Way<T>, ways: readonly Way<T>[], nameOf: (result: T) => string): readonly string[] {
  const said = new Set<number>();
  return hangsOn(way, ways, nameOf).flatMap(({ looked, where, ...decision }) => {
    if (looked === undefined) return [clauseOf(decision)];
    if (said.has(looked)) return [];
    said.add(looked);
    const met = way.decisions.filter((other) => other.looked !== undefined && other.where === where);
    const times = [...new Set(met.map((other) => other.looked))];
    const asked = met.filter((other) => other.looked === looked);
    const last = asked.at(-1)!;
    const again = times.indexOf(looked);
    const time = again === 0 ? '' : ` the ${TIMES[again - 1] ?? `${again + 1}th`} time`;
    const reasons = [...new Set(asked.map(({ because }) => because))];
    const clause = clauseOf(last);
    // Where it does not match, the last condition failed; where it does, all of them held.
    const open = clause.endsWith(' does not match') ? reasons.slice(-1) : reasons;
    return [`${clause}${time}${reasons.length > 1 ? ` (${open.join('; ')})` : ''}`];
  });
}

const clauseOf = ({ yes, no, answer }: Pick<Decision, 'yes' | 'no' | 'answer'>): string => (answer ? yes : no);

const TIMES = ['second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth', 'ninth', 'tenth'];

/** One entry for each place that the ways lead to, where there are several, and one for those that were not followed. */
export function possibleOf(ways: readonly Way<Walked>[], complete: boolean): Trace['possible'] {
  const byPlace = new Map<string, Way<Walked>>();
  for (const way of ways) if (!byPlace.has(placeOf(way.result))) byPlace.set(placeOf(way.result), way);
  if (byPlace.size < 2) return [];
  const reached = [...byPlace.values()].map((way) => {
    return { outcome: way.result.outcome, because: `if ${clausesOf(way, ways, placeOf).join(' and ')}` };
  });
  return complete ? reached : [...reached, NOT_FOLLOWED];
}
