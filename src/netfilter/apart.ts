import { eachPart, type Predicate } from './predicate.ts';

/**
 * Keeps what the parts of one rule leave open apart: two of them may wait for the same thing in the same words, as two limits of
 * one rate, and each is answered for itself. A part may be several predicates, which share what is open.
 *
 * @example for `-m statistic --probability 0.5 -m statistic ! --probability 0.5`: apart()(first), apart()(second)
 */
export function apart(): (part: readonly Predicate[]) => readonly Predicate[] {
  let seen: Set<string> | undefined;
  let parts = 0;
  return (part) => {
    const open = part.flatMap(openIn);
    if (open.length === 0) return part;
    parts += 1;
    const known = seen;
    const met = known !== undefined && open.some((id) => known.has(id));
    seen ??= new Set();
    for (const id of open) seen.add(id);
    return met ? part.map((predicate) => renamed(predicate, ` of ${parts}`)) : part;
  };
}

const OPEN = new WeakMap<Predicate, readonly string[]>();

function openIn(predicate: Predicate): readonly string[] {
  const known = OPEN.get(predicate);
  if (known) return known;
  const ids = new Set<string>();
  eachPart(predicate, (part) => {
    if (part.kind === 'choice') ids.add(part.id);
    else if (part.kind === 'unknown') ids.add(part.id ?? part.because);
  });
  const found = [...ids];
  OPEN.set(predicate, found);
  return found;
}

function renamed(predicate: Predicate, end: string): Predicate {
  switch (predicate.kind) {
    case 'choice':
      return { ...predicate, id: predicate.id + end };
    case 'unknown':
      return { ...predicate, id: (predicate.id ?? predicate.because) + end };
    case 'not':
      return { ...predicate, of: renamed(predicate.of, end) };
    case 'member':
      return { ...predicate, meaning: renamed(predicate.meaning, end) };
    case 'all':
    case 'some':
      return { ...predicate, of: predicate.of.map((part) => renamed(part, end)) };
    default:
      return predicate;
  }
}
