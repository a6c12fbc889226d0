import type { Counters, Rule } from '../netfilter/index.ts';
import { Fault } from './diagnostic.ts';
import { empty } from './draft.ts';
import { type KnownWords, onLine } from './known-rules.ts';
import { declareNew, FITTING, readCounters, readPolicy, usedChain } from './read-chain.ts';
import { complain, type OpenChain, type OpenTable, type Reading } from './reading.ts';
import { countsAfter, readRule } from './rule.ts';
import { type Cursor, nextWord } from './words.ts';

/** `[packets:bytes] -A CHAIN …`, as iptables-save -c writes it. */
export function readCounted(reading: Reading, table: OpenTable, at: number, end: number): void {
  const { text } = reading;
  const close = text.indexOf(']', at);
  if (close < 0 || close >= end)
    throw new Fault(at, Math.min(end - at, 60), 'these are no counters', 'Expected packets and bytes, like [0:0].');
  const counters = readCounters(text, at, close + 1);
  let from = close + 1;
  while (from < end && (text.charCodeAt(from) === 32 || text.charCodeAt(from) === 9)) from += 1;
  if (from >= end || text.charCodeAt(from) !== 45)
    throw new Fault(at, close + 1 - at, 'counters without a rule', 'A rule like -A INPUT … follows its counters.');
  readCommand(reading, table, from, end, counters);
}

/** `-A CHAIN …` and the other commands that build a rule set up. */
export function readCommand(
  reading: Reading,
  table: OpenTable,
  at: number,
  end: number,
  counters: Counters | undefined,
): void {
  const { cursor } = reading;
  cursor.at = at;
  cursor.end = end;
  cursor.rest = undefined;
  nextWord(cursor);
  switch (cursor.word) {
    case '-A':
    case '--append': {
      const chain = usedChain(reading, table);
      addRule(reading, table, chain, chain.rules.length, counters);
      return;
    }
    case '-I':
    case '--insert': {
      const chain = usedChain(reading, table);
      addRule(reading, table, chain, readPosition(cursor, chain), counters);
      return;
    }
    case '-N':
    case '--new-chain':
      if (!nextWord(cursor)) throw new Fault(at, 2, 'a chain without a name', 'Expected -N and a name.');
      if (table.chains.has(cursor.word))
        throw new Fault(
          cursor.start,
          cursor.stop - cursor.start,
          `the chain ${cursor.word} is there already`,
          'Each chain is made once.',
        );
      declareNew(cursor, table);
      return;
    case '-P':
    case '--policy': {
      const chain = usedChain(reading, table);
      chain.policy = readPolicy(cursor, table.name, chain.name);
      readChainCounters(cursor, chain);
      return;
    }
    default:
      throw otherCommand(cursor);
  }
}

/** `iptables -S -v` prints a chain's counters after its policy. */
function readChainCounters(cursor: Cursor, chain: OpenChain): void {
  if (nextWord(cursor) && cursor.word === '-c') chain.counters = countsAfter(cursor);
}

function otherCommand({ word, start, stop }: Cursor): Fault {
  const removing = ['-D', '-F', '-X', '-R', '-Z', '-E', '--delete', '--flush', '--delete-chain', '--replace'].includes(
    word,
  );
  return new Fault(
    start,
    stop - start,
    removing ? `${word} changes rules instead of stating them` : `unknown command ${word}`,
    'Expected -A CHAIN and a rule, as iptables-save writes it.',
  );
}

/** The position after `-I CHAIN`, from 0; the top where there is none. */
function readPosition(cursor: Cursor, chain: OpenChain): number {
  const { at } = cursor;
  if (!nextWord(cursor) || !/^\d{1,9}$/.test(cursor.word)) {
    cursor.at = at;
    return 0;
  }
  const position = Number(cursor.word);
  if (position < 1 || position > chain.rules.length + 1)
    throw new Fault(
      cursor.start,
      cursor.stop - cursor.start,
      `there is no position ${position} in ${chain.name}`,
      `It has ${chain.rules.length} rules so far.`,
    );
  return position - 1;
}

function addRule(
  reading: Reading,
  table: OpenTable,
  chain: OpenChain,
  position: number,
  counters: Counters | undefined,
): void {
  const { cursor, draft } = reading;
  if (!draft) return;
  const from = cursor.at;
  draft.scope.chain = chain.name;
  const appended = position === chain.rules.length;
  // A list that grows makes room for seventeen rules, and most chains of a large rule set are short.
  const grows = appended && position >= FITTING;
  const rules = grows ? chain.rules : reading.made;
  if (!grows) empty(rules);
  const first = rules.length;
  const { known } = reading.options;
  if (known) chain.known ??= known.ofChain(table.family, table.name, chain.name);
  try {
    if (chain.known) readKnown(reading, table, chain.known, counters, rules);
    else readRule(cursor, draft, reading.line, counters, rules);
  } catch (error) {
    if (!(error instanceof Fault) || !reading.options.keepGoing) throw error;
    complain(reading, error, reading.line, reading.lineStart);
    rules.length = first;
    rules.push(unreadable(reading.text.slice(from, cursor.end), counters, reading.line));
  }
  const target = rules[rules.length - 1]?.target;
  if (target && 'chain' in target) chain.leads = true;
  else chain.leads ??= false;
  if (grows) return;
  if (appended) chain.rules = chain.rules.concat(rules);
  // The tools insert one after the other at the same place, so the last of several comes first.
  else chain.rules.splice(position, 0, ...rules.reverse());
}

/** Reads a rule, unless it was read before. */
function readKnown(
  { cursor, draft, line, text }: Reading,
  { chains, undeclared, hooks }: OpenTable,
  known: KnownWords,
  counters: Counters | undefined,
  rules: Rule[],
): void {
  const words = text.slice(cursor.at, cursor.end);
  const before = counters ? undefined : known.get(words);
  // Whether a chain is there is for each text to say.
  const leads = before?.target && 'chain' in before.target ? before.target.chain : undefined;
  if (before && (leads === undefined || chains.has(leads))) {
    rules.push(onLine(before, line));
    return;
  }
  const [first, open] = [rules.length, undeclared.length + hooks.length];
  readRule(cursor, draft!, line, counters, rules);
  const [rule] = rules.slice(first);
  // What is looked at once the table is complete is looked at each time.
  if (rule && rules.length === first + 1 && !rule.counters && undeclared.length + hooks.length === open)
    known.set(words, rule);
}

/** A rule that could not be read: it may match anything and do anything. */
export const unreadable = (words: string, counters: Counters | undefined, line: number): Rule => ({
  header: {},
  ...(counters ? { counters } : {}),
  matches: [{ kind: 'opaque', name: '', words: words.trim() === '' ? [] : [words.trim()] }],
  target: { kind: 'opaque', name: '', words: [] },
  line,
});
