/**
 * Whether a jump from one chain to another closes a loop: whether the other leads back. `next` holds the chains that each
 * chain's rules lead to.
 */
export function leadsBack(next: ReadonlyMap<string, readonly string[]>): (from: string, to: string) => boolean {
  const reach = new Map<string, Set<string>>();
  const reachable = (start: string): Set<string> => {
    const known = reach.get(start);
    if (known) return known;
    const seen = new Set([start]);
    const waiting = [start];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      for (const to of next.get(name) ?? []) {
        if (seen.has(to)) continue;
        seen.add(to);
        waiting.push(to);
      }
    }
    reach.set(start, seen);
    return seen;
  };
  return (from, to) => reachable(to).has(from);
}
