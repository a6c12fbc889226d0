import { Argument } from 'commander';
import { comparePackets, differenceDocument, differenceScreen, isDifferent } from '../explain/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { defineCommand } from './command.ts';
import { familyOption, type OutputForm, outputOption, type SourceOptions } from './options.ts';
import { readSource } from './source.ts';
import { EXIT } from './status.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';
import { isWritten, readWritten } from './written.ts';

interface DiffOptions {
  readonly output: OutputForm;
  readonly family?: NonNullable<SourceOptions['family']>;
  readonly keepGoing?: boolean;
}

/** Words that stand for a live namespace instead of a file. */
const LIVE = /^(netns|pid|container):(.+)$/;

export const diff = defineCommand<DiffOptions>({
  examples: [
    [
      'sidestep diff before.txt after.txt',
      'exactly the packets that two rule sets treat differently, with an example of each',
    ],
    ['sidestep diff before.txt here', 'what has changed since: a file against this network namespace'],
    ['sidestep diff pid:4711 container:3f2a', 'two live namespaces'],
    [`sidestep diff "init -b '*' -i '*'" here`, 'what init would write, and what is here'],
    ['sidestep diff monday.json tuesday.json -o json', 'two snapshots, for a script; exit status 1 where they differ'],
  ],
  declare(command) {
    const rules =
      'a file as --from of list takes it, - for standard input, here, netns:NAME, pid:PID, container:ID, or init and its flags in one word';
    command.addArgument(new Argument('<before>', rules)).addArgument(new Argument('<after>', 'likewise'));
    command.option('--keep-going', 'pass over rules that cannot be read; where they matter the answer is "perhaps"');
    familyOption(command);
    outputOption(command, 'text', 'json');
  },
  async run({ args: [before = '', after = ''], options, terminal }) {
    if (before === '-' && after === '-') {
      throw new UsageError('both cannot come from standard input', 'Put one of them into a file.');
    }
    const { KnownRules } = await import('../text/index.ts');
    const known = new KnownRules();
    const reading = { ...options, known };
    const told = comparePackets(await read(before, reading, terminal), await read(after, reading, terminal));
    if (options.output === 'json') terminal.json(differenceDocument(told));
    else await terminal.show(differenceScreen(told));
    return isDifferent(told) ? EXIT.finding : EXIT.done;
  },
});

function read(
  word: string,
  { family, keepGoing, known }: DiffOptions & Pick<SourceOptions, 'known'>,
  terminal: Terminal,
): Promise<Snapshot> {
  const shared = { ...(family ? { family } : {}), ...(keepGoing ? { keepGoing } : {}), ...(known ? { known } : {}) };
  if (isWritten(word)) return readWritten(word);
  if (word === 'here') return readSource(shared, terminal);
  const [, kind, value = ''] = LIVE.exec(word) ?? [];
  if (kind === undefined) return readSource({ ...shared, from: word }, terminal);
  if (kind !== 'pid') return readSource({ ...shared, [kind]: value }, terminal);
  if (!/^\d{1,7}$/.test(value))
    throw new UsageError(`${word} names no process`, 'A process is named by its number: pid:4711.');
  return readSource({ ...shared, pid: Number(value) }, terminal);
}
