import { FAMILIES, type Family } from '../address/index.ts';
import type { Backend, IpSet, IpSets, Snapshot } from '../netfilter/index.ts';
import { Fault, InputRefused } from './diagnostic.ts';
import { parseSets } from './ipset.ts';
import { complain, lineStartOf, newReading, type ReadOptions, saidEnough } from './reading.ts';
import { parseScript } from './script/parse.ts';
import { run } from './script/run.ts';
import { newSetLines, type SetLines } from './script/set-lines.ts';
import type { Run } from './script/state.ts';
import { faultsOf, type Holding, ruleSetOf } from './script/tables.ts';
import { unsettleAll } from './script/unsure.ts';
import { newVariables } from './script/variables.ts';

/** A call of iptables where a command may stand: at a line's beginning, or after what comes before commands. */
const CALL = /(?:^|[\s;&|({/])ip6?tables(?:-nft|-legacy)?(?:[ \t]+-|-restore\b[^\n]*<<)/g;

/** What a script calls iptables by: `IPT=/sbin/iptables`, `for ipt in iptables ip6tables`. */
const NAMED =
  /^[ \t]*(?:(?:export|readonly|declare)[ \t]+)?\w+=["']?[\w./-]*\bip6?tables(?:-nft|-legacy)?["']?[ \t]*(?:$|[;#])|^[ \t]*for[ \t]+\w+[ \t]+in\b[^\n;]*\bip6?tables\b/m;

/** Rules as `iptables -S` prints them, which a call in a comment or a prompt may stand beside. */
const LISTED = /^[ \t]*-[PNA] /m;

/** Whether a text is a shell script that programs rules: it calls iptables, and is no saved rule set. */
export const isScript = (text: string): boolean => {
  const first = /^\ufeff?(?:[ \t\r]*\n|[ \t]*#(?!!)[^\n]*\n)*[ \t]*(\S)/.exec(text)?.[1];
  if (first === undefined || '*:['.includes(first)) return false;
  if (/^\ufeff?#![^\n]*sh\b/.test(text)) return true;
  if (first === '-' || LISTED.test(text)) return false;
  if (NAMED.test(text)) return true;
  for (const { index } of text.matchAll(CALL)) {
    const before = text.slice(text.lastIndexOf('\n', index) + 1, index);
    if (!/^\ufeff?[ \t]*#/.test(before) && before.length < LONGEST_BEFORE) return true;
  }
  return false;
};

/** What stands before a call on its line, at most. */
const LONGEST_BEFORE = 500;

/**
 * Reads a shell script of iptables commands: the rule sets that are there once it has run where there were none. Loops
 * over literal words, functions and variables with literal values are followed; commands that are none of iptables are
 * passed over and told (`note`). Throws InputRefused.
 *
 * @example readScript('iptables -N WEB\niptables -A INPUT -p tcp --dport 80 -j WEB\n').held[0].rules
 */
export function readScript(text: string, options: ReadOptions = {}): Snapshot {
  const source = options.source ?? '-';
  const reading = newReading(text, source, options);
  const starts = lineStarts(text);
  const holdings = new Map<string, Holding>();
  const say = (fault: Fault, line: number): void => {
    const at = fault.at < 0 ? (starts[line - 1] ?? 0) : fault.at;
    const placed = fault.at < 0 ? new Fault(at, 1, fault.message, fault.hint) : fault;
    // A word may stand on a later line than its command begins.
    complain(reading, placed, lineAt(starts, at), lineStartOf(text, at));
    if (saidEnough(reading)) of.ended = true;
  };
  const notes = notesFor(options);
  const shell = shellOf(text);
  const of: Run = {
    text,
    shell,
    variables: newVariables(),
    functions: new Map(),
    sets: newSetLines(),
    beyond: undefined,
    holding: (family, backend) => holdingOf(holdings, family, backend),
    complain: say,
    failure: (line, because) => notes.failed.push(`line ${line} fails and changes nothing: ${because}`),
    skip: (name, line) => notes.skipped.push({ name, line }),
    assume: (clause) => notes.assumed.add(clause),
    ended: false,
    leaving: undefined,
    levels: 0,
    loops: 0,
    last: 'ok',
    watched: 0,
    strict: /^\ufeff?#![^\n]*sh\b[^\n]* -\w*e/.test(text),
    count: 0,
    calls: [],
  };
  try {
    run(of, parseScript(text, shell === 'bash'));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    say(error, 1);
    of.beyond ??= 1;
  }
  const { beyond } = of;
  if (beyond !== undefined)
    for (const family of FAMILIES) unsettleAll(of.holding(family, 'nft'), `what line ${beyond} does`, beyond);
  for (const holding of holdings.values()) for (const { fault, line } of faultsOf(holding)) say(fault, line);
  if (reading.diagnostics.length > 0 && !options.keepGoing)
    throw new InputRefused(
      source,
      reading.diagnostics.sort((a, b) => a.line - b.line || a.column - b.column),
    );
  notes.tell();
  return {
    origin: source,
    held: [...holdings.values()]
      .map((holding) => ({ backend: holding.backend, rules: ruleSetOf(holding) }))
      .filter(({ rules }) => options.family === undefined || rules.family === options.family),
    ...setsOf(of.sets, source),
  };
}

/** The shell that `#!` names. A script that names none is run by the one at hand, which is mostly bash. */
function shellOf(text: string): string {
  const [, named = 'bash'] = /^\ufeff?#!\s*(?:\S*\/)?(?:env\s+(?:-\S+\s+)*)?(?:\S*\/)?(\w+)/.exec(text) ?? [];
  return /^(?:ba|da|a|k|z)sh$/.test(named) ? named : 'sh';
}

/** The sets that the script made; of one that it may have changed out of sight it is not known what is in it. */
function setsOf({ lines }: SetLines, source: string): { readonly sets?: IpSets; readonly ipsets?: string } {
  const { text, unsure, all } = lines();
  if (all || (text === '' && unsure.size === 0)) return {};
  const sets = new Map(parseSets(text, { source, keepGoing: true }));
  for (const name of unsure) {
    const set: IpSet = sets.get(name) ?? { name, type: '', counts: false, entries: [], expires: false };
    sets.set(name, { ...set, unread: 'the script may change it in a way that is not followed' });
  }
  return unsure.size === 0 ? { sets, ipsets: text } : { sets };
}

function holdingOf(holdings: Map<string, Holding>, family: Family, backend: Backend): Holding {
  const key = `${family} ${backend}`;
  const holding = holdings.get(key) ?? { family, backend, tables: new Map() };
  holdings.set(key, holding);
  return holding;
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

/** The one-based line that a place stands in. */
function lineAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle;
  }
  return low + 1;
}

/** Gathers what has to be said beside the rules: each kind of command that was passed over is named once. */
function notesFor({ note }: ReadOptions) {
  const failed: string[] = [];
  const skipped: { readonly name: string; readonly line: number }[] = [];
  const assumed = new Set<string>();
  return {
    failed,
    skipped,
    assumed,
    tell(): void {
      if (!note) return;
      if (skipped.length > 0) note(`not looked at: ${skippedWords(skipped)}`);
      for (const text of [...failed, ...assumed]) note(text);
    },
  };
}

const MOST_LINES = 8;

function skippedWords(skipped: readonly { readonly name: string; readonly line: number }[]): string {
  const lines = new Map<string, Set<number>>();
  for (const { name, line } of skipped) lines.set(name, (lines.get(name) ?? new Set()).add(line));
  const spoken = [...lines].map(([name, at]) => {
    const all = [...at];
    const shown = all.slice(0, MOST_LINES).join(', ');
    return `${name} (${all.length > 1 ? 'lines' : 'line'} ${shown}${all.length > MOST_LINES ? ' …' : ''})`;
  });
  return spoken.join(', ');
}
