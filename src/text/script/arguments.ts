import { isTableName, TABLES, type TableName } from '../../netfilter/index.ts';
import { Fault } from '../diagnostic.ts';
import { nearest } from '../spelling.ts';

/** A word that a command is given, and where it stands in the script. */
export interface Argument {
  readonly text: string;
  readonly at: number;
  readonly length: number;
  /** What it is, only a shell could tell: `text` stands for it. */
  readonly unknown?: true;
}

export type Action =
  | 'append'
  | 'insert'
  | 'replace'
  | 'delete'
  | 'check'
  | 'new-chain'
  | 'rename-chain'
  | 'delete-chain'
  | 'flush'
  | 'policy'
  | 'zero'
  | 'show';

/** A call of iptables, taken apart. */
export interface Call {
  readonly table: TableName;
  readonly action: Action;
  /** The word that asks for it. */
  readonly asked: Argument;
  /** What stands right after it: a chain, and a second name, position or policy. */
  readonly names: readonly Argument[];
  /** The words of the rule. */
  readonly rule: readonly Argument[];
}

/** Each action's letter and how many words belong to it: `-I CHAIN [N]`. Source: iptables(8), COMMANDS. */
const ACTIONS: Readonly<
  Record<string, { readonly action: Action; readonly names: readonly ('name' | 'number' | 'maybe')[] }>
> = {
  A: { action: 'append', names: ['name'] },
  I: { action: 'insert', names: ['name', 'number'] },
  R: { action: 'replace', names: ['name', 'number'] },
  D: { action: 'delete', names: ['name', 'number'] },
  C: { action: 'check', names: ['name'] },
  N: { action: 'new-chain', names: ['name'] },
  E: { action: 'rename-chain', names: ['name', 'name'] },
  X: { action: 'delete-chain', names: ['maybe'] },
  F: { action: 'flush', names: ['maybe'] },
  P: { action: 'policy', names: ['name', 'name'] },
  Z: { action: 'zero', names: ['maybe', 'number'] },
  L: { action: 'show', names: ['maybe', 'number'] },
  S: { action: 'show', names: ['maybe', 'number'] },
  V: { action: 'show', names: [] },
  h: { action: 'show', names: [] },
};

/** Long names of what is no part of a rule, each with its letter. */
const LONG: Readonly<Record<string, string>> = {
  append: 'A',
  insert: 'I',
  replace: 'R',
  delete: 'D',
  check: 'C',
  'new-chain': 'N',
  'rename-chain': 'E',
  'delete-chain': 'X',
  flush: 'F',
  policy: 'P',
  zero: 'Z',
  list: 'L',
  'list-rules': 'S',
  version: 'V',
  help: 'h',
  table: 't',
  wait: 'w',
  'wait-interval': 'W',
  modprobe: 'M',
  numeric: 'n',
  verbose: 'v',
  exact: 'x',
  'line-numbers': 'n',
};

/** Long names of what every rule may have: they, too, decide how short another may be written. */
const OF_RULES =
  'source destination src dst protocol in-interface jump match out-interface fragments set-counters goto ipv4 ipv6'.split(
    ' ',
  );
const NAMES: readonly string[] = [...Object.keys(LONG), ...OF_RULES];

/** What a long name means that may be cut short, as getopt_long(3) takes it: undefined where it is another option's, or nobody's alone. */
function longLetter(name: string): string | undefined {
  if (Object.hasOwn(LONG, name)) return LONG[name];
  const [only, another] = NAMES.filter((long) => long.startsWith(name));
  return only === undefined || another !== undefined || name === '' ? undefined : LONG[only];
}

/** Options whose value is a text of any form: it may begin with a dash. */
const TAKES_TEXT: ReadonlySet<string> = new Set(
  '--comment --log-prefix --nflog-prefix --string --hex-string --ulog-prefix'.split(' '),
);

/** Letters that stand alone, and those that a value may stick to, as in `-tnat`; those of rules (`-ptcp`) the tools refuse. */
const FLAGS = 'nvx46';
const VALUED = 'tAIRDCNEXFPZLSwWM';

