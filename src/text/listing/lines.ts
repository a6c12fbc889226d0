import { type Backend, isTableName, type Policy, type TableName } from '../../netfilter/index.ts';
import { familyOfTool } from '../family.ts';

/** The line that begins a chain: `Chain INPUT (policy ACCEPT 12 packets, 3K bytes)`, `Chain WEB (2 references)`. */
export interface HeadLine {
  readonly kind: 'head';
  readonly chain: string;
  readonly policy?: Policy;
  /** As they stand: `12K` where they are rounded. */
  readonly packets?: string;
  readonly bytes?: string;
}

/** The names of the columns: they tell the flags of the command. */
export interface ColumnsLine {
  readonly kind: 'columns';
  readonly numbers: boolean;
  /** Counters and interfaces: `-v`. */
  readonly verbose: boolean;
  /** Where the column of targets begins. */
  readonly target: number;
}

/** The command that was typed before the listing: `$ sudo iptables -t nat -L -n -v`. */
export interface CommandLine {
  readonly kind: 'command';
  readonly family: 'ipv4' | 'ipv6';
  readonly backend?: Backend;
  readonly table: TableName | undefined;
}

/** A prompt with some other command, the tools' own remarks, an empty line, what `-vv` adds. */
export interface OtherLine {
  readonly kind: 'empty' | 'remark' | 'rule' | 'dump';
}

export type Line = HeadLine | ColumnsLine | CommandLine | OtherLine;

/** `Chain NAME (…)`: what makes a text a listing. */
export const HEAD =
  /^[ \t\r\u00a0>]*Chain (\S{1,28}) \((?:policy (ACCEPT|DROP|QUEUE)(?: (\d+[KMGTP]?) packets, (\d+[KMGTP]?) bytes)?|-?\d+ references|ERROR obtaining refs)\)\s*$/;

const COLUMNS =
  /^[ \t\r\u00a0>]*(num\s+)?(pkts\s+bytes\s+)?target\s+prot\s+opt\s+(?:in\s+out\s+)?source\s+destination\s*$/;

/** The tools' own words: `# Warning: …`, and what `-Z` adds. */
const REMARK = /^[\s>]*(?:#|Zeroing chain `\S+'\s*$)/;

/** How `-vv` begins to say in the kernel's own form what the rules are: of the nft back end, of the legacy one. */
const DUMP = /^[\s>]*(?:ip6? \w+ \S+ \d+(?: \d+)?\s*$|\[ \w[^\]]* \]\s*$|libiptc v\S+ \d+ bytes\.\s*$)/;

/** Nobody types more behind a prompt. */
const LONGEST_COMMAND = 1000;

const COMMAND =
  /(?:^|[\s/#$%])(ip6?tables)(-nft|-legacy)?\s+(?=(?:.*\s)?(?:-[a-zA-Z]*L|--list\b))(?:(?:.*?\s)?(?:-t\s*|--table[\s=])(\w+))?/;

/** What a line of a listing is. */
export function lineKind(line: string): Line {
  if (/^[\s>]*$/.test(line)) return { kind: 'empty' };
  const head = HEAD.exec(line);
  if (head) {
    const [, chain = '', policy, packets, bytes] = head;
    return {
      kind: 'head',
      chain,
      ...(policy ? { policy: policy as Policy } : {}),
      ...(packets === undefined || bytes === undefined ? {} : { packets, bytes }),
    };
  }
  const columns = COLUMNS.exec(line);
  if (columns)
    return {
      kind: 'columns',
      numbers: columns[1] !== undefined,
      verbose: columns[2] !== undefined,
      target: line.indexOf('target'),
    };
  const typed = line.slice(0, LONGEST_COMMAND);
  const command = /^\s*Chain\b/.test(line) ? null : COMMAND.exec(typed);
  if (command && isPrompt(typed)) {
    const [, tool, backend, table] = command;
    return {
      kind: 'command',
      family: familyOfTool(tool ?? ''),
      ...(backend ? { backend: backend === '-nft' ? 'nft' : 'legacy' } : {}),
      table: table === undefined ? 'filter' : isTableName(table) ? table : undefined,
    };
  }
  if (DUMP.test(typed)) return { kind: 'dump' };
  return { kind: REMARK.test(typed) || isPrompt(typed) ? 'remark' : 'rule' };
}

/** A prompt, or a line that is a command and nothing else. */
function isPrompt(line: string): boolean {
  if (/^[\s>]*(?:[#$%+]\s|(?:sudo\s+)?(?:\S*\/)?ip6?tables(?:-nft|-legacy)?\s)/.test(line)) return true;
  // `root@node:~#`, `[root@node ~]$`: a place, and a sign at its end or at the end of the next word.
  const [, place = '', then = ''] = /^[\s>]*(\S*)\s?(\S*)/.exec(line) ?? [];
  const ends = (word: string): boolean => /[#$%]/.test(word.slice(-1));
  return ends(place) ? /[@:~\]]/.test(place.slice(0, -1)) : ends(then) && /[@:~\]]/.test(place);
}
