import { Argument } from 'commander';
import { comparePackets, differenceDocument, differenceScreen, familyWord, isDifferent } from '../explain/index.ts';
import type { Interception } from '../interception/index.ts';
import type { Snapshot } from '../netfilter/index.ts';
import { defineCommand } from './command.ts';
import { familyOption, type OutputForm, outputOption, type SourceOptions } from './options.ts';
import { readSource } from './source.ts';
import { EXIT } from './status.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';
import { askedBy, isWritten, writtenFrom } from './written.ts';

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
    [
      `sidestep diff "init -i '*' --family both" "init -i '*' --family both --dialect istio-nft"`,
      'do two ways to write the same treat every packet alike?',
    ],
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
    const { family } = options;
    if (before === '-' && after === '-') {
      throw new UsageError('both cannot come from standard input', 'Put one of them into a file.');
    }
    const { KnownRules } = await import('../text/index.ts');
    const known = new KnownRules();
    const reading = { ...options, known };
    const sides = [await sideOf(before, reading, terminal), await sideOf(after, reading, terminal)] as const;
    const compared = comparePackets(sides[0].snapshot, sides[1].snapshot, family && [family]);
    const told = { ...compared, notes: [...compared.notes, ...(family === undefined ? familyNote(...sides) : [])] };
    if (options.output === 'json') terminal.json(differenceDocument(told));
    else await terminal.show(differenceScreen(told));
    return isDifferent(told) ? EXIT.finding : EXIT.done;
  },
});

/** Rules that are compared, and what they were written for where init would write them. */
interface Side {
  readonly snapshot: Snapshot;
  readonly asked?: Interception;
}

async function sideOf(word: string, options: Reading, terminal: Terminal): Promise<Side> {
  if (!isWritten(word)) return { snapshot: await read(word, options, terminal) };
  const asked = await askedBy(word);
  return { snapshot: writtenFrom(asked, word), asked: asked.interception };
}

/** What the native form says of neither family holds for both; iptables' leave the one alone that is not asked for. */
function familyNote(...sides: readonly Side[]): readonly string[] {
  const forms = sides.flatMap(({ asked }) => (asked ? [asked.dialect === 'istio-nft'] : []));
  if (!forms.includes(true) || !forms.includes(false)) return [];
  const [left] = sides.flatMap(({ asked }) => (asked && asked.families.length === 1 ? asked.families : []));
  return left === undefined
    ? []
    : [
        `${familyWord(left)} alone is asked for, but native tables meet both families: --family both, in both words, asks for both`,
      ];
}

type Reading = DiffOptions & Pick<SourceOptions, 'known'>;

function read(word: string, { family, keepGoing, known }: Reading, terminal: Terminal): Promise<Snapshot> {
  const shared = { ...(family ? { family } : {}), ...(keepGoing ? { keepGoing } : {}), ...(known ? { known } : {}) };
  if (word === 'here') return readSource(shared, terminal);
  const [, kind, value = ''] = LIVE.exec(word) ?? [];
  if (kind === undefined) return readSource({ ...shared, from: word }, terminal);
  if (kind !== 'pid') return readSource({ ...shared, [kind]: value }, terminal);
  if (!/^\d{1,7}$/.test(value))
    throw new UsageError(`${word} names no process`, 'A process is named by its number: pid:4711.');
  return readSource({ ...shared, pid: Number(value) }, terminal);
}
