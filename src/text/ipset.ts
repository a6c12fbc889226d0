import { maskOf, parseAddress, widthOf } from '../address/index.ts';
import {
  type Dimension,
  type IpSet,
  type IpSets,
  parseUint32,
  SET_TYPES,
  type SetEntry,
  type SetPart,
} from '../netfilter/index.ts';
import { type Diagnostic, diagnosticAt, Fault, InputRefused } from './diagnostic.ts';
import { EXPECTED, readPart } from './ipset-element.ts';
import { MOST_DIAGNOSTICS, refuseBinary } from './reading.ts';
import { type Cursor, cursorOver, nextWord } from './words.ts';

/** How the text of `ipset save` is read. */
export interface SetReadOptions {
  /** What the input is called in a diagnostic. */
  readonly source?: string;
  /** Reads what can be read: a set with a line that cannot says so, and what is in it is not known. */
  readonly keepGoing?: boolean;
}

type OpenSet = { -readonly [Key in keyof IpSet]: IpSet[Key] } & { readonly entries: SetEntry[] };

/** The text while it is read. */
interface Reading {
  readonly cursor: Cursor;
  readonly sets: Map<string, OpenSet>;
  /** The set of the last `create` line: the entries of a saved set stand right under it. */
  open: OpenSet | undefined;
}

/**
 * Reads what `ipset save` prints: a `create` line for each set and an `add` line for each of its entries. `#` begins a
 * comment; any other line is a fault. Throws InputRefused with all that is wrong.
 *
 * @example parseSets('create banned hash:ip family inet\nadd banned 10.0.0.9\n').get('banned')?.entries.length // 1
 */
export function parseSets(text: string, options: SetReadOptions = {}): IpSets {
  const source = options.source ?? '-';
  refuseBinary(text, source);
  const reading: Reading = { cursor: cursorOver(text), sets: new Map(), open: undefined };
  const { cursor } = reading;
  const diagnostics: Diagnostic[] = [];
  let line = 0;
  let end = 0;
  for (let start = 0; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    cursor.at = start;
    cursor.end = text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    line += 1;
    try {
      readLine(reading);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (diagnostics.length < MOST_DIAGNOSTICS) diagnostics.push(diagnosticAt(text, error, line, start));
      if (reading.open) reading.open.unread ??= 'a line of it could not be read';
    }
  }
  if (diagnostics.length > 0 && !options.keepGoing) throw new InputRefused(source, diagnostics);
  return reading.sets;
}

/** Whether a line is one of those that `ipset save` writes. */
export const isSetLine = (line: string): boolean => /^\s*(create|add)\s/.test(line);

function readLine(reading: Reading): void {
  const { cursor } = reading;
  if (!nextWord(cursor) || cursor.word.startsWith('#')) return;
  if (cursor.word === 'create') readCreate(reading);
  else if (cursor.word === 'add') readAdd(reading);
  else throw fault(cursor, 'this line is no part of saved sets', 'Expected create NAME TYPE … or add NAME ELEMENT …');
}

const TYPES = Object.keys(SET_TYPES).join(', ');

/** `create NAME TYPE [OPTION …]`. A name may hold blanks: the type tells where it ends. */
function readCreate(reading: Reading): void {
  const { cursor, sets } = reading;
  reading.open = undefined;
  need(cursor, 'create', 'the name of a set');
  const { start } = cursor;
  let { stop } = cursor;
  need(cursor, 'create', `a type of set: ${TYPES}`);
  while (!/^(bitmap|hash|list):/.test(cursor.word)) {
    stop = cursor.stop;
    if (!nextWord(cursor)) throw new Fault(start, stop - start, 'a set without a type', `Expected one of ${TYPES}.`);
  }
  const name = cursor.text.slice(start, stop);
  if (sets.has(name)) throw new Fault(start, stop - start, `the set ${name} is created twice`, 'Its name is taken.');
  const type = cursor.word;
  const set: OpenSet = { name, type, counts: false, entries: [], expires: false };
  if (!SET_TYPES[type]) {
    sets.set(name, set);
    reading.open = set;
    set.unread = `Sidestep does not know sets of the type ${JSON.stringify(type)}`;
    return;
  }
  if (type.startsWith('bitmap:ip')) set.family = 'ipv4';
  else if (type.startsWith('hash:') && type !== 'hash:mac') set.family = 'ipv4';
  while (nextWord(cursor)) readHeader(cursor, set);
  sets.set(name, set);
  reading.open = set;
}

/** Options of a set that say nothing about what is in it. */
const IDLE_FLAGS: ReadonlySet<string> = new Set(['comment', 'skbinfo', 'forceadd']);
const IDLE_VALUES: ReadonlySet<string> = new Set([
  'hashsize',
  'maxelem',
  'size',
  'bucketsize',
  'initval',
  'range',
  'probes',
  'resize',
  'gc',
]);

