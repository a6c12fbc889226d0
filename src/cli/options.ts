import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Family } from '../address/index.ts';
import type { Backend, TableName } from '../netfilter/index.ts';
import type { KnownRules } from '../text/index.ts';

/** A namespace whose rules are read or changed live. None given: the one this process is in. */
export interface NamespaceOptions {
  readonly netns?: string;
  readonly pid?: number;
  readonly container?: string;
  readonly backend?: Backend;
}

/** Where the rules come from: live, or a file. */
export interface SourceOptions extends NamespaceOptions {
  readonly from?: string;
  readonly family?: Family;
  readonly keepGoing?: boolean;
  /** The table of rules that name none. */
  readonly table?: TableName;
  /** Rules of texts that were read before, where several are read. */
  readonly known?: KnownRules;
}

export type OutputForm = 'text' | 'json' | 'save';

/** The options of every command that reads or changes live rules. */
export const namespaceOptions = (command: Command): Command =>
  backendOption(
    command
      .optionsGroup('Which network namespace:')
      .option('--netns <name>', 'by name (ip netns) or path')
      .addOption(new Option('--pid <pid>', 'that of a process').argParser(wholeNumber('a process id', 1, 4194304)))
      .option('--container <id>', 'that of a container: an id, or the beginning of one; any runtime'),
  );

export const backendOption = (command: Command): Command =>
  command.addOption(
    new Option(
      '--backend <name>',
      "iptables' back end (default: SIDESTEP_BACKEND's, else found as Istio finds it)",
    ).choices(['nft', 'legacy']),
  );

/** The options of every command that can also read a file. */
export const sourceOptions = (command: Command): Command =>
  namespaceOptions(command)
    .optionsGroup('Or from a file, on any system:')
    .option(
      '--from <file>',
      'what iptables-save, iptables -S or -L, nft list ruleset or nft -j printed, a script of iptables commands, or a snapshot; - reads standard input',
    )
    .option('--keep-going', 'pass over rules that cannot be read; where they matter the answer is "unknown"');

export const familyOption = (command: Command): Command =>
  command.addOption(new Option('--family <family>', 'this family only').choices(['ipv4', 'ipv6']));

/** The families that a program is written for: more than a filter, because a host's addresses decide otherwise. */
export const programFamilyOption = (command: Command): Command =>
  command.addOption(
    new Option('--family <family>', 'this family only, or both, whatever addresses the host has').choices([
      'ipv4',
      'ipv6',
      'both',
    ]),
  );

export const outputOption = (command: Command, ...forms: readonly string[]): Command =>
  command.addOption(new Option('-o, --output <form>', 'how the result is printed').choices(forms).default('text'));

/** A parser for numbers from `low` to `high`; `what` is the noun of its complaint. */
export const wholeNumber =
  (what: string, low: number, high: number) =>
  (word: string): number => {
    const number = /^\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
    if (number >= low && number <= high) return number;
    throw new InvalidArgumentError(`Expected is ${what} from ${low} to ${high}.`);
  };

export const port = wholeNumber('a port', 1, 65535);

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `90s`, `30m`, `2h`, `1h30m`, `1d` in milliseconds; a bare 0 is none. */
export function milliseconds(word: string): number {
  if (word === '0') return 0;
  const parts = [...word.matchAll(/(\d{1,9})(ms|[smhd])/g)];
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNITS[unit ?? ''] ?? 0), 0);
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== word) {
    throw new InvalidArgumentError('Expected is a span of time like 30m, 2h or 1h30m.');
  }
  return total;
}

/** The same in whole seconds, at least one. */
export function seconds(word: string): number {
  const total = milliseconds(word) / 1000;
  if (Number.isInteger(total) && total >= 1) return total;
  throw new InvalidArgumentError('Expected is a span of time of at least a second, like 30m, 2h or 1h30m.');
}

export type { Family, TableName };
