import { BUILT_IN, type MatchUse, type Places, type Rule, type TableName, type TargetUse } from '../netfilter/index.ts';
import { type Draft, empty, type Use } from './draft.ts';
import { readMatch, readTarget } from './extension.ts';
import { known, placesOf } from './finish.ts';
import { readLong } from './option.ts';
import { type Cursor, nextWord } from './words.ts';

/**
 * Large rule sets say the same things over and over: `-m tcp --dport 443`, `-j ACCEPT`. A segment is a `-m`, `-j` or `-g` with
 * all that belongs to it, up to the next option of one letter. What a segment came to is kept by its text, together with
 * what else it depends on: a draft is for one table of one family, and each protocol has a map of its own.
 */
export type Segments = Map<string, Kept>[];

type Kept =
  | { readonly target: TargetUse; readonly match?: undefined }
  /** And a list of it, for the rules that have no other match. */
  | { readonly match: MatchUse; readonly alone: Rule['matches'] };

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
  const { stop, comesAgain } = segmentFrom(text, start, end);
  if (!comesAgain) return readNew(draft, cursor, stop, undefined);
  const index = draft.protocol ?? NO_PROTOCOL;
  draft.segments[index] ??= new Map();
  const kept = draft.segments[index];
  const words = text.slice(start, stop);
  const before = kept.get(words);
  if (before === undefined) return readNew(draft, cursor, stop, kept);
  cursor.at = stop;
  if (before.match) {
    if (draft.matches.length === 0) draft.alone = before.alone;
    draft.matches.push(before.match);
  } else if (draft.target) return false;
  else draft.target = before.target;
  return true;
}

/** Whether `-j` or `-g` has one word after it, and the line ends there: most rules do. */
function isLastWord(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start + 1) === 109) return false;
  for (let at = start + 3; at < end; at += 1) if (text.charCodeAt(at) === 32) return false;
  return true;
}

/** A target without options is kept by its name, as jumps are, unless it hangs on other parts of the rule. */
function readPlainTarget(draft: Draft, cursor: Cursor): boolean {
  empty(draft.loaded);
  readTarget(draft, cursor, cursor.word as '-j' | '-g');
  const use = draft.loaded[0];
  if (!use) return true;
  const { word } = cursor;
  const { protocols, refuse, complete } = use.spelling.extension;
  const ready = completeTarget(draft);
  if (ready && !protocols && !refuse && !complete) draft.jumps.set(word, ready.target);
  return true;
}

function readNew(draft: Draft, cursor: Cursor, stop: number, kept: Segments[number] | undefined): boolean {
  const { text, start, end, word } = cursor;
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
  if (negated || draft.loaded.length > 1) return false;
  const ready = word === '-m' ? completeMatch(draft) : completeTarget(draft);
  if (ready && kept && kept.size < MOST_KEPT) kept.set(text.slice(start, stop), ready);
  return true;
}

/** Completes the match that was read, and gives it where nothing but its words decides what it is. */
function completeMatch(draft: Draft): Kept | undefined {
  const use = draft.loaded[0];
  if (!use || !isComplete(draft, use)) return undefined;
  const match = known(draft, use);
  draft.matches[draft.matches.length - 1] = match;
  return { match, alone: [match] };
}

/** The same of the target. */
function completeTarget(draft: Draft): (Kept & { readonly match?: undefined }) | undefined {
  const { target, undeclared } = draft;
  const use = draft.loaded[0];
  if (!use) return target && 'chain' in target && !undeclared ? { target } : undefined;
  if (!isComplete(draft, use)) return undefined;
  const ready = known(draft, use);
  draft.target = ready;
  return { target: ready };
}

/** Where an extension may stand in some chains only, that is asked when the rule is complete. */
function isComplete(draft: Draft, use: Use): boolean {
  empty(draft.loaded);
  return everywhere(placesOf(use), draft.scope.table);
}

const everywhere = (places: Places | undefined, table: TableName): boolean =>
  !places?.hooks || BUILT_IN[table].every((hook) => places.hooks?.includes(hook));

/**
 * A segment ends before the blank in front of the next option of one letter, and of the `!` before that. One object serves
 * all: this is asked of every match and target.
 */
function segmentFrom(text: string, from: number, end: number): { stop: number; comesAgain: boolean } {
  let digits = 0;
  let quotes = false;
  let at = from + 2;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 32) {
      if (text.charCodeAt(at + 1) !== 45 || text.charCodeAt(at + 2) === 45) continue;
      if (text.charCodeAt(at - 1) === 33 && text.charCodeAt(at - 2) === 32) at -= 2;
      break;
    }
    if (code >= 48 && code <= 57) digits += 1;
    else if (code === 34) {
      quotes = true;
      at = closingQuote(text, at, end);
    }
  }
  found.stop = Math.min(at, end);
  found.comesAgain = !quotes && digits <= MOST_DIGITS;
  return found;
}

const found = { stop: 0, comesAgain: false };

function closingQuote(text: string, from: number, end: number): number {
  for (let at = from + 1; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 34) return at;
    if (code === 92) at += 1;
  }
  return end;
}
