/** One step of turning one list into another. Positions are zero-based. */
export type Step =
  | { readonly kind: 'same'; readonly before: number; readonly after: number }
  | { readonly kind: 'gone'; readonly before: number }
  | { readonly kind: 'new'; readonly after: number };

/** Above this many pairs the table of the comparison is not worth its memory; then only the common ends count. */
const MOST_PAIRS = 4_000_000;

/**
 * The steps from one list to another with the most items kept, in order; of equal choices, what is gone comes before what
 * is new. The classical table of longest common subsequences, after the common ends are set aside.
 */
export function stepsBetween(before: readonly string[], after: readonly string[]): readonly Step[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  const same = (at: number, to: number): Step => ({ kind: 'same', before: at, after: to });
  return [
    ...Array.from({ length: head }, (_, index) => same(index, index)),
    ...middleSteps(before.slice(head, before.length - tail), after.slice(head, after.length - tail), head),
    ...Array.from({ length: tail }, (_, index) => same(before.length - tail + index, after.length - tail + index)),
  ];
}

function middleSteps(before: readonly string[], after: readonly string[], offset: number): readonly Step[] {
  const [rows, columns] = [before.length, after.length];
  const width = columns + 1;
  const comparable = rows * columns <= MOST_PAIRS;
  // longest[row * width + column]: how many items the two ends from there on share.
  const longest = new Uint32Array(comparable ? (rows + 1) * width : 0);
  const at = (row: number, column: number): number => longest[row * width + column] ?? 0;
  if (comparable)
    for (let row = rows - 1; row >= 0; row -= 1)
      for (let column = columns - 1; column >= 0; column -= 1)
        longest[row * width + column] =
          before[row] === after[column]
            ? at(row + 1, column + 1) + 1
            : Math.max(at(row + 1, column), at(row, column + 1));
  const steps: Step[] = [];
  let [row, column] = [0, 0];
  while (row < rows || column < columns) {
    const isSame = comparable && row < rows && column < columns && before[row] === after[column];
    if (isSame) steps.push({ kind: 'same', before: offset + row, after: offset + column });
    const goes = !isSame && row < rows && (column >= columns || at(row + 1, column) >= at(row, column + 1));
    if (goes) steps.push({ kind: 'gone', before: offset + row });
    if (!isSame && !goes) steps.push({ kind: 'new', after: offset + column });
    if (isSame || goes) row += 1;
    if (isSame || !goes) column += 1;
  }
  return steps;
}
