/**
 * The longest run of items that two lists share in order, as far as it is cheap to find: pairs of positions, ascending.
 * Myers' O(ND) method after common ends are set aside; where the lists differ too much, the ends are all that is shared.
 * Source: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986.
 */
export function shared(before: readonly string[], after: readonly string[]): readonly (readonly [number, number])[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  )
    tail += 1;
  const pairs: [number, number][] = [];
  for (let index = 0; index < head; index += 1) pairs.push([index, index]);
  const middle = myers(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  for (const [left, right] of middle) pairs.push([head + left, head + right]);
  for (let index = tail; index > 0; index -= 1) pairs.push([before.length - index, after.length - index]);
  return pairs;
}

/** Beyond so many differences the method costs more than the counters it keeps are worth. */
const MOST_EDITS = 2000;

function myers(before: readonly string[], after: readonly string[]): [number, number][] {
  if (before.length === 0 || after.length === 0) return [];
  const most = Math.min(before.length + after.length, MOST_EDITS);
  // reached.get(k): how far along `before` the furthest path on diagonal k has come; one copy for each number of edits.
  const trail: Int32Array[] = [];
  let reached = new Int32Array(2 * most + 3);
  for (let edits = 0; edits <= most; edits += 1) {
    const last = reached;
    trail.push(last);
    reached = last.slice();
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const at = diagonal + most + 1;
      const down = diagonal === -edits || (diagonal !== edits && last[at - 1]! < last[at + 1]!);
      let x = down ? last[at + 1]! : last[at - 1]! + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      reached[at] = x;
      if (x >= before.length && x - diagonal >= after.length) return back(trail, before.length, after.length, most);
    }
  }
  return [];
}

/** Walks the found path from its end and collects the steps on which both lists moved. */
function back(trail: readonly Int32Array[], endX: number, endY: number, most: number): [number, number][] {
  const pairs: [number, number][] = [];
  let x = endX;
  let y = endY;
  for (let edits = trail.length - 1; edits >= 0; edits -= 1) {
    const reached = trail[edits]!;
    const diagonal = x - y;
    const at = diagonal + most + 1;
    const down = diagonal === -edits || (diagonal !== edits && reached[at - 1]! < reached[at + 1]!);
    const fromX = edits === 0 ? 0 : down ? reached[at + 1]! : reached[at - 1]!;
    const fromY = edits === 0 ? 0 : fromX - (down ? diagonal + 1 : diagonal - 1);
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      pairs.push([x, y]);
    }
    x = fromX;
    y = fromY;
  }
  return pairs.reverse();
}
