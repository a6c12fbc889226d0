import { FAMILIES } from '../address/index.ts';
import { isBuiltIn, type RuleSet } from '../netfilter/index.ts';
import { Fault, InputRefused } from './diagnostic.ts';
import { familyOfHead, familySaid, isForBoth } from './family.ts';
import { declareChain } from './read-chain.ts';
import { readCommand, readCounted } from './read-command.ts';
import { closeTable, openListed, openTable, unfinished } from './read-table.ts';
import { complain, MOST_DIAGNOSTICS, newReading, type Reading, type ReadOptions, refuseBinary } from './reading.ts';

/**
 * Reads the text of iptables-save, and what iptables-restore takes besides: counters before a rule, `-I`, `-N` and `-P`,
 * all spellings of options. A line `# family ipv6` (or the head of ip6tables-save) begins the other family's part. A text
 * with rules under `-4` and others under `-6` is read for either, as both tools would.
 *
 * Throws InputRefused with everything that is wrong with the input.
 *
 * @example parseSave('*nat\n-A OUTPUT -p tcp -j REDIRECT --to-ports 15001\nCOMMIT\n')[0]?.family // 'ipv4'
 */
export function parseSave(text: string, options: ReadOptions = {}): RuleSet[] {
  const source = options.source ?? '-';
  refuseBinary(text, source);
  if (options.family === undefined && isForBoth(text) && !/^#.*(?:\bfamily ipv|tables)/m.test(text))
    return FAMILIES.flatMap((family) => parseSave(text, { ...options, family }));
  const reading = newReading(text, source, options);
  readLines(reading);
  const { diagnostics } = reading;
  if (diagnostics.length > 0 && !options.keepGoing)
    throw new InputRefused(
      source,
      diagnostics.sort((a, b) => a.line - b.line || a.column - b.column),
    );
  return [...reading.sets].map(([family, tables]) => ({ family, tables }));
}

function readLines(reading: Reading): void {
  const { text } = reading;
  let start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const listed = isListing(text);
  const begins = listed ? tablesListed(text) : [];
  if (listed) openListed(reading, text.slice(0, begins[0]));
  let part = 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    reading.line += 1;
    reading.lineStart = start;
    try {
      if (start === begins[part]) {
        part += 1;
        openListed(reading, text.slice(start, begins[part]), start);
      }
      readLine(reading, start, end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      complain(reading, error, reading.line, start);
      if (reading.diagnostics.length >= MOST_DIAGNOSTICS && !reading.options.keepGoing) {
        const rest = new Fault(
          start,
          1,
          `${MOST_DIAGNOSTICS} faults are enough: the rest was not read`,
          'Is this the text of iptables-save?',
        );
        complain(reading, rest, reading.line, start);
        return;
      }
    }
    start = end + 1;
  }
  const { table } = reading;
  if (!table) return;
  closeTable(reading, table);
  if (!listed) unfinished(reading, table);
}

/** What `iptables -S` prints: commands, and no line that begins a table. */
const isListing = (text: string): boolean =>
  /^\ufeff?(?:[ \t\r]*(?:#[^\n]*)?\n)*-[PNA] /.test(text) && !/^[ \t]*\*/m.test(text);

/** Where further tables begin, where `iptables -S` was asked more than once: policies come before all else, and once each. */
function tablesListed(text: string): readonly number[] {
  const begins: number[] = [];
  let named = new Set<string>();
  let later = false;
  for (const { 1: command, 2: chain = '', index } of text.matchAll(/^-([PNA]) (\S+)/gm)) {
    if (command !== 'P') later = true;
    else if (named.has(chain) || (later && !isBuiltIn('filter', chain))) {
      begins.push(index);
      named = new Set([chain]);
      later = false;
    } else named.add(chain);
  }
  return begins;
}

function readLine(reading: Reading, start: number, end: number): void {
  const { text } = reading;
  let at = start;
  let code = 0;
  for (; at < end; at += 1) {
    code = text.charCodeAt(at);
    if (code !== 32 && code !== 9) break;
  }
  if (at >= end) return;
  if (code === 35) {
    readComment(reading, text.slice(at, end));
    return;
  }
  if (code === 42) {
    openTable(reading, at, end);
    return;
  }
  const { table } = reading;
  if (!table) {
    if (!reading.lost) outside(reading, at, end);
    return;
  }
  switch (code) {
    case 58: // :
      declareChain(reading, table, at, end);
      return;
    case 45: // -
      readCommand(reading, table, at, end, undefined);
      return;
    case 91: // [
      readCounted(reading, table, at, end);
      return;
    default: {
      const words = text.slice(at, Math.min(end, at + 200)).trimEnd();
      if (words === 'COMMIT') {
        reading.table = undefined;
        closeTable(reading, table);
        return;
      }
      throw new Fault(at, Math.min(end - at, 60), NO_PART, likelyForm(words, reading.sets.size > 0));
    }
  }
}

/** What a line that does not belong may be. `after`: rules stand before it. */
function likelyForm(words: string, after: boolean): string {
  const second = (what: string): string => `A second format begins here: ${what}. Give each in a file of its own.`;
  if (after && /^Chain \S+ \(/.test(words)) return second('what iptables -L prints');
  if (after && /^table (ip|ip6|inet|arp|bridge|netdev) /.test(words)) return second('what nft list ruleset prints');
  if (words.startsWith('```')) return 'Cut away what stands around the rules: only what the tool printed is read.';
  if (/^Chain \S+ \(/.test(words)) return 'It looks like iptables -L, which leaves things out: use iptables-save.';
  if (/^(sudo |\S*\/)?ip6?tables\b/.test(words))
    return 'It looks like a shell command among saved rules: give a script by itself, or the output of iptables-save.';
  if (/^table (ip|ip6|inet|arp|bridge|netdev) /.test(words))
    return 'It looks like nft list ruleset: use iptables-save.';
  return 'Expected *TABLE, :CHAIN POLICY, -A CHAIN …, COMMIT or a comment, as iptables-save writes them.';
}

/** `# family ipv6`, or the head line that iptables-save itself writes. */
function readComment(reading: Reading, comment: string): void {
  if (reading.table) return;
  const said = familySaid(comment);
  const family = said ?? familyOfHead(comment);
  if (family === undefined || reading.options.family !== undefined) return;
  reading.family = family;
  // The family is told even where it has no table.
  if (said && !reading.sets.has(family)) reading.sets.set(family, []);
}

/** A line that belongs to no table: told once, for all lines up to the next table. */
function outside(reading: Reading, at: number, end: number): never {
  reading.lost = true;
  const words = reading.text.slice(at, Math.min(end, at + 200)).trimEnd();
  const length = Math.min(words.length, 60);
  if (words === 'COMMIT')
    throw new Fault(at, length, 'COMMIT without a table', 'A table begins with a line like *nat.');
  if (!/^[-:[]/.test(words)) throw new Fault(at, length, NO_PART, likelyForm(words, reading.sets.size > 0));
  const hint = 'A table begins with a line like *nat and ends with COMMIT, as iptables-save writes them.';
  throw new Fault(at, length, 'a line outside any table', hint);
}

const NO_PART = 'this line is no part of a saved rule set';
