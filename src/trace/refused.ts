/** A part of a text that is at fault: one-based column and length. */
export interface Place {
  readonly position: number;
  readonly length: number;
}

/** A question that cannot be read. `message` names the place and the way out, the expression and a caret below it. */
export class QuestionRefused extends Error {
  override readonly name = 'QuestionRefused';
  readonly expression: string;
  /** One-based column in the expression. */
  readonly position: number;
  readonly length: number;
  readonly what: string;
  readonly hint: string;

  constructor(expression: string, { position, length }: Place, what: string, hint: string) {
    const before = visible(expression.slice(0, position - 1));
    const marked = visible(expression.slice(position - 1, position - 1 + length));
    const line = `  ${before}${marked}${visible(expression.slice(position - 1 + length))}`;
    const caret = `  ${' '.repeat(before.length)}${'^'.repeat(Math.max(1, marked.length))}`;
    super(`packet:1:${position}: ${visible(what)}\n${line}\n${caret}\n  ${visible(hint)}`);
    this.expression = expression;
    this.position = position;
    this.length = length;
    this.what = what;
    this.hint = hint;
  }
}

/** Control characters as \xNN: a packet typed or pasted is not trusted to be printed as it is. */
const visible = (text: string): string =>
  text.replace(/[\x00-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** The candidate that the word was probably meant to be: at most two letters away, and fewer than it has. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.min(3, word.length);
  for (const candidate of candidates) {
    // So many letters are to be put in or taken out at least: a very long word is near to nothing.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue;
    const distance = distanceBetween(word.toLowerCase(), candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to insert, delete, replace or swap with their neighbour. */
function distanceBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
