/**
 * Which jumps come back to where they went from. `next` holds the chains that each chain leads to; the answer is whether a
 * jump from one to another is part of a circle: both lie in one strongly connected component.
 *
 * Source: R. Tarjan, Depth-first search and linear graph algorithms (1972). With a stack of its own, and in one pass:
 * legacy takes chains nested thousands deep.
 */
export function leadsBack(next: ReadonlyMap<string, readonly string[]>): (from: string, to: string) => boolean {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const unsettled: string[] = [];
  let components = 0;
  for (const start of next.keys()) {
    if (index.has(start)) continue;
    const open: { readonly name: string; readonly ways: readonly string[]; at: number }[] = [];
    const enter = (name: string): void => {
      index.set(name, index.size);
      low.set(name, index.size - 1);
      unsettled.push(name);
      open.push({ name, ways: next.get(name) ?? [], at: 0 });
    };
    const lower = (name: string, to: number): void => void low.set(name, Math.min(low.get(name) ?? to, to));
    enter(start);
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const to = top.ways[top.at];
      top.at += 1;
      if (to !== undefined) {
        const seen = index.get(to);
        if (seen === undefined) enter(to);
        else if (!component.has(to)) lower(top.name, seen);
        continue;
      }
      open.pop();
      const mine = low.get(top.name) ?? 0;
      const above = open.at(-1);
      if (above) lower(above.name, mine);
      if (mine !== index.get(top.name)) continue;
      for (let name = unsettled.pop(); name !== undefined; name = unsettled.pop()) {
        component.set(name, components);
        if (name === top.name) break;
      }
      components += 1;
    }
  }
  return (from, to) => from === to || (component.has(from) && component.get(from) === component.get(to));
}
