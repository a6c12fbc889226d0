import type { TargetUse } from '../netfilter/index.ts';
import { type Draft, empty, type Use } from './draft.ts';
import { readMatch, readTarget } from './extension.ts';
import { completed, type Forms, formAt, type Kept, keptAs, learn, readValue, useKept } from './form.ts';
import { readLong } from './option.ts';
import { type Cursor, nextWord } from './words.ts';

/**
 * Large rule sets say the same things over and over: `-m tcp --dport 443`, `-j ACCEPT`. A segment is a `-m`, `-j` or `-g` with
 * all that belongs to it, up to the next option of one letter. What a segment came to is kept by its text, together with
 * what else it depends on: a draft is for one table of one family, and each protocol has maps of its own.
 *
 * Most segments have one option with one value, and then the value alone is new: see `form.ts`.
 */
export interface Segments {
  readonly kept: Map<string, Kept>;
  readonly forms: Forms;
}

/** Segments that are kept for a protocol. */
const MOST_KEPT = 20_000;

/** A segment with a text in quotes, or with more digits than this (an address, a list), will hardly come again. */
const MOST_DIGITS = 10;

/** The index of the segments of rules that name no protocol, or one with a `!`. */
const NO_PROTOCOL = 256;

/**
 * Reads the segment whose first word was read last. False where it is not written as iptables-save writes: then the whole
 * rule is to be read anew, word by word. Throws a Fault, which means the same.
 */
export function readSegment(draft: Draft, cursor: Cursor): boolean {
  const { text, start, end } = cursor;
  if (isLastWord(text, start, end)) return readPlainTarget(draft, cursor);
  const { stop, value, comesAgain } = segmentFrom(text, start, end);
  const index = draft.protocol ?? NO_PROTOCOL;
  draft.segments[index] ??= { kept: new Map(), forms: [] };
  const { kept, forms } = draft.segments[index];
  if (value > 0) {
    const form = formAt(forms, text, start, value);
    if (form) return readValue(draft, cursor, form, value, stop, comesAgain);
  }
  const words = text.slice(start, stop);
  const before = comesAgain ? kept.get(words) : undefined;
  if (before) {
    cursor.at = stop;
    return useKept(draft, before);
  }
  const use = readNew(draft, cursor, stop);
  if (use === false) return false;
  if (!use) return true;
  if (value > 0) learn(forms, text.slice(start, value), use);
  const ready = completed(draft, use);
  if (ready && comesAgain && kept.size < MOST_KEPT) kept.set(words, keptAs(use.spelling.kind, ready));
  return true;
}

/** Whether `-j` or `-g` has one word after it, and the line ends there: most rules do. */
function isLastWord(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start + 1) === 109) return false;
  for (let at = start + 3; at < end; at += 1) if (text.charCodeAt(at) === 32) return false;
  return true;
}

/** A target without options is kept by its name, unless it hangs on other parts of the rule. */
function readPlainTarget(draft: Draft, cursor: Cursor): boolean {
  const before = draft.target ? undefined : plainTarget(draft, cursor);
  if (before) {
    draft.target = before;
    cursor.at = cursor.end;
    return true;
  }
  empty(draft.loaded);
  readTarget(draft, cursor, cursor.word as '-j' | '-g');
  const use = draft.loaded[0];
  if (!use) return true;
  const { word, quoted } = cursor;
  const { protocols, refuse, complete } = use.spelling.extension;
  const ready = completed(draft, use);
  if (ready && !quoted && !protocols && !refuse && !complete) draft.plain.push({ name: word, target: ready });
  return true;
}

/** The target whose name is all that stands after `-j`. They are few, and are compared with the text where it stands. */
function plainTarget({ plain }: Draft, { text, start, end }: Cursor): TargetUse | undefined {
  if (text.charCodeAt(start + 1) !== 106) return undefined;
  for (let index = 0; index < plain.length; index += 1) {
    const { name, target } = plain[index]!;
    if (start + 3 + name.length === end && text.startsWith(name, start + 3)) return target;
  }
  return undefined;
}

/** Reads a segment word by word. Gives the use of an extension with options that it is, if it is one; false as `readSegment`. */
function readNew(draft: Draft, cursor: Cursor, stop: number): Use | undefined | false {
  const { end, word } = cursor;
  empty(draft.loaded);
  cursor.end = stop;
  if (word === '-m') readMatch(draft, cursor);
  else readTarget(draft, cursor, word as '-j' | '-g');
  let negated = false;
  while (nextWord(cursor)) {
    if (cursor.word === '!' && !negated) negated = true;
    else {
      if (readLong(draft, cursor, cursor.word, negated) !== undefined) return false;
      negated = false;
    }
  }
  cursor.end = end;
  cursor.at = stop;
  return !negated && draft.loaded.length < 2 && draft.loaded[0];
}

/**
 * A segment ends before the blank in front of the next option of one letter, and of the `!` before that. Of four words the
 * last is a value, and `value` is where the blank before it stands; else 0. One object serves all: this is asked of every
 * match and target.
 */
function segmentFrom(text: string, from: number, end: number): typeof found {
  let digits = 0;
  let blanks = 0;
  let third = 0;
  let quotes = false;
  let at = from + 2;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 32) {
      if (text.charCodeAt(at + 1) !== 45 || text.charCodeAt(at + 2) === 45) {
        blanks += 1;
        if (blanks === 3) third = at;
        continue;
      }
      if (text.charCodeAt(at - 1) === 33 && text.charCodeAt(at - 2) === 32) {
        at -= 2;
        blanks -= 1;
      }
      break;
    }
    if (code >= 48 && code <= 57) digits += 1;
    else if (code === 34) {
      quotes = true;
      at = closingQuote(text, at, end);
    }
  }
  found.stop = Math.min(at, end);
  found.value = blanks === 3 ? third : 0;
  found.comesAgain = !quotes && digits <= MOST_DIGITS;
  return found;
}

const found = { stop: 0, value: 0, comesAgain: false };

function closingQuote(text: string, from: number, end: number): number {
  for (let at = from + 1; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 34) return at;
    if (code === 92) at += 1;
  }
  return end;
}
