import type { Family } from '../../address/index.ts';
import {
  type Counters,
  findMatch,
  findTarget,
  type Header,
  type MatchUse,
  type Rule,
  type TableName,
  type TargetUse,
  type Unshown,
} from '../../netfilter/index.ts';
import { InputRefused } from '../diagnostic.ts';
import { parseRule } from '../read-rule.ts';
import { cutColumns, type RuleColumns } from './columns.ts';
import { readExtra } from './extra.ts';
import type { ColumnsLine } from './lines.ts';

/** Where the rules of a listing stand. */
export interface ListedPlace {
  readonly family: Family;
  readonly table: TableName;
  readonly chain: string;
  readonly chains: ReadonlySet<string>;
  /** Whether all built-in chains are listed, and so all others. */
  readonly whole: boolean;
}

/** Said of every rule of a listing without -v. */
export const NO_INTERFACES =
  'the listing does not show interfaces: iptables -L -v shows them, iptables-save everything';

/** Said of IPv6 rules of a listing without -n. */
export const ANYWHERE =
  'ip6tables -L without -n says "anywhere" of every network that begins with ::, so the rule may ask for one';

/** A longer line is no rule's: a comment has 255 bytes at most. */
const LONGEST = 4096;

/** Reads the line of a rule. Undefined where it is none. */
export function readListedRule(
  line: string,
  columns: ColumnsLine,
  place: ListedPlace,
  number: number,
): Rule | undefined {
  if (line.length > LONGEST) return undefined;
  const cut = cutColumns(line, columns);
  if (!cut) return undefined;
  const reader = usesIn(place, cut);
  const unshown: Unshown[] = [];
  const header = readHeader(cut, place, unshown);
  if (!columns.verbose) unshown.push({ part: '-i, -o', because: NO_INTERFACES });
  const rest = withBlanks(line.slice(cut.rest));
  const extra = readExtra(rest, place.chains.has(cut.target) ? '' : cut.target, reader);
  const target = targetOf(cut.target, extra.target, extra.goto, place);
  const counters = countersOf(cut.packets, cut.bytes);
  return {
    header,
    matches: extra.matches,
    ...(target ? { target } : {}),
    ...(counters ? { counters } : {}),
    line: number,
    ...(unshown.length + extra.unshown.length > 0 ? { unshown: [...unshown, ...extra.unshown] } : {}),
  };
}

/** What iptables 1.8.9 lists of a bpf match ends in a NUL, and no blank stands before it. */
const withBlanks = (text: string): string =>
  text.includes('\0') ? text.replace(/match bpf [\d ,]*\0/g, ' $&').replaceAll('\0', ' ') : text;

function targetOf(
  name: string,
  known: TargetUse | undefined,
  goes: boolean,
  { chains, whole }: ListedPlace,
): TargetUse | undefined {
  if (name === '') return undefined;
  if (chains.has(name)) return { kind: goes ? 'goto' : 'jump', chain: name };
  if (known) return known;
  const because = findTarget(name)
    ? `the listing does not tell in words that Sidestep reads what ${name} does here`
    : `the listing does not show the chain ${name}`;
  // A whole table lists all its chains: what is none of them is a target.
  return { kind: 'opaque', name, words: [], ...(whole && !findTarget(name) ? {} : { because }) };
}

/** One use at a time, read as it would be typed: the tools' own checks say whether it was understood. */
function usesIn({ family, table, chain }: ListedPlace, { protocol }: RuleColumns) {
  const asked = protocol.text.startsWith('!') ? '' : `-p ${protocol.text} `;
  const parse = (words: string): Rule | undefined => {
    try {
      return parseRule(words, { family, table, chain });
    } catch (error) {
      if (error instanceof InputRefused) return undefined;
      throw error;
    }
  };
  return {
    match(name: string, words: string): MatchUse | undefined {
      const use = findMatch(name) && parse(`${asked}-m ${name} ${words}`)?.matches[0];
      return use?.kind === 'known' ? use : undefined;
    },
    target(name: string, words: string): TargetUse | undefined {
      const use = findTarget(name) && parse(`${asked}-j ${name} ${words}`)?.target;
      return use?.kind === 'known' ? use : undefined;
    },
  };
}

function readHeader(cut: RuleColumns, { family, table, chain }: ListedPlace, unshown: Unshown[]): Header {
  let header: Header = {};
  const add = (option: string, value: string, because: (value: string) => string): void => {
    const negated = value.startsWith('!');
    try {
      const words = `${negated ? '! ' : ''}${option}${value === '' ? '' : ` ${value.slice(negated ? 1 : 0)}`}`;
      header = { ...header, ...parseRule(words, { family, table, chain }).header };
    } catch (error) {
      if (!(error instanceof InputRefused)) throw error;
      unshown.push({ part: option, words: `${option} ${value}`, because: because(value) });
    }
  };
  const unresolved = (name: string): string =>
    `the listing shows the name ${JSON.stringify(name)}, not its number: iptables -L -n shows that`;
  const sides = [
    ['-s', cut.source.text],
    ['-d', cut.destination.text],
  ] as const;
  if (family === 'ipv6' && sides.some(([, text]) => text === 'anywhere'))
    unshown.push({ part: '-s, -d', because: ANYWHERE });
  for (const [option, text] of sides)
    if (!everywhere(text))
      add(option, family === 'ipv4' ? ofIpv4(text) : text.replace(/^(!?)localhost$/, '$1::1'), unresolved);
  for (const [option, name] of [
    ['-i', cut.in],
    ['-o', cut.out],
  ] as const)
    if (name !== undefined && name !== '*' && name !== 'any')
      add(option, name.replace(/^!(\*|any)$/, '!+'), unresolved);
  if (!/^(all|0)$/.test(cut.protocol.text)) add('-p', cut.protocol.text, unresolved);
  if (cut.fragment === '-f') header = { ...header, fragment: { value: true, negated: false } };
  if (cut.fragment === '!f') header = { ...header, fragment: { value: true, negated: true } };
  return header;
}

const everywhere = (text: string): boolean => text === 'anywhere' || text === '0.0.0.0/0' || text === '::/0';
const ofIpv4 = (text: string): string =>
  text
    .replace(/^(!?)anywhere$/, (_, bang) => `${bang}0.0.0.0/0`)
    .replace(/^(!?)localhost$/, (_, bang) => `${bang}127.0.0.1`)
    .replace(/^(!?)loopback\/8$/, (_, bang) => `${bang}127.0.0.0/8`);

/** What the tools shorten is counted in thousands, however many bytes. Source: xtables_print_num in libxtables. */
export function countersOf(packets: string | undefined, bytes: string | undefined): Counters | undefined {
  return packets === undefined || bytes === undefined
    ? undefined
    : { packets: countOf(packets), bytes: countOf(bytes) };
}

function countOf(word: string): bigint {
  const [, digits = '0', unit = ''] = /^(\d{1,20})([KMGTP]?)$/.exec(word) ?? [];
  return BigInt(digits) * 1000n ** BigInt(unit === '' ? 0 : ' KMGTP'.indexOf(unit));
}
