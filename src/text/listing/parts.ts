import { type Family, parseIpv6 } from '../../address/index.ts';
import { BUILT_IN, TABLES, type TableName } from '../../netfilter/index.ts';
import { cutColumns } from './columns.ts';
import { type ColumnsLine, type CommandLine, type HeadLine, type Line, lineKind } from './lines.ts';

/** A line of the text. */
export interface TextLine {
  readonly text: string;
  readonly at: number;
  readonly number: number;
}

/** A chain of a listing, as it stands. */
export interface ListedChain {
  readonly head: HeadLine;
  readonly line: TextLine;
  columns: ColumnsLine | undefined;
  readonly rules: TextLine[];
}

/** What one call of `iptables -L` printed. */
export interface ListedTable {
  readonly command: CommandLine | undefined;
  readonly chains: ListedChain[];
}

/** A text cut into tables and chains, and the lines that belong to none. */
export interface Listing {
  readonly tables: readonly ListedTable[];
  readonly strays: readonly TextLine[];
  /** The line where a dump of the kernel's own form begins. */
  readonly dump?: TextLine;
}

/** Cuts a text up. A new table begins where a command stands, or where a chain does that cannot be of the same table. */
export function cutListing(text: string): Listing {
  const tables: ListedTable[] = [];
  const strays: TextLine[] = [];
  let command: CommandLine | undefined;
  let table: ListedTable | undefined;
  let chain: ListedChain | undefined;
  let dump: TextLine | undefined;
  let dumping = false;
  for (const line of linesOf(text)) {
    // A chain may be called anything: what has the columns of a rule is one, whatever else it looks like.
    const isRule = chain?.columns !== undefined && cutColumns(line.text, chain.columns) !== undefined;
    const kind: Line = isRule ? { kind: 'rule' } : lineKind(line.text);
    // The legacy back end dumps behind all chains, in lines of many kinds.
    if (dumping && !isRule && kind.kind !== 'head' && kind.kind !== 'command') continue;
    dumping = false;
    switch (kind.kind) {
      case 'head':
        if (!table || beginsTable(table, kind.chain)) {
          table = { command, chains: [] };
          command = undefined;
          tables.push(table);
        }
        chain = { head: kind, line, columns: undefined, rules: [] };
        table.chains.push(chain);
        break;
      case 'columns':
        if (chain && !chain.columns) chain.columns = kind;
        else strays.push(line);
        break;
      case 'command':
        command = kind;
        table = undefined;
        chain = undefined;
        break;
      case 'dump':
        dump ??= line;
        dumping = line.text.includes('libiptc');
        break;
      case 'remark':
        break;
      case 'rule':
        if (chain?.columns) chain.rules.push(line);
        else strays.push(line);
        break;
      case 'empty':
        break;
    }
  }
  return { tables, strays, ...(dump ? { dump } : {}) };
}

function* linesOf(text: string): Generator<TextLine> {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  for (let number = 1; at < text.length; number += 1) {
    const next = text.indexOf('\n', at);
    const end = next < 0 ? text.length : next;
    yield { text: text.slice(at, end).replace(/\r$/, ''), at, number };
    at = end + 1;
  }
}

/** The order in which the tools list built-in chains: a second one from the front is another table's. */
const HOOKS: readonly string[] = BUILT_IN.mangle;

function beginsTable({ chains }: ListedTable, name: string): boolean {
  if (chains.some(({ head }) => head.chain === name)) return true;
  const last = chains.findLast(({ head }) => HOOKS.includes(head.chain))?.head.chain;
  return HOOKS.includes(name) && last !== undefined && HOOKS.indexOf(name) < HOOKS.indexOf(last);
}

/**
 * The table of a listing, and how it was found out: a command names it, its chains show it, or it is guessed. Who names no
 * table gets filter. Undefined: its chains cannot be in filter, and several other tables have them.
 */
export function tableOfListing(
  { command, chains }: ListedTable,
  asked: TableName | undefined,
): { readonly name: TableName; readonly guessed: boolean } | undefined {
  if (command?.table) return { name: command.table, guessed: false };
  const hooks = chains.map(({ head }) => head.chain).filter((name) => HOOKS.includes(name));
  const possible = TABLES.filter((table) =>
    hooks.every((hook) => (BUILT_IN[table] as readonly string[]).includes(hook)),
  );
  const whole = possible.filter((table) => BUILT_IN[table].length === hooks.length);
  if (whole.length === 1 && whole[0] !== undefined && (asked === undefined || asked === whole[0]))
    return { name: whole[0], guessed: false };
  if (asked !== undefined && possible.includes(asked)) return { name: asked, guessed: false };
  const shown = shownByTargets(chains).filter((table) => possible.includes(table));
  if (shown[0] !== undefined) return { name: shown[0], guessed: false };
  const usual = possible.includes('filter') ? 'filter' : possible.length === 1 ? possible[0] : undefined;
  return usual && { name: usual, guessed: true };
}

/** Targets that stand in one table only. */
const TELLING: readonly (readonly [TableName, RegExp])[] = [
  ['nat', /\b(REDIRECT|DNAT|SNAT|MASQUERADE|NETMAP)\b/],
  ['mangle', /\b(TPROXY|TTL|HL|TOS|DSCP)\b/],
  ['raw', /\b(CT|NOTRACK)\b/],
  ['filter', /\bREJECT\b/],
];

const shownByTargets = (chains: readonly ListedChain[]): TableName[] =>
  TELLING.flatMap(([table, targets]) =>
    chains.some(({ rules }) => rules.some(({ text }) => targets.test(text.slice(0, 60)))) ? [table] : [],
  );

/** The family of a listing: its command's, else that of the first address, else of a word that IPv6 rules have. */
export function familyOfListing({ command, chains }: ListedTable): Family | undefined {
  if (command) return command.family;
  for (const { rules } of chains)
    for (const { text } of rules) {
      if (text.slice(0, 200).split(/\s+/).some(isIpv6)) return 'ipv6';
      if (/\s!?\d+\.\d+\.\d+\.\d+(?:\/\S+)?\s/.test(` ${text} `)) return 'ipv4';
      if (/\b(ipv6-icmp|icmp6-)/.test(text)) return 'ipv6';
    }
  return undefined;
}

/** An address of IPv6, with or without its length: no time of day and no MAC address, which have colons, too. */
const isIpv6 = (word: string): boolean =>
  word.includes(':') && parseIpv6(word.replace(/^!/, '').replace(/\/.*$/, '')) !== undefined;
