import { allTargets } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { type Draft, fault, needValue, type Use } from './draft.ts';
import { load, opaqueWords } from './extension.ts';
import { ELSEWHERE, GENERAL, impliedMatch, matchSpelling, misspelt, type Slot, type Spelling } from './spelling.ts';
import { unknownOption } from './unknown-option.ts';
import type { Cursor } from './words.ts';

/**
 * Reads an option with a long name: of the extensions that are loaded, the latest first. Returns the short name (`-s`) of
 * an option that every rule may have, for the caller to read.
 */
export function readLong(draft: Draft, cursor: Cursor, word: string, negated: boolean): string | undefined {
  for (let index = draft.loaded.length - 1; index >= 0; index -= 1) {
    const use = draft.loaded[index]!;
    const slot = use.spelling.slots.get(word);
    if (slot) {
      readOption(draft, cursor, use, slot, word, negated);
      return undefined;
    }
  }
  const general = GENERAL.get(word);
  if (general !== undefined) return general;
  if (!word.startsWith('--') || word.length < 3) return readAttached(draft, cursor, word);
  return readUnusual(draft, cursor, word, negated);
}

/** `-mstate`, `-gCHAIN`: of the options of one letter that every rule may have, the tools take a value in the same word for these two. */
function readAttached(draft: Draft, cursor: Cursor, word: string): string {
  const [, name, rest] = /^(-[mg])(.+)$/s.exec(word) ?? [];
  if (name === undefined || rest === undefined || draft.quick) throw notAnOption(cursor, word);
  cursor.rest = { word: rest, start: cursor.start + (cursor.quoted ? 0 : 2) };
  return name;
}

function notAnOption(cursor: Cursor, word: string): Fault {
  const hint = word.startsWith('-')
    ? 'A value is a word of its own, with a blank before it.'
    : 'Expected an option, which begins with a dash. Texts that hold blanks stand in quotes.';
  return fault(cursor, `${word === '' ? 'an empty word' : word} is not an option`, hint);
}

function readOption(
  draft: Draft,
  cursor: Cursor,
  use: Use,
  { key, option }: Slot,
  name: string,
  negated: boolean,
): void {
  if (negated && !option.negatable)
    throw fault(
      cursor,
      `${name} cannot be turned round by a !`,
      `${use.spelling.extension.name} has no opposite of it.`,
    );
  const before = use.options[key];
  if (before !== undefined && !option.repeats) throw twice(cursor, use, name);
  const from = option.arity === 0 ? cursor.start : startOfValue(cursor, name, option);
  const words = option.arity === 0 ? [] : [cursor.word];
  for (let count = 1; count < option.arity; count += 1) {
    needValue(cursor, name, option.expected);
    words.push(cursor.word);
  }
  const value = option.read(words, negated, draft.scope.family, before);
  if (value === undefined)
    throw new Fault(
      from,
      cursor.stop - from,
      `${words.join(' ') || '""'} is not what ${name} takes`,
      words[0] === '!' ? `The ! stands before the option: ! ${name} …` : `Expected ${option.expected}.`,
    );
  use.options[key] = value;
}

/** Moves on to the first value of an option. */
function startOfValue(cursor: Cursor, name: string, { expected }: Slot['option']): number {
  needValue(cursor, name, expected);
  return cursor.start;
}

function twice(cursor: Cursor, use: Use, name: string): Fault {
  const { name: owner } = use.spelling.extension;
  return cursor.text.slice(use.at, cursor.start).includes(` ${name} `)
    ? fault(
        cursor,
        `${name} stands twice`,
        `Once for each ${use.spelling.kind === 'match' ? `-m ${owner}` : `-j ${owner}`}.`,
      )
    : fault(cursor, `${name} stands beside another spelling of the same`, `${owner} takes one of them.`);
}

/** Spellings that iptables-save never writes: `--dport=80`, a shortened name, an option without its `-m`. */
function readUnusual(draft: Draft, cursor: Cursor, word: string, negated: boolean): string | undefined {
  if (draft.quick) throw fault(cursor, `${word} is not as iptables-save writes it`);
  const equals = word.indexOf('=');
  if (equals > 2) {
    const name = word.slice(0, equals);
    cursor.rest = { word: word.slice(equals + 1), start: cursor.start + (cursor.quoted ? 0 : equals + 1) };
    const general = readLong(draft, cursor, name, negated);
    // The tools look for these values where the next word is, and find the option itself.
    if (general !== undefined && general !== '-m' && general !== '-g')
      throw fault(cursor, `${word} is not what iptables takes`, `The value of ${name} is a word of its own.`);
    return general;
  }
  const meant = shortened(draft, word, cursor);
  if (meant !== undefined) return readLong(draft, cursor, meant, negated);
  if (loadImplied(draft, word, cursor)) return readLong(draft, cursor, word, negated);
  if (!readForeign(draft, cursor, negated)) throw unknownOption(draft, cursor, word, impliedBy(draft));
  return undefined;
}

/** The one option whose name begins with the word; a Fault where several do. */
function shortened(draft: Draft, word: string, cursor: Cursor): string | undefined {
  const found = new Map<unknown, string>();
  for (const [name, option] of GENERAL) if (name.startsWith(word)) found.set(option, name);
  for (const { spelling } of draft.loaded)
    for (const [name, slot] of spelling.slots) if (name.startsWith(word)) found.set(slot.option, name);
  if (found.size === 1) for (const name of ELSEWHERE) if (name.startsWith(word)) found.set(name, name);
  if (found.size > 1) throw fault(cursor, `${word} is ambiguous`, `It may be ${[...found.values()].join(' or ')}.`);
  return [...found.values()][0];
}

/** Loads the match of the rule's protocol when it has an option that begins so. */
function loadImplied(draft: Draft, word: string, { start, stop }: Cursor): boolean {
  const spelling = impliedBy(draft);
  if (!spelling || draft.loaded.some((use) => use.spelling === spelling)) return false;
  if (![...spelling.slots.keys()].some((known) => known.startsWith(word))) return false;
  load(draft, spelling, start, stop - start);
  return true;
}

const impliedName = ({ protocol, scope }: Draft): string | undefined => impliedMatch(protocol, scope.family);

/** The match that the rule's protocol stands for, when Sidestep knows it. */
function impliedBy(draft: Draft): Spelling | undefined {
  const name = impliedName(draft);
  return name === undefined ? undefined : matchSpelling(name);
}

/** Takes the option for one of an extension that Sidestep does not know: the protocol's match, or the rule's target. */
function readForeign(draft: Draft, cursor: Cursor, negated: boolean): boolean {
  const { start } = cursor;
  const from = negated ? cursor.text.lastIndexOf('!', start) : start;
  const implied = impliedName(draft);
  if (implied !== undefined && !matchSpelling(implied)) {
    cursor.at = from;
    cursor.rest = undefined;
    draft.matches.push({ kind: 'opaque', name: implied, words: opaqueWords(cursor) });
    return true;
  }
  const { target, undeclared } = draft;
  if (!undeclared || !target || !('kind' in target) || target.kind !== 'jump') return false;
  const known = misspelt(target.chain, allTargets);
  if (known !== undefined)
    throw new Fault(undeclared.at, undeclared.length, `unknown target ${target.chain}`, `Did you mean ${known}?`);
  cursor.at = from;
  cursor.rest = undefined;
  draft.target = { kind: 'opaque', name: target.chain, words: opaqueWords(cursor) };
  draft.undeclared = undefined;
  return true;
}
