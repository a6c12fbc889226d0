import { BUILT_IN, type MatchUse, type Places, type TableName, type TargetUse } from '../netfilter/index.ts';
import type { Draft } from './draft.ts';
import { readMatch, readTarget } from './extension.ts';
import { known, placesOf } from './finish.ts';
import { readLong } from './option.ts';
import { type Cursor, nextWord } from './words.ts';

/**
 * Large rule sets say the same things over and over: `-m tcp --dport 443`, `-j ACCEPT`. A segment is a `-m`, `-j` or `-g` with
 * all that belongs to it, up to the next option of one letter. What a segment came to is kept by its text, together with
 * what else it depends on: a draft is for one table of one family, and each protocol has a map of its own.
 */
export type Segments = Map<string, MatchUse | TargetUse>[];

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
  const { stop, comesAgain } = segmentFrom(text, start, end);
  if (!comesAgain) return readNew(draft, cursor, stop, undefined);
  const index = draft.protocol ?? NO_PROTOCOL;
  draft.segments[index] ??= new Map();
  const kept = draft.segments[index];
  const words = text.slice(start, stop);
  const before = kept.get(words);
  if (before === undefined) return readNew(draft, cursor, stop, kept);
  cursor.at = stop;
  // A target follows a -j or a -g.
  if (text.charCodeAt(start + 1) === 109) draft.matches.push(before as MatchUse);
  else if (draft.target) return false;
  else draft.target = before;
  return true;
}

function readNew(draft: Draft, cursor: Cursor, stop: number, kept: Segments[number] | undefined): boolean {
  const { text, start, end, word } = cursor;
  draft.loaded.length = 0;
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
  return (
    !negated &&
    complete(draft, word === '-m', (ready) => {
      if (kept && kept.size < MOST_KEPT) kept.set(text.slice(start, stop), ready);
    })
  );
}

/** Completes what was read, and has it kept where nothing but its words decides what it is. */
function complete(draft: Draft, isMatch: boolean, keep: (ready: MatchUse | TargetUse) => void): boolean {
  const { loaded, matches, scope, target } = draft;
  const [use] = loaded;
  if (loaded.length > 1) return false;
  loaded.length = 0;
  if (use) {
    // Where it may stand is a question of the chain, asked when the rule is complete.
    if (!everywhere(placesOf(use), scope.table)) return true;
    const ready = known(draft, use);
    if (isMatch) matches[matches.length - 1] = ready;
    else draft.target = ready;
    keep(ready);
  } else if (!isMatch && !draft.undeclared && target && 'chain' in target) keep(target);
  return true;
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
