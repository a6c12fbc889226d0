import { type Part, plainText, type Word } from './word.ts';

/** More words than one pair of braces should make, or braces within braces. */
const MOST_WORDS = 1000;

const OTHER: Part = { kind: 'other' };

/** `{a,b}`, `{1..3}`: the piece of plain text that braces of bash take apart. */
const BRACES = /(?<!\$)\{((?:[^{},\s]*,)+[^{},\s]*|(-?\d{1,7})\.\.(-?\d{1,7}))\}/;

/** Longer words are not taken apart. */
const LONGEST = 2000;

/** A word with a blank in place of all that is no plain text. */
const outlineOf = ({ parts }: Word): string => parts.map((part) => plainText(part) ?? ' ').join('');

/** Whether bash may take a word apart, also where its pieces are no plain text. */
function mayBeBraces(word: Word): boolean {
  const outline = outlineOf(word);
  const open = outline.indexOf('{');
  const inside = open < 0 ? '' : outline.slice(open, Math.max(open, outline.lastIndexOf('}')));
  return inside.includes(',') || inside.includes('..');
}

/**
 * The words that bash makes of one with braces in it. Other shells may leave it as it is, so that what it is stays
 * unknown. Source: bash(1), Brace Expansion.
 */
export function withoutBraces(word: Word, bash: boolean): readonly Word[] {
  if (!mayBeBraces(word)) return [word];
  if (!bash || outlineOf(word).length > LONGEST) return [{ ...word, parts: [OTHER] }];
  let words: readonly Word[] = [word];
  for (let round = 0; round < 8; round += 1) {
    const next = words.flatMap(once);
    if (next.length === words.length && next.every((one, index) => one === words[index])) return next.map(unlessLeft);
    if (next.length > MOST_WORDS) break;
    words = next;
  }
  return [{ ...word, parts: [OTHER] }];
}

/** Braces within braces, or ones that hold variables, are not followed. */
const unlessLeft = (word: Word): Word => (mayBeBraces(word) ? { ...word, parts: [OTHER] } : word);

/** The first pair of braces of a word taken apart. */
function once(word: Word): readonly Word[] {
  for (const [index, part] of word.parts.entries()) {
    const text = plainText(part) ?? '';
    const found = BRACES.exec(text);
    if (!found) continue;
    const [all, inside = '', from, to] = found;
    const before = text.slice(0, found.index);
    const after = text.slice(found.index + all.length);
    const items = from === undefined ? inside.split(',') : numbers(from, to ?? from);
    if (!items) return [{ ...word, parts: [OTHER] }];
    return items.map((item) => ({
      ...word,
      parts: word.parts.with(index, { kind: 'text', text: `${before}${item}${after}`, quoted: false }),
    }));
  }
  return [word];
}

function numbers(from: string, to: string): readonly string[] | undefined {
  // With a zero in front all have the same width.
  if (/^-?0\d/.test(from) || /^-?0\d/.test(to)) return undefined;
  const [first, last] = [Number(from), Number(to)];
  const count = Math.abs(last - first) + 1;
  if (count > MOST_WORDS) return undefined;
  return Array.from({ length: count }, (_, index) => String(first + (last < first ? -index : index)));
}