function readHeader(cursor: Cursor, set: OpenSet): void {
  const { word } = cursor;
  if (word === 'counters') {
    set.counts = true;
    return;
  }
  if (IDLE_FLAGS.has(word)) return;
  const { start, stop } = cursor;
  need(cursor, word, 'its value');
  const wrong = (expected: string): Fault =>
    fault(cursor, `${cursor.word} is not what ${word} takes`, `Expected ${expected}.`);
  switch (word) {
    case 'family':
      if (cursor.word !== 'inet' && cursor.word !== 'inet6') throw wrong('inet or inet6');
      if (set.family) set.family = cursor.word === 'inet6' ? 'ipv6' : 'ipv4';
      return;
    case 'netmask': {
      const length = parseUint32(cursor.word) ?? 999;
      if (!set.family || length > widthOf(set.family)) throw wrong('the length of a prefix');
      set.mask = maskOf(set.family, length);
      return;
    }
    case 'bitmask': {
      const mask = parseAddress(cursor.word);
      if (!mask || mask.family !== set.family) throw wrong('a mask like 255.255.0.255');
      set.mask = mask.value;
      return;
    }
    case 'markmask': {
      const mask = parseUint32(cursor.word);
      if (mask === undefined) throw wrong('a mask like 0xff');
      set.markMask = mask;
      return;
    }
    case 'timeout':
      set.expires = readTimeout(cursor);
      return;
    default:
      if (!IDLE_VALUES.has(word))
        throw new Fault(start, stop - start, `unknown option ${word} of a set`, 'See ipset(8).');
  }
}

/** `add NAME ELEMENT [OPTION …]`. */
function readAdd(reading: Reading): void {
  const { cursor, open } = reading;
  const set = open && startsWithName(cursor, open.name) ? open : named(reading);
  reading.open = set;
  need(cursor, 'add', 'an element of the set');
  const dimensions = SET_TYPES[set.type];
  if (!dimensions) return;
  const element = { word: cursor.word, start: cursor.start };
  const said = readOptions(cursor, set);
  for (const parts of partsOf(element, dimensions, set, said.wildcard))
    set.entries.push({ parts, nomatch: said.nomatch, timed: said.timed });
}

/** Goes past the name of the set that the lines above belong to: it may hold blanks. */
function startsWithName(cursor: Cursor, name: string): boolean {
  const at = cursor.text.indexOf(' ', cursor.stop) + 1;
  if (!cursor.text.startsWith(`${name} `, at)) return false;
  cursor.at = at + name.length;
  return true;
}

function named(reading: Reading): OpenSet {
  const { cursor, sets } = reading;
  reading.open = undefined;
  need(cursor, 'add', 'the name of a set');
  const set = sets.get(cursor.word);
  if (!set)
    throw fault(
      cursor,
      `there is no set ${cursor.word}`,
      'The line that creates a set stands before those that add to it.',
    );
  return set;
}

const ENTRY_VALUES: ReadonlySet<string> = new Set([
  'packets',
  'bytes',
  'comment',
  'skbmark',
  'skbprio',
  'skbqueue',
  'before',
  'after',
]);

function readOptions(cursor: Cursor, set: OpenSet): { nomatch: boolean; wildcard: boolean; timed: boolean } {
  const said = { nomatch: false, wildcard: false, timed: set.expires };
  while (nextWord(cursor)) {
    const { word } = cursor;
    if (word === 'nomatch' || word === 'wildcard') said[word] = true;
    else if (word === 'timeout') {
      need(cursor, word, 'a number of seconds');
      said.timed = readTimeout(cursor);
    } else if (ENTRY_VALUES.has(word)) need(cursor, word, 'its value');
    else throw fault(cursor, `unknown option ${word} of an entry`, 'See ipset(8).');
  }
  return said;
}

/** Whether a timeout is one: 0 is for ever. */
function readTimeout(cursor: Cursor): boolean {
  const seconds = parseUint32(cursor.word);
  if (seconds === undefined) throw fault(cursor, `${cursor.word} is no number of seconds`, '0 stands for ever.');
  return seconds > 0;
}

/** The entries that an element makes, each with a part a dimension. */
function partsOf(
  { word, start }: { readonly word: string; readonly start: number },
  dimensions: readonly Dimension[],
  set: OpenSet,
  wildcard: boolean,
): readonly (readonly SetPart[])[] {
  const words = word.split(',');
  const withoutMac = set.type === 'bitmap:ip,mac' && words.length === 1;
  if (words.length !== dimensions.length && !withoutMac)
    throw new Fault(
      start,
      word.length,
      `${word} has ${words.length} parts, and ${set.type} ${dimensions.length}`,
      'They are separated by commas.',
    );
  let made: readonly (readonly SetPart[])[] = [[]];
  let at = start;
  for (const [index, part] of words.entries()) {
    const dimension = dimensions[index] ?? 'ip';
    const parts = readPart(dimension, part, set.family, wildcard);
    if (!parts)
      throw new Fault(at, part.length, `${part || '""'} is no part of ${set.type}`, `Expected ${EXPECTED[dimension]}.`);
    made = made.flatMap((before) => parts.map((next) => [...before, next]));
    at += part.length + 1;
  }
  return withoutMac ? made.map((parts) => [...parts, { kind: 'mac' }]) : made;
}

const fault = ({ start, stop }: Cursor, message: string, hint: string): Fault =>
  new Fault(start, stop - start, message, hint);

function need(cursor: Cursor, after: string, expected: string): void {
  const { start, stop } = cursor;
  if (!nextWord(cursor)) throw new Fault(start, stop - start, `${after} needs ${expected}`, 'The line ends here.');
}