/** Takes the words after `iptables` apart. Throws a Fault. */
export function readCall(given: readonly Argument[], tool: Argument): Call {
  const words = given.flatMap((word, at) => (TAKES_TEXT.has(given[at - 1]?.text ?? '') ? [word] : apart(word)));
  let table: TableName = 'filter';
  let action: { readonly action: Action; readonly asked: Argument } | undefined;
  let names: readonly Argument[] = [];
  const rule: Argument[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    const letter = TAKES_TEXT.has(words[at - 1]?.text ?? '') ? undefined : letterOf(word.text);
    const known = letter === undefined ? undefined : ACTIONS[letter];
    if (known && action && isCutShort(word.text)) rule.push(word);
    else if (known) {
      // `-L -Z` shows and zeroes at once; all else is asked for alone.
      if (action && known.action !== 'show' && known.action !== 'zero')
        throw new Fault(word.at, word.length, `${word.text} beside ${action.asked.text}`, 'A call asks for one thing.');
      const taken = namesAfter(words, at + 1, known.names);
      if (!action) {
        action = { action: known.action, asked: word };
        names = taken;
      }
      at += taken.length;
    } else if (letter === 't') {
      at += 1;
      table = tableNamed(words[at], word);
    } else if (letter === 'w') {
      if (/^\d+$/.test(words[at + 1]?.text ?? '')) at += 1;
    } else if (letter === 'W' || letter === 'M') at += 1;
    else if (letter === undefined) rule.push(word);
  }
  if (!action)
    throw new Fault(
      tool.at,
      tool.length,
      'this call asks for nothing',
      'Expected -A, -I, -D, -N, -P or another command after it.',
    );
  return { table, ...action, names, rule };
}

/** Matches have long names, too (`--pol` of `-m policy`): beside an action only whole names ask for another. */
const isCutShort = (text: string): boolean => text.startsWith('--') && !Object.hasOwn(LONG, text.slice(2));

/** The letter of an option that is no part of a rule: an action's, or one of `t w W M`; a blank for those that change nothing. */
function letterOf(text: string): string | undefined {
  const letter = text.startsWith('--')
    ? longLetter(text.slice(2))
    : /^-[A-Za-z]$/.test(text)
      ? text.charAt(1)
      : undefined;
  if (letter !== undefined && Object.hasOwn(ACTIONS, letter)) return letter;
  if (letter !== undefined && 'twWM'.includes(letter)) return letter;
  return letter !== undefined && 'nvx'.includes(letter) ? ' ' : undefined;
}

/** `--table=nat`, `-tnat` and `-vA` are two words to the tools. */
function apart(word: Argument): Argument[] {
  const { text } = word;
  const long = /^(--[a-z-]+)=(.*)$/s.exec(text);
  if (long) {
    const [, name = '', value = ''] = long;
    const letter = longLetter(name.slice(2));
    return letter === undefined ? [word] : letter === 'w' ? [] : parts(word, name, value);
  }
  const letters = /^-([a-zA-Z0-9]{2,})/.exec(text)?.[1] ?? '';
  let flags = 0;
  while (FLAGS.includes(letters.charAt(flags)) && flags < letters.length) flags += 1;
  const last = letters.charAt(flags);
  // A letter of a rule's: the whole word is its.
  if (letters === '' || (last !== '' && !VALUED.includes(last))) return [word];
  const alone = [...letters.slice(0, flags)].flatMap((letter) =>
    '46'.includes(letter) ? parts(word, `-${letter}`) : [],
  );
  if (last === '') return alone.length > 0 ? alone : parts(word, '-v');
  const value = text.slice(flags + 2);
  return [...alone, ...parts(word, `-${last}`, ...(value === '' ? [] : [value]))];
}

const parts = ({ at, length }: Argument, ...texts: readonly string[]): Argument[] =>
  texts.map((text) => ({ text, at, length }));

/** The words that belong to an action, as far as they are there. */
function namesAfter(
  words: readonly Argument[],
  from: number,
  wanted: readonly ('name' | 'number' | 'maybe')[],
): readonly Argument[] {
  const taken: Argument[] = [];
  for (const kind of wanted) {
    const word = words[from + taken.length];
    // What is not known may be a name, and is told apart where it matters.
    const fits = kind === 'number' ? /^\d+$/.test(word?.text ?? '') : word !== undefined && !/^[-!]/.test(word.text);
    if (!fits || !word) break;
    taken.push(word);
  }
  return taken;
}

function tableNamed(word: Argument | undefined, option: Argument): TableName {
  if (!word)
    throw new Fault(option.at, option.length, `${option.text} needs a value`, `Tables are ${TABLES.join(', ')}.`);
  if (isTableName(word.text)) return word.text;
  const near = nearest(word.text, TABLES);
  throw new Fault(
    word.at,
    word.length,
    'there is no such table',
    `${near ? `Did you mean ${near}? ` : ''}Tables are ${TABLES.join(', ')}.`,
  );
}
